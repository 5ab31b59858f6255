"""A scatter of very many items to look at, to point at, and to draw round."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st

from app.components.mounting import component
from georetrieve.serving.pictures import PICTURES
from georetrieve.types import FloatArray

__all__ = ["Colours", "Entry", "Points", "Ring", "Seen", "lend_ids", "points"]

BLOCK = 4096  # ids fetched at once
MOST_CORNERS, MOST_CLASSES = 2000, 1000
FAINT, TICKED = 2, 4  # as in points.js


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the legend.

    Attributes:
        name: Of the class.
        colour: ``#rrggbb``.
        count: Items.
    """

    name: str
    colour: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Colours:
    """What N points are coloured by.

    Attributes:
        name: Of it.
        codes: (N,) places in ``palette``, -1 where nothing is known.
        palette: ``#rrggbb`` by code.
        legend: An entry for each class, in the order of codes; none of numbers.
        unknown: Points of which nothing is known.
        span: Lowest and highest number; None of classes.
    """

    name: str
    codes: npt.NDArray[np.int16]
    palette: Sequence[str]
    legend: Sequence[Entry]
    unknown: Entry
    span: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """What is drawn.

    Attributes:
        key: Of the shelf of the thumbnails.
        ids: Addresses of the ids (:func:`lend_ids`).
        places: (N, 2).
        colours: Of the N points.
        faint: (N,) whether a point is drawn faintly.
        ticked: (N,) whether it is chosen.
    """

    key: str
    ids: Sequence[str]
    places: FloatArray
    colours: Colours
    faint: npt.NDArray[np.bool_]
    ticked: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Ring:
    """A line that was drawn round points.

    Attributes:
        corners: (x, y) on the map.
        add: To what is chosen, and not instead of it.
        off: Codes of the legend that are switched off.
    """

    corners: tuple[tuple[float, float], ...]
    add: bool
    off: frozenset[int]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a person has just done; each is None in the runs of the script after it.

    Attributes:
        ring: A line that was drawn.
        open: Id of the point that was clicked, as the browser says it.
        lost: The server has let go of what it lent; what is kept of addresses is worth nothing.
    """

    ring: Ring | None = None
    open: str | None = None
    lost: bool = False


def lend_ids(ids: Sequence[str], hashes: Sequence[str]) -> list[str]:
    """Addresses of N ids and digests of their files, some thousands each."""
    pairs = [[one, digest[:12]] for one, digest in zip(ids, hashes, strict=True)]
    return [
        _lent(json.dumps(pairs[start : start + BLOCK]).encode(), "application/json")
        for start in range(0, len(pairs), BLOCK)
    ]


def points(shown: Points, *, key: str, height: int = 560) -> Seen:
    """Show points: wheel and buttons zoom, dragging moves, a line drawn round them chooses.

    Args:
        shown: What.
        key: Of the widget. The view stays while the places are the same.
        height: Pixels of the screen.
    """
    colours, span = shown.colours, shown.colours.span
    marks = shown.faint.astype(np.uint8) * FAINT + shown.ticked.astype(np.uint8) * TICKED
    done = component("points")(
        key=key,
        data={
            "key": shown.key,
            "ids": list(shown.ids),
            "blockSize": BLOCK,
            "places": _lent(shown.places.astype("<f4").tobytes()),
            "codes": _lent(colours.codes.astype("<i2").tobytes()),
            "marks": _lent(marks.tobytes()),
            "colouring": colours.name,
            "legend": [_entry(entry) for entry in colours.legend],
            "palette": list(colours.palette),
            "unknown": _entry(colours.unknown),
            "span": None if span is None else [f"{end:.4g}" for end in span],
            "low": span[0] if span else 0,
            "high": span[1] if span else 0,
            "height": height,
        },
        on_seen_change=lambda: None,
    )
    said = done.seen or {}
    if said.get("lost"):
        _lent.clear()
    return _seen(said)


def _entry(entry: Entry) -> dict[str, Any]:
    return {"name": entry.name, "colour": entry.colour, "count": entry.count}


@st.cache_resource(show_spinner=False, max_entries=512)
def _lent(data: bytes, media: str = "application/octet-stream") -> str:
    """The address of some bytes, the same as long as they are."""
    return PICTURES.lend(data, media)


def _seen(said: dict[str, Any]) -> Seen:
    """What the browser says, as far as it can be true."""
    opened = said.get("open")
    return Seen(
        ring=_ring(said) if said.get("ring") else None,
        open=opened if isinstance(opened, str) else None,
        lost=bool(said.get("lost")),
    )


def _ring(said: dict[str, Any]) -> Ring | None:
    try:
        corners = tuple((float(x), float(y)) for x, y in said["ring"])
        off = frozenset(int(code) for code in said.get("off", ()))
    except (TypeError, ValueError, OverflowError):
        return None
    finite = all(math.isfinite(part) for corner in corners for part in corner)
    if not finite or not 3 <= len(corners) <= MOST_CORNERS or len(off) > MOST_CLASSES:
        return None
    return Ring(corners=corners, add=bool(said.get("add")), off=off)
