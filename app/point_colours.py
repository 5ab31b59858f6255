"""The colours of the points of a map, and their legend."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app.colours import NO_LABEL, label_colours
from app.components.points import Colours, Entry
from app.opened import Opened
from georetrieve.probes.item_map.colouring import OTHERS, SHADES, Colouring, colouring_of
from georetrieve.probes.item_map.kept import ItemMap
from georetrieve.probes.item_map.rows import map_column
from georetrieve.sources.masks.classes import distinct_colours

__all__ = ["point_colours"]

# viridis (S. van der Walt & N. Smith, 2015) without its darkest fifth, which dark pages swallow;
# it keeps its order in grey and for the colour-blind.
SCALE = (
    "#414487",
    "#355f8d",
    "#2a788e",
    "#21918c",
    "#22a884",
    "#44bf70",
    "#7ad151",
    "#bddf26",
    "#fde725",
)


def point_colours(opened: Opened, made: ItemMap, by: str) -> Colours:
    """The colours of the items of a map by a column of the index.

    Raises:
        StoreError: There is no such column.
    """
    found = _colouring(str(opened.index.path), opened.version, by, made.stamp, opened, made)
    palette = _scale() if found.span is not None else _class_colours(opened, found.names, by)
    return Colours(
        name=by,
        codes=found.codes,
        palette=palette,
        legend=[
            Entry(name=name, colour=colour, count=count)
            for name, colour, count in zip(found.names, palette, found.counts, strict=False)
        ],
        unknown=Entry(name=f"no {by.replace('_', ' ')}", colour=NO_LABEL, count=found.unknown),
        span=found.span,
    )


@st.cache_resource(show_spinner="Reading the column …", max_entries=16)
def _colouring(
    path: str, version: int, by: str, stamp: str, _opened: Opened, _made: ItemMap
) -> Colouring:
    return colouring_of(map_column(_opened.index.store, _made, by))


def _class_colours(opened: Opened, names: tuple[str, ...], by: str) -> list[str]:
    """Labels have the colours they have on every page."""
    if by == "label":
        known = label_colours(opened)
        return [known.get(name, NO_LABEL) for name in names]
    shades = distinct_colours(len(names))
    return [
        NO_LABEL if name == OTHERS else "#{:02x}{:02x}{:02x}".format(*shade)
        for name, shade in zip(names, shades, strict=True)
    ]


def _scale() -> list[str]:
    """The shades of numbers, low to high."""
    stops = np.array([[int(one[place : place + 2], 16) for place in (1, 3, 5)] for one in SCALE])
    at = np.linspace(0, len(SCALE) - 1, SHADES)
    parts = [np.interp(at, np.arange(len(SCALE)), stops[:, part]) for part in range(3)]
    return ["#{:02x}{:02x}{:02x}".format(*map(round, shade)) for shade in np.stack(parts, axis=1)]
