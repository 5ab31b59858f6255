"""The items of a file as outlines to click, coloured by what they are; with a legend."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar, cast

import streamlit as st

from app import suggested
from app.colours import NO_LABEL, label_colours
from app.components.legend import Entry
from app.components.viewer import Drawn, Shape
from app.opened import Opened
from app.slide_files import Place
from app.waiting import bar
from georetrieve.probes.classification.suggestions import Suggestions
from georetrieve.search.outlines import ItemOutline, slide_outlines
from georetrieve.sources.masks.classes import distinct_colours
from georetrieve.types import Region

__all__ = ["COLOURINGS", "Look", "Outlined", "find_outlines", "outlined", "padded"]

SUGGESTION, NONE = "Suggestion", "None"
COLOURINGS = ("Label", SUGGESTION, NONE)
"""What outlines are coloured by; with suggestions, those that have a label keep its colour."""
ONE_COLOUR = "#e07a1f"
KEPT = 16

T = TypeVar("T")
_Key: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """How outlines are shown.

    Attributes:
        colouring: One of :data:`COLOURINGS`.
        trace: The edges of specimens rather than their boxes.
    """

    colouring: str = NONE
    trace: bool = False


@dataclass(frozen=True, slots=True)
class Outlined:
    """Outlines as they are shown.

    Attributes:
        drawn: For the viewer.
        entries: Of the legend: every class there is, shown or hidden.
        regions: The box of each item, by id.
        shown: How many are.
        of: How many there are.
    """

    drawn: Drawn
    entries: list[Entry]
    regions: dict[str, Region]
    shown: int
    of: int


def find_outlines(opened: Opened, place: Place, look: Look) -> list[ItemOutline]:
    """Where the items of a file, or of a slice, lie, and what those without a label may be.

    Raises:
        SourceError: The file is gone or cannot be read.
        StoreError: Suggestions are looked for, and nothing is labelled.
    """
    return _found(opened, place, look)[1]


def _found(opened: Opened, place: Place, look: Look) -> tuple[_Key, list[ItemOutline]]:
    """By what they are kept, and they themselves."""

    def find() -> list[ItemOutline]:
        with bar() as progress:
            return slide_outlines(
                opened.index.store, place.source, place.path, slice_index=place.slice_index,
                axis=place.axis, trace=look.trace, progress=progress,
            )  # fmt: skip

    key: _Key = ("found", opened.version, opened.key, *place.file, look.trace)
    items = _kept(key, find)
    if look.colouring != SUGGESTION or all(one.label or one.predicted for one in items):
        return key, items
    votes = suggested.votes(opened)
    key = ("suggested", *key, opened.spec.name, votes.version)
    return key, _kept(key, lambda: [_suggested(one, votes.found) for one in items])


def _suggested(one: ItemOutline, votes: Suggestions) -> ItemOutline:
    """What a probe has written of an item stands; what neighbours say comes after it."""
    if one.label or one.predicted or one.id not in votes:
        return one
    vote = votes[one.id]
    measures = {**one.measures, "Predicted probability": vote.probability}
    return replace(one, predicted=vote.label, measures=measures)


def outlined(
    opened: Opened, place: Place, size: tuple[int, int], look: Look, hidden: Sequence[str]
) -> Outlined:
    """Outlines coloured and counted; none around what is the whole image.

    Raises:
        SourceError: The file is gone or cannot be read.
        StoreError: They are to be coloured by suggestions, and nothing is labelled.
    """
    key, items = _found(opened, place, look)
    whole = Region(0, 0, *size).box

    def draw() -> Outlined:
        parts = [one for one in items if one.region.box != whole]
        return _outlined(parts, label_colours(opened), look.colouring, set(hidden))

    return _kept(("drawn", *key, look, *sorted(hidden)), draw)


def _outlined(
    outlines: Sequence[ItemOutline], colours: Mapping[str, str], colouring: str, hidden: set[str]
) -> Outlined:
    names = {one.id: _class_of(one, colouring) for one in outlines}
    counts = Counter(names.values())
    colours = _all_coloured(colours, counts)
    shapes = [
        Shape(
            id=one.id, rings=one.rings, title=_title(one, colouring),
            colour=ONE_COLOUR if colouring == NONE else colours[names[one.id]],
            faint=colouring != NONE and not one.label,
        )
        for one in outlines
        if colouring == NONE or names[one.id] not in hidden
    ]  # fmt: skip
    order = sorted(counts, key=lambda name: (not name, -counts[name], name))
    entries = [
        Entry(name=name, colour=colours[name], count=counts[name], title=name or "no label")
        for name in order
        if colouring != NONE
    ]
    regions = {one.id: one.region for one in outlines}
    return Outlined(Drawn(shapes), entries, regions, len(shapes), len(outlines))


def _class_of(one: ItemOutline, colouring: str) -> str:
    return one.label or (one.predicted if colouring == SUGGESTION else None) or ""


def _all_coloured(colours: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Colours also of classes that are only predicted, and of none."""
    further = sorted(name for name in names if name and name not in colours)
    shades = distinct_colours(len(colours) + len(further))[len(colours) :]
    shown = ("#{:02x}{:02x}{:02x}".format(*shade) for shade in shades)
    return {**colours, **dict(zip(further, shown, strict=True)), "": NO_LABEL}


def _title(one: ItemOutline, colouring: str) -> str:
    name = one.label or (f"{one.predicted}?" if _class_of(one, colouring) else "no label")
    return "\n".join([name, *(_measure(what, value) for what, value in one.measures.items())])


def _measure(name: str, value: float) -> str:
    """``Area µm^2`` of 2630 as ``Area 2,630 µm²``."""
    what, _, unit = name.rpartition(" ")
    number = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{what} {number} {unit.replace('^2', '²')}" if "µm" in unit else f"{name} {number}"


def padded(region: Region, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """What is looked at to see an item with what is around it: (x, y, width, height)."""
    side = 4.0 * max(region.width, region.height)
    width, height = min(side * 1.6, size[0]), min(side, size[1])
    return (
        region.x + (region.width - width) / 2,
        region.y + (region.height - height) / 2,
        width,
        height,
    )


def _kept(key: _Key, make: Callable[[], T]) -> T:
    """What was made before, or is now; a few are kept, for all visitors.

    Streamlit's own cache would show how far the making is each time that it gives what it kept.
    """
    held = _held()
    if key not in held:
        held[key] = make()
        while len(held) > KEPT:
            held.popitem(last=False)
    return cast("T", held[key])


@st.cache_resource(show_spinner=False)
def _held() -> OrderedDict[_Key, object]:
    return OrderedDict()
