"""One colour a label, the same on every page."""

from __future__ import annotations

import pyarrow.compute as pc
import streamlit as st

from app.opened import Opened
from georetrieve.sources.masks.classes import distinct_colours

__all__ = ["NO_LABEL", "label_colours"]

NO_LABEL = "#9aa6a2"


def label_colours(opened: Opened) -> dict[str, str]:
    """``#rrggbb`` by label, of all labels of the index, the most frequent first."""
    counts = _counts(str(opened.index.path), opened.version, opened)
    shades = distinct_colours(len(counts))
    return {label: _hex(*shade) for label, shade in zip(counts, shades, strict=True)}


@st.cache_data(show_spinner=False, max_entries=8)
def _counts(path: str, version: int, _opened: Opened) -> dict[str, int]:
    table = _opened.index.store.scan(["label"], "label IS NOT NULL AND label != ''")
    counted = pc.value_counts(table.column("label")).to_pylist()
    counted.sort(key=lambda one: (-one["counts"], one["values"]))
    return {one["values"]: one["counts"] for one in counted}


def _hex(red: int, green: int, blue: int) -> str:
    return f"#{red:02x}{green:02x}{blue:02x}"
