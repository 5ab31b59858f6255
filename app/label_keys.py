"""Keys of the Label page: each does what it says with what was ticked when it was pressed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from app import acts, chosen
from app.components.gallery import Pressed, pressed, take_ticks
from app.label_queues import Queue
from app.opened import Opened
from georetrieve.stores.label_journal import How

__all__ = [
    "ACCEPT",
    "GALLERY",
    "KEEP",
    "NOTHING_SURE",
    "do_pressed",
    "do_ticked",
    "keys_of",
    "labels_as",
    "suggested_of",
]

GALLERY = "label_gallery"
NOTHING_TICKED = "Nothing is ticked yet: click the pictures first."
NOTHING_SURE = "Nothing is suggested that could be accepted; tick it and give it a label."
ACCEPT, KEEP = "accept", "keep"
_LABEL, _UNDO = "label ", "undo"


def keys_of(queue: Queue, labels: Sequence[str]) -> dict[str, str]:
    """What keys do; the buttons that show them are for the pointer.

    Args:
        queue: That is shown.
        labels: Of the keys 1 to 9.
    """
    digits = {str(digit): labels_as(label) for digit, label in enumerate(labels, start=1)}
    keep = {} if queue.against is None else {"k": KEEP}
    return {**digits, **keep, "a": ACCEPT, "u": _UNDO}


def labels_as(label: str) -> str:
    """What a key or a button does that gives a label."""
    return _LABEL + label


def do_pressed(opened: Opened, queue: Queue) -> bool:
    """Do what keys were pressed for, one after the other; whether there were any.

    A person at work is faster than the page: it may hear of many keys at once.
    """
    some = pressed(GALLERY)
    for one in some:
        _do(opened, queue, one)
    return bool(some)


def do_ticked(opened: Opened, queue: Queue, shown: Sequence[str], does: str) -> None:
    """Do, when a button is pressed, what its key does.

    With what is ticked by then: whoever ticks a picture and presses a button at once is ahead of
    the page, which has not been shown since. That is also why these buttons are never disabled for
    want of a tick.
    """
    ticks = take_ticks(GALLERY, shown)
    if ticks is not None:
        chosen.replace_shown(opened, shown, ticks)
    _label(opened, queue, does)


def _do(opened: Opened, queue: Queue, one: Pressed) -> None:
    if one.does == _UNDO:
        acts.undo(opened, then=one.step.done)
        return
    chosen.replace_shown(opened, one.shown, one.ids)
    _label(opened, queue, one.does, then=one.step.done)


def _label(
    opened: Opened, queue: Queue, does: str, *, then: Callable[[], None] | None = None
) -> None:
    """Label what is ticked, or say why nothing is labelled."""
    ticked = chosen.chosen(opened)
    how: How = "given"
    if does == ACCEPT:
        labels, how = suggested_of(queue, ticked), "suggested"
    elif does == KEEP:
        against = {} if queue.against is None else queue.against.labels
        labels = {item: against[item] for item in ticked if item in against}
    else:
        labels = dict.fromkeys(ticked, does.removeprefix(_LABEL))
    if labels:
        acts.give(opened, labels, how, then=then)
        return
    if then is not None:
        then()
    why = NOTHING_SURE if does == ACCEPT else "None of these is in the queue."
    acts.say(why if ticked else NOTHING_TICKED)


def suggested_of(queue: Queue, some: Iterable[str]) -> dict[str, str]:
    """What some items are suggested to be; of what is far from anything labelled votes say little.

    There a label is given by hand.
    """
    found = ((one, queue.suggestion(one)) for one in some)
    return {one: said.label for one, said in found if said is not None and not said.far}
