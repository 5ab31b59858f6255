"""The items of a file as outlines to click, coloured by what they are; with a legend."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import streamlit as st

from app import suggested
from app.colours import NO_LABEL, label_colours
from app.components.legend import Entry
from app.components.viewer import Drawn, Shape
from app.opened import Opened
from app.slide_files import Place
from app.waiting import bar
from georetrieve.probes.classification.suggestions import Suggestion
from georetrieve.search.outlines import ItemOutline, slide_outlines
from georetrieve.types import Region

__all__ = ["COLOURINGS", "Look", "Outlined", "find_outlines", "outlined", "padded"]

COLOURINGS = ("Label", "Suggestion", "None")
"""What outlines are coloured by; with suggestions, those that have a label keep its colour."""
ONE_COLOUR = "#e07a1f"
KEPT = 16

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Look:
    """How outlines are shown.

    Attributes:
        colouring: One of :data:`COLOURINGS`.
        trace: The edges of specimens rather than their boxes.
    """

    colouring: str = "None"
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


def find_outlines(opened: Opened, place: Place, *, trace: bool) -> list[ItemOutline]:
    """Where the items of a file, or of a slice, lie.

    Raises:
        SourceError: The file is gone or cannot be read.
    """

    def find() -> list[ItemOutline]:
        with bar() as progress:
            return slide_outlines(
                opened.index.store, place.source, place.path, slice_index=place.slice_index,
                axis=place.axis, trace=trace, progress=progress,
            )  # fmt: skip

    return _kept(("found", opened.version, opened.key, *place.file, trace), find)


def outlined(
    opened: Opened, place: Place, size: tuple[int, int], look: Look, hidden: Sequence[str]
) -> Outlined:
    """Outlines coloured and counted; none around what is the whole image.

    Raises:
        SourceError: The file is gone or cannot be read.
        StoreError: They are to be coloured by suggestions, and nothing is labelled.
    """
    items = find_outlines(opened, place, trace=look.trace)
    votes = suggested.votes(opened) if look.colouring == "Suggestion" else None

    def draw() -> Outlined:
        found = {}
        if votes is not None:
            found = {one.id: votes.found[one.id] for one in items if one.id in votes.found}
        whole = Region(0, 0, *size).box
        parts = [one for one in items if one.region.box != whole]
        return _outlined(parts, found, label_colours(opened), look.colouring, set(hidden))

    made_of = (look, *sorted(hidden), opened.spec.name, votes and votes.version)
    return _kept(("drawn", opened.version, opened.key, *place.file, made_of), draw)


def _outlined(
    outlines: Sequence[ItemOutline],
    votes: Mapping[str, Suggestion],
    colours: Mapping[str, str],
    colouring: str,
    hidden: set[str],
) -> Outlined:
    counts: Counter[str] = Counter()
    shapes = []
    for one in outlines:
        vote = None if one.label else votes.get(one.id)
        name = one.label or (vote.label if vote else "")
        counts[name] += 1
        if name in hidden and colouring != "None":
            continue
        colour = ONE_COLOUR if colouring == "None" else colours.get(name, NO_LABEL)
        faint = colouring != "None" and not one.label
        shapes.append(
            Shape(id=one.id, rings=one.rings, colour=colour, title=_title(one, vote), faint=faint)
        )
    entries = [
        Entry(
            name=name, colour=colours.get(name, NO_LABEL), count=count, title=name or "no label"
        )
        for name, count in sorted(counts.items(), key=lambda pair: (not pair[0], -pair[1], pair[0]))
    ]  # fmt: skip
    return Outlined(
        Drawn(shapes),
        [] if colouring == "None" else entries,
        {one.id: one.region for one in outlines},
        len(shapes),
        len(outlines),
    )


def _title(one: ItemOutline, vote: Suggestion | None) -> str:
    lines = [one.label or "no label"]
    if vote is not None:
        lines = [f"{vote.label}? {vote.probability:.2f}" + (" · far" if vote.far else "")]
    lines += [_measure(name, value) for name, value in one.measures.items()]
    return "\n".join(lines)


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


def _kept(key: tuple[object, ...], make: Callable[[], T]) -> T:
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
def _held() -> OrderedDict[tuple[object, ...], object]:
    return OrderedDict()
