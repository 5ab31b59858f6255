"""Keys of the Label page: each does what it says with what was ticked when it was pressed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app import acts, chosen
from app.components.gallery import Pressed, pressed
from app.label_queues import Queue
from app.opened import Opened
from georetrieve.stores.label_journal import How

__all__ = [
    "GALLERY",
    "NOTHING_SURE",
    "NOTHING_TICKED",
    "do_pressed",
    "keys_of",
    "suggested_of",
]

GALLERY = "label_gallery"
NOTHING_TICKED = "Nothing is ticked yet: click the pictures first."
NOTHING_SURE = "Nothing is suggested that could be accepted; tick it and give it a label."
_LABEL, _ACCEPT, _KEEP, _UNDO = "label ", "accept", "keep", "undo"


def keys_of(queue: Queue, labels: Sequence[str]) -> dict[str, str]:
    """What keys do; the buttons that show them are for the pointer.

    Args:
        queue: That is shown.
        labels: Of the keys 1 to 9.
    """
    digits = {str(digit): _LABEL + label for digit, label in enumerate(labels, start=1)}
    keep = {} if queue.against is None else {"k": _KEEP}
    return {**digits, **keep, "a": _ACCEPT, "u": _UNDO}


def do_pressed(opened: Opened, queue: Queue) -> bool:
    """Do what keys were pressed for, one after the other; whether there were any.

    A person at work is faster than the page: it may hear of many keys at once.
    """
    some = pressed(GALLERY)
    for one in some:
        _do(opened, queue, one)
    return bool(some)


def _do(opened: Opened, queue: Queue, one: Pressed) -> None:
    if one.does == _UNDO:
        acts.undo(opened, then=one.step.done)
        return
    chosen.replace_shown(opened, one.shown, one.ids)
    ticked = chosen.chosen(opened)
    how: How = "given"
    if one.does == _ACCEPT:
        labels, how = suggested_of(queue, ticked), "suggested"
    elif one.does == _KEEP:
        against = {} if queue.against is None else queue.against.labels
        labels = {item: against[item] for item in ticked if item in against}
    else:
        labels = dict.fromkeys(ticked, one.does.removeprefix(_LABEL))
    if labels:
        acts.give(opened, labels, how, then=one.step.done)
    else:
        one.step.done()
        why = NOTHING_SURE if one.does == _ACCEPT else "None of these is in the queue."
        acts.say(why if ticked else NOTHING_TICKED)


def suggested_of(queue: Queue, some: Iterable[str]) -> dict[str, str]:
    """What some items are suggested to be; of what is far from anything labelled votes say little.

    There a label is given by hand.
    """
    found = ((one, queue.suggestion(one)) for one in some)
    return {one: said.label for one, said in found if said is not None and not said.far}
