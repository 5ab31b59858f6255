"""What was clicked and done with the classes, however fast: done before the page is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import streamlit as st

from app.components.palette import ClassRow, Done, palette_done
from app.components.steps import Step, take
from app.components.viewer import Viewed, clicked
from app.segment_desk import Desk
from app.trouble import plain
from georetrieve.errors import GeoRetrieveError
from georetrieve.sources.masks.table_file import parse_colour

__all__ = ["PALETTE", "VIEWER", "catch_up", "say_wrong", "shown_classes", "shown_image", "undo"]

VIEWER, PALETTE = "segment_viewer", "segment_palette"
SAME_PX = 0.01
NO_CLASS = "Name a class first, at the right; then click where you see it."


@dataclass(slots=True)
class _Shown:
    """What this visitor has seen, to which steps may refer.

    Attributes:
        images: By the address of their tiles: name, and how the image is viewed.
        foreign: Classes, by name, that only the model of a map knows.
        wrong: Why steps could not be done.
    """

    images: dict[str, tuple[str, Viewed]] = field(default_factory=dict)
    foreign: dict[str, ClassRow] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


def _shown() -> _Shown:
    held: _Shown = st.session_state.setdefault("_segment_shown", _Shown())
    return held


def shown_image(name: str, viewed: Viewed) -> None:
    """Remember that the image of this name is clicked on."""
    _shown().images[viewed.tiles] = name, viewed


def shown_classes(desk: Desk, rows: Sequence[ClassRow]) -> None:
    """Remember which classes can be acted on."""
    _shown().foreign = {row.name: row for row in rows if row.name not in desk.draft.names}


def catch_up(desk: Desk) -> None:
    """Do what was done since, in the order it was."""
    shown = _shown()
    for step in take(VIEWER, PALETTE):
        try:
            _do(desk, shown, step)
        except GeoRetrieveError as error:
            shown.wrong.append(str(error))


def undo(desk: Desk) -> None:
    """Take back the last step, of those too that the page has not shown yet."""
    catch_up(desk)
    desk.draft.undo()


def say_wrong() -> None:
    """Say what could not be done."""
    shown = _shown()
    wrong, shown.wrong = shown.wrong, []
    for line in dict.fromkeys(wrong):
        st.error(plain(line), icon=":material/error:")


def _do(desk: Desk, shown: _Shown, step: Step) -> None:
    if step.key == PALETTE:
        done = palette_done(step.said, {*desk.draft.names, *shown.foreign})
        if done is not None:
            _do_with_class(desk, shown.foreign, done)
        return
    name, viewed = shown.images.get(str(step.said.get("of")), ("", None))
    point = None if viewed is None else clicked(step.said, viewed)
    if point is None:
        return
    if desk.active not in desk.draft.names:
        desk.active = next(iter(desk.draft.names), None)
    if desk.active is None:
        shown.wrong.append(NO_CLASS)
    else:
        # A click on a point comes with just its place.
        desk.draft.click(name, *point, desk.active, reach=SAME_PX)


def _do_with_class(desk: Desk, foreign: dict[str, ClassRow], done: Done) -> None:
    draft = desk.draft
    if done.act == "add" and done.name.strip() in draft.names:
        desk.active = done.name.strip()
    elif done.act == "add":
        desk.active = draft.add_class(done.name)
    elif done.name not in draft.names:  # of a model: taken over
        desk.active = draft.add_class(done.name, parse_colour(foreign[done.name].colour))
    elif done.act == "choose":
        desk.active = done.name
    elif done.act == "rename":
        desk.active = draft.rename_class(done.name, done.value)
    elif done.act == "colour":
        draft.colour_class(done.name, parse_colour(done.value))
    else:
        draft.remove_class(done.name)
