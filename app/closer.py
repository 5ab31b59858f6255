"""An item looked at closely, in its file, and those beside it on the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from app.cards import facts_text
from app.colours import NO_LABEL, label_colours
from app.components.viewer import Shape, viewer
from app.going import go
from app.opened import Opened
from app.trouble import plain
from app.viewing import viewed
from georetrieve.errors import SourceError

__all__ = ["look_at"]

_PLACE = "_closer"
_HEIGHT = 430
_AROUND = 0.6  # of an item's longer side, shown around it


def look_at(opened: Opened, ids: Sequence[str], place: int) -> None:
    """Open the dialog at one of some items."""
    st.session_state[_PLACE] = place
    _closer(opened, ids)


@st.dialog("Item", width="large")
def _closer(opened: Opened, ids: Sequence[str]) -> None:
    place = min(st.session_state[_PLACE], len(ids) - 1)
    row = opened.index.store.take([ids[place]]).to_pylist()[0]
    left, right = st.columns([5, 2])
    with left:
        _picture(opened, row)
        with st.container(horizontal=True, gap="xsmall"):
            _turn(place, len(ids))
            if st.button("Find like it", icon=":material/image_search:"):
                go("query", like=[ids[place]])
            if st.button("On its slide", icon=":material/zoom_in_map:"):
                go("slide", item=ids[place])
    with right:
        st.markdown(f"**{place + 1} of {len(ids)}**")
        st.markdown("  \n".join(map(plain, facts_text(row).splitlines())))


def _picture(opened: Opened, row: Mapping[str, Any]) -> None:
    """The item in its file; when that is gone, what is kept of it."""
    try:
        image = viewed(opened.key, row["id"], str(opened.version))
    except SourceError as error:
        st.image(row["thumbnail"], width=320)
        st.warning(f"Only this thumbnail is left: {plain(str(error))}", icon=":material/image:")
        return
    shapes, around = [], None
    if row["width"] is not None:
        x, y, width, height = (row[name] for name in ("x", "y", "width", "height"))
        more = _AROUND * max(width, height)
        around = x - more, y - more, width + 2 * more, height + 2 * more
        ring = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
        colour = label_colours(opened).get(row["label"] or "", NO_LABEL)
        shapes = [Shape(id=row["id"], rings=[ring], colour=colour)]
    viewer(image, key="closer", shapes=shapes, look_at=around, height=_HEIGHT)


def _turn(place: int, count: int) -> None:
    def to(other: int) -> None:
        st.session_state[_PLACE] = other

    st.button(
        "Previous", icon=":material/chevron_left:", disabled=place == 0, on_click=to,
        args=[place - 1], shortcut="Left",
    )  # fmt: skip
    st.button(
        "Next", icon=":material/chevron_right:", disabled=place + 1 >= count, on_click=to,
        args=[place + 1], shortcut="Right",
    )  # fmt: skip
