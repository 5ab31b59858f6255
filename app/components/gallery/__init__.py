"""A gallery of thumbnails to look at, choose from, and act on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TypeGuard

import streamlit as st

from app.components.mounting import component
from app.components.steps import Step, taken, waiting

__all__ = ["Action", "Card", "Picked", "Pressed", "gallery", "pressed", "take_ticks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What is shown of an item.

    Attributes:
        id: Of the item.
        src: Address of its thumbnail.
        title: Shown when the pointer rests on it: file, region, metadata; lines.
        label: Below the picture; "" for none.
        colour: Of the label, ``#rrggbb``; "" for none.
        note: At the right of the label: a score, a share.
        mark: "" or a sign in the corner of the picture that stands for itself: ``?``.
        faint: The label is only suggested.
        hint: Another line, below the label; "" for none.
    """

    id: str
    src: str
    title: str = ""
    label: str = ""
    colour: str = ""
    note: str = ""
    mark: str = ""
    faint: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A small button on a card that comes up under the pointer.

    Attributes:
        name: What :attr:`Picked.action` then is.
        sign: One or two letters or signs, or one that is drawn: ``enlarge``, ``slide``.
        title: What it does.
    """

    name: str
    sign: str
    title: str


@dataclass(frozen=True, slots=True)
class Picked:
    """What a person has just done; each is None in the runs of the script after it.

    Attributes:
        chosen: Ids of the cards that are ticked now, when that has changed.
        action: What was done with ``id``: ``open`` for a click on its picture, or the name of an
            action.
        id: Of the card.
    """

    chosen: list[str] | None = None
    action: str | None = None
    id: str | None = None


def gallery(
    cards: Sequence[Card],
    *,
    key: str,
    chosen: Collection[str] | None = None,
    actions: Sequence[Action] = (),
    side: int = 132,
    open_title: str = "",
    click_ticks: bool = False,
    keys: Mapping[str, str] | None = None,
) -> Picked:
    """Show cards.

    A click on a picture opens it, or ticks it. Ticks choose: one by a click on its corner, a range
    with Shift; Space and Enter do the same from the keyboard, arrow keys move.

    Args:
        cards: In order.
        key: Of the widget.
        chosen: Ids that are ticked; None: nothing can be.
        actions: What can be done with a card, beside opening it.
        side: Of a picture, pixels of the screen.
        open_title: What a click on a picture does.
        click_ticks: A click on a picture ticks it; Enter still opens it.
        keys: What keys do with what is ticked when they are pressed: :func:`pressed` says it.
    """
    shown = {card.id for card in cards}
    done = component("gallery")(
        key=key,
        data={
            "cards": [asdict(card) for card in cards],
            "chosen": None if chosen is None else [one for one in chosen if one in shown],
            "actions": [asdict(action) for action in actions],
            "side": side,
            "openTitle": open_title,
            "clickTicks": click_ticks,
            "answered": st.session_state.get(_answered(key), 0),
            "keys": dict(keys or {}),
            "taken": dict(taken(key)),
        },
        on_steps_change=lambda: None,
        on_chosen_change=lambda: None,
        on_done_change=lambda: None,
    )
    act = done.done or {}
    if act.get("id") not in shown:  # of cards that are no longer shown, or made up
        act = {}
    return Picked(chosen=take_ticks(key, shown), action=act.get("action"), id=act.get("id"))


@dataclass(frozen=True, slots=True)
class Pressed:
    """A key that was pressed.

    Attributes:
        does: What it does, one of those of :func:`gallery`.
        ids: Of the cards that were ticked.
        shown: Ids of all cards that were there.
        step: To be marked as done.
    """

    does: str
    ids: list[str]
    shown: list[str]
    step: Step


def pressed(key: str) -> list[Pressed]:
    """Keys that were pressed and are not done yet, in their order; ticks made after one wait.

    Args:
        key: Of the gallery.
    """
    found = []
    for step in waiting(key):
        does, ids, shown, ticks = (
            step.said.get(part) for part in ("does", "ids", "shown", "ticks")
        )
        if not (isinstance(does, str) and isinstance(ticks, int) and _names(ids) and _names(shown)):
            step.done()
            continue
        st.session_state[_answered(key)] = max(st.session_state.get(_answered(key), 0), ticks)
        found.append(Pressed(does, list(ids), list(shown), step))
    return found


def _names(some: object) -> TypeGuard[list[str]]:
    return isinstance(some, list) and all(isinstance(one, str) for one in some)


def take_ticks(key: str, shown: Collection[str]) -> list[str] | None:
    """Ids of the cards that are ticked now, if that has changed since it was last asked.

    For callbacks: they run before the gallery is shown again, and a person who ticks a card and
    presses a key at once means that card too.

    Args:
        key: Of the gallery.
        shown: Ids of its cards.
    """
    # A state and not a trigger, for a trigger may be lost to a run that is under way.
    said = (st.session_state.get(key) or {}).get("chosen") or {"number": 0, "ids": []}
    if said["number"] <= st.session_state.get(_answered(key), 0):
        return None
    st.session_state[_answered(key)] = int(said["number"])
    return [one for one in said["ids"] if one in shown]


def _answered(key: str) -> str:
    return f"_{key}_answered"
