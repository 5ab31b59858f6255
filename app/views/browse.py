"""Leaf through the index: filter, sort, tick, click what you want to see more of."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import asked, chosen
from app.cards import cards_of
from app.closer import look_at
from app.components.gallery import Action, Picked, gallery
from app.filters import choose_filter
from app.going import go
from app.label_queues import TICKED
from app.opened import Opened
from georetrieve.search.browse import Listing, list_items
from georetrieve.sources.label_table import counted

__all__ = ["show"]

SIZES = (24, 48, 96, 192)
ACTIONS = (
    Action(name="enlarge", sign="enlarge", title="Enlarge"),
    Action(name="slide", sign="slide", title="Show it on its slide"),
    Action(name="more", sign="+", title="More like this: add it to the query"),
)
STYLE = """
<style>
.st-key-browse_tools button { min-height: 2rem; padding: 0 .6rem; font-size: .875rem; }
</style>
"""


def show(opened: Opened) -> None:
    """Show the page."""
    st.html(STYLE)
    with st.sidebar:
        where = choose_filter(opened)
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    with bar:
        turn = st.container()
        sort, descending = _choose_order(opened)
        size = st.selectbox(
            "A page", SIZES, index=1, key="size", bind="query-params", persist_state="session",
            width=90,
        )  # fmt: skip
    listing = _listing(str(opened.index.path), opened.version, where, sort, descending, opened)
    if not len(listing):
        _say_why_none(opened, where)
        return
    with turn:
        number = int(st.pagination(_pages(listing, size), key="page", bind="query-params"))
    _page(opened, listing, number, size)


def _choose_order(opened: Opened) -> tuple[str, bool]:
    names = [
        name for name in opened.index.store.columns if name not in ("thumbnail", "content_hash")
    ]
    sort = st.selectbox(
        "Sort by", names, key="sort", bind="query-params", persist_state="session", width=150
    )
    descending = st.toggle(
        "Falling", key="falling", bind="query-params", persist_state="session",
        help="Largest first; items with nothing there come last all the same.",
    )  # fmt: skip
    return sort, descending


@st.cache_resource(show_spinner="Listing the items …", max_entries=16)
def _listing(
    path: str, version: int, where: str | None, sort: str, descending: bool, _opened: Opened
) -> Listing:
    return list_items(_opened.index.store, where, sort=sort, descending=descending)


def _say_why_none(opened: Opened, where: str | None) -> None:
    if where is None and not len(opened.index):
        st.info(
            "This index is empty: `georetrieve index FOLDER` puts images into it.",
            icon=":material/info:",
        )
    else:
        st.info(
            "No item meets the condition; take a filter away.", icon=":material/filter_alt_off:"
        )


def _pages(listing: Listing, size: int) -> int:
    return max(1, -(-len(listing) // size))


def _page(opened: Opened, listing: Listing, number: int, size: int) -> None:
    page = listing.page(number - 1, size)
    shown = [str(row["id"]) for row in page.rows]
    with st.container(
        key="browse_tools", horizontal=True, vertical_alignment="center", gap="small"
    ):
        shown_of = f"page {number:,} of {page.pages:,}"
        st.caption(f"{counted(page.total, 'item')} · {shown_of}", width="stretch")
        _tools(opened, shown)
    picked = gallery(
        cards_of(opened, page.rows),
        key="browse",
        chosen=chosen.chosen(opened),
        actions=ACTIONS,
        open_title="Find what looks like this",
    )
    _follow(opened, shown, picked)


def _tools(opened: Opened, shown: Sequence[str]) -> None:
    """What can be done with the ticked items, wherever they were ticked."""
    ticked = chosen.chosen(opened)
    st.button(
        "Tick page", key="browse_tick", shortcut="T", icon=":material/check_box:",
        on_click=chosen.add, args=[opened, shown], disabled=set(shown) <= set(ticked),
    )  # fmt: skip
    if not ticked:
        return
    st.button(
        f"Untick {len(ticked):,}", key="browse_untick", shortcut="X", icon=":material/close:",
        on_click=chosen.clear, args=[opened],
    )  # fmt: skip
    if st.button(f"Label {len(ticked):,}", key="browse_label", icon=":material/label:"):
        go("label", queue=TICKED)
    many = len(ticked) > asked.MOST
    if st.button(
        f"Find like {len(ticked):,}", key="browse_like", icon=":material/image_search:",
        disabled=many, help=f"A query takes {asked.MOST} items at most." if many else None,
    ):  # fmt: skip
        go("query", like=ticked)


def _follow(opened: Opened, shown: Sequence[str], picked: Picked) -> None:
    """Do what was done with a card."""
    if picked.chosen is not None:
        before = set(chosen.chosen(opened))
        chosen.replace_shown(opened, shown, picked.chosen)
        if set(chosen.chosen(opened)) != before:
            st.rerun()
    if picked.id is None:
        return
    if picked.action == "enlarge":
        look_at(opened, shown, shown.index(picked.id))
    elif picked.action == "slide":
        go("slide", item=picked.id)
    elif picked.action == "more":
        asked.more(opened, [picked.id])
    else:
        go("query", like=[picked.id])
