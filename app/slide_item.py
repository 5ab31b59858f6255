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
    *("x", "y", "width", "height", "group", "um_per_px"),
}


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
            sides = (row[side] * row["um_per_px"] for side in ("width", "height"))
            size = " × ".join(f"{side:.3g}" for side in sides) + " µm"
        lines.append(f"{row['kind']}, {size} at {row['x']:,}, {row['y']:,}")
    for name, value in row.items():
        if name not in _ON_THE_CARD and value not in (None, ""):
            shown = f"{value:.4g}" if isinstance(value, float) else str(value)
            lines.append(f"{name.replace('_', ' ')}: {shown}")
    return lines


def show_region(place: Place, region: tuple[int, int, int, int], um_per_px: float | None) -> None:
    """What can be done with a region that was drawn."""
    width, height = region[2:]
    size = f"{width:,} × {height:,} px"
    if um_per_px is not None:
        size = f"{width * um_per_px:,.0f} × {height * um_per_px:,.0f} µm ({size})"
    st.caption(f"A region of {size}")
    if st.button(
        "Find what looks like it", key="slide_region_query", icon=":material/image_search:",
        type="primary", width="stretch",
    ):  # fmt: skip
        go("query", region=",".join(map(str, region)), of=place.shows)
