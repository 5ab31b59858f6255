"""One colour a label, the same on every page."""

from __future__ import annotations

import pyarrow.compute as pc
import streamlit as st

from app.opened import Opened
from georetrieve.sources.masks.classes import distinct_colours

__all__ = ["NO_LABEL", "label_colours"]

NO_LABEL = "#9aa6a2"


def label_colours(opened: Opened) -> dict[str, str]:
    """``#rrggbb`` by label, of all labels of the index, the most frequent first.

    The most frequent got the clearest colours when the index was opened; a label keeps the colour
    it has while people label, whatever becomes more frequent.
    """
    return _colours(str(opened.index.path), opened.version, opened)


@st.cache_data(show_spinner=False, max_entries=8)
def _colours(path: str, version: int, _opened: Opened) -> dict[str, str]:
    table = _opened.index.store.scan(["label"], "label IS NOT NULL AND label != ''")
    counted = pc.value_counts(table.column("label")).to_pylist()
    counted.sort(key=lambda one: (-one["counts"], one["values"]))
    places = _places(path)
    for one in counted:
        places.setdefault(one["values"], len(places))
    shades = distinct_colours(len(places))
    return {one["values"]: _hex(*shades[places[one["values"]]]) for one in counted}


@st.cache_resource(show_spinner=False)
def _places(path: str) -> dict[str, int]:
    """Which colour a label has, by label; grows."""
    return {}


def _hex(red: int, green: int, blue: int) -> str:
    return f"#{red:02x}{green:02x}{blue:02x}"
