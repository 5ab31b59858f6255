"""Clicks that outlive the server: kept as they change, gone on with later, cleared."""

from __future__ import annotations

from datetime import datetime
from typing import NoReturn

import streamlit as st

from app.opened import Opened
from app.segment_desk import Desk, go_to, shelf_of
from app.trouble import plain
from georetrieve.errors import StoreError
from georetrieve.search.drafts import KeptDraft
from georetrieve.sources.label_table import counted

__all__ = ["again", "keep", "offer_clearing", "offer_earlier"]

_EARLIER = "_segment_earlier"
SHOWN_IMAGES = 2


def keep(opened: Opened, desk: Desk) -> None:
    """Keep with the index what was said; say once where that cannot be."""
    try:
        desk.keep(shelf_of(opened))
    except StoreError as error:
        st.session_state.setdefault("_segment_told", []).append(
            f"Clicks last only as long as the server runs: {error}"
        )


def again(opened: Opened, desk: Desk) -> NoReturn:
    """Keep what has just been said, and show it."""
    keep(opened, desk)
    st.rerun()


def offer_earlier(opened: Opened, desk: Desk) -> None:
    """Where nothing is said yet: go on where clicks were left."""
    if desk.draft.classes or desk.draft.can_undo:
        return
    if desk.unread:
        st.error(plain(desk.unread), icon=":material/error:")
    kept = {one.name: one for one in shelf_of(opened).listing()}
    if not kept:
        return
    # Of its own key each time: a choice is an act, and not a setting.
    turn = st.session_state.setdefault(_EARLIER, 0)
    name = st.selectbox(
        "Earlier clicks", list(kept), index=None, key=f"segment_earlier_{turn}",
        placeholder="Go on with earlier clicks", label_visibility="collapsed",
        format_func=lambda name: _told(kept[name]),
    )  # fmt: skip
    if name is not None:
        st.session_state[_EARLIER] = turn + 1
        go_to(name)
        st.rerun()


def offer_clearing(opened: Opened, desk: Desk) -> None:
    """Begin anew beside what is kept, or take it away."""
    if desk.unkept:
        st.caption(plain(f"Not kept with the index: {desk.unkept}"))
    fresh, clear = st.columns(2)
    if fresh.button(
        "Begin anew", disabled=not desk.draft.classes or bool(desk.unkept), width="stretch",
        help="These clicks stay kept with the index, to go on with.",
    ):  # fmt: skip
        go_to("")
        st.rerun()
    if clear.button(
        "Clear all", disabled=not desk.draft.classes, width="stretch",
        help="Take all classes, clicks and masks away; Undo brings them back.",
    ):  # fmt: skip
        desk.draft.clear()
        again(opened, desk)


def _told(kept: KeptDraft) -> str:
    """When, how much, where; the list is narrow."""
    when = datetime.fromisoformat(kept.when)
    where = ", ".join(kept.images[:SHOWN_IMAGES]) + " …" * (len(kept.images) > SHOWN_IMAGES)
    return " · ".join([f"{when:%d %b %H:%M}", counted(kept.clicks, "click"), where or "no image"])
