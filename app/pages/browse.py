"""Leaf through the index: filter, sort, tick, click what you want to see more of."""

from __future__ import annotations

import streamlit as st

from app import chosen
from app.cards import card_of
from app.components.gallery import Action, gallery
from app.filters import choose_filter
from app.going import go
from app.opened import Opened
from georetrieve.search.browse import Listing, list_items

__all__ = ["show"]

SIZES = (24, 48, 96, 192)
ACTIONS = (
    Action(name="slide", sign="⌖", title="Show it on its slide"),
    Action(name="more", sign="+", title="More like this: add it to the query"),
)


def show(opened: Opened) -> None:
    """Show the page."""
    with st.sidebar:
        where = choose_filter(opened)
        sort, descending = _choose_order(opened)
    listing = _listing(str(opened.index.path), opened.version, where, sort, descending, opened)
    if not len(listing):
        st.info(
            "No item meets the condition; take a filter away.", icon=":material/filter_alt_off:"
        )
        return
    _page(opened, listing)


def _choose_order(opened: Opened) -> tuple[str, bool]:
    names = [
        name for name in opened.index.store.columns if name not in ("thumbnail", "content_hash")
    ]
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    sort = left.selectbox(
        "Sort by", names, key="sort", bind="query-params", persist_state="session"
    )
    descending = right.toggle(
        "Falling", key="falling", bind="query-params", persist_state="session"
    )
    return sort, descending


@st.cache_resource(show_spinner="Listing the items …", max_entries=16)
def _listing(
    path: str, version: int, where: str | None, sort: str, descending: bool, _opened: Opened
) -> Listing:
    return list_items(_opened.index.store, where, sort=sort, descending=descending)


def _page(opened: Opened, listing: Listing) -> None:
    bar, size_box = st.columns([5, 1], vertical_alignment="bottom")
    size = size_box.selectbox(
        "A page", SIZES, index=1, key="size", bind="query-params", persist_state="session",
        label_visibility="collapsed", format_func=lambda size: f"{size} a page",
    )  # fmt: skip
    pages = max(1, -(-len(listing) // size))
    with bar:
        number = _turn(pages)
    page = listing.page(number - 1, size)
    st.caption(f"{page.total:,} items · page {number:,} of {pages:,}")
    ticked = chosen.chosen(opened)
    picked = gallery(
        [card_of(opened, row) for row in page.rows],
        key="browse",
        chosen=ticked,
        actions=ACTIONS,
        open_title="Find what looks like this",
    )
    if picked.chosen is not None:
        before = set(ticked)
        chosen.replace_shown(opened, [row["id"] for row in page.rows], picked.chosen)
        if set(chosen.chosen(opened)) != before:
            st.rerun()
    if picked.id is not None:
        if picked.action == "slide":
            go("slide", item=picked.id)
        go("query", like=[picked.id])


def _turn(pages: int) -> int:
    return int(st.pagination(pages, key="page", bind="query-params"))
