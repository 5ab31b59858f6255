"""What is known of the item that is chosen on a slide, and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app import acts, chosen
from app.cards import card_of
from app.colours import label_colours
from app.components.gallery import gallery
from app.going import go
from app.opened import Opened
from app.slide_files import Place
from app.trouble import plain

__all__ = ["show_item", "show_region"]

_ON_THE_CARD = {
    *("id", "thumbnail", "content_hash", "source", "path", "kind", "label", "slice_index", "axis"),
    *("x", "y", "width", "height", "um_per_px", "area_px"),
}
_UNITS = (("_um2", " µm²"), ("_um", " µm"), ("_px", " px"))


def show_item(opened: Opened, item: str) -> None:
    """The card of an item.

    Raises:
        StoreError: There is no such item.
    """
    row = opened.index.store.take([item]).to_pylist()[0]
    ticked = chosen.chosen(opened)
    picked = gallery(
        [card_of(opened, row)], key="slide_card", chosen=ticked, side=150,
        open_title="Find what looks like this",
    )  # fmt: skip
    if picked.chosen is not None and (item in picked.chosen) != (item in ticked):
        chosen.replace_shown(opened, [item], picked.chosen)
        st.rerun()
    asked = st.button(
        "Find neighbours", key="slide_query", icon=":material/image_search:", type="primary",
        width="stretch",
    )  # fmt: skip
    _label(opened, row)
    st.caption("  \n".join(map(plain, _facts(row))))
    if asked or picked.action == "open":
        go("query", like=[item])


def _label(opened: Opened, row: Mapping[str, Any]) -> None:
    key = f"slide_label_{row['id']}"
    labels = list(label_colours(opened))
    now = row.get("label") or None

    def give() -> None:
        acts.give(opened, {row["id"]: st.session_state[key]})

    st.selectbox(
        "Label", labels, index=labels.index(now) if now else None, key=key, on_change=give,
        accept_new_options=True, placeholder="Label it", label_visibility="collapsed",
        disabled=acts.is_read_only(opened),
    )  # fmt: skip


def _facts(row: Mapping[str, Any]) -> list[str]:
    """Lines; sizes in µm before others."""
    lines = []
    if row["width"] is not None:
        size = f"{row['width']:,} × {row['height']:,} px"
        if row["um_per_px"]:
            size = _size(row["width"] * row["um_per_px"], row["height"] * row["um_per_px"])
        lines += [f"{row['kind']}, {size}", f"at {row['x']:,}, {row['y']:,} px"]
    for name, value in row.items():
        if name not in _ON_THE_CARD and value not in (None, ""):
            lines.append(_fact(name, value))
    return lines


def _size(*sides_um: float) -> str:
    in_mm = max(sides_um) >= 1000
    sides = " × ".join(f"{side / 1000 if in_mm else side:.3g}" for side in sides_um)
    return f"{sides} {'mm' if in_mm else 'µm'}"


def _fact(name: str, value: object) -> str:
    """``area_um2`` of 2630.25 as ``area 2,630 µm²``."""
    shown = str(value)
    if isinstance(value, float):
        shown = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    for ending, unit in _UNITS:
        if name.endswith(ending):
            return f"{name.removesuffix(ending).replace('_', ' ')} {shown}{unit}"
    return f"{name.replace('_', ' ')}: {shown}"


def show_region(place: Place, region: tuple[int, int, int, int], um_per_px: float | None) -> None:
    """What can be done with a region that was drawn."""
    width, height = region[2:]
    size = f"{width:,} × {height:,} px"
    if um_per_px is not None:
        size = f"{_size(width * um_per_px, height * um_per_px)} ({size})"
    st.caption(f"A region of {size}")
    if st.button(
        "Find what looks like it", key="slide_region_query", icon=":material/image_search:",
        type="primary", width="stretch",
    ):  # fmt: skip
        go("query", region=",".join(map(str, region)), of=place.shows)
