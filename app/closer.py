"""An item looked at closely, in its file, and those beside it on the page."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.cards import facts_text
from app.going import go
from app.opened import Opened
from app.trouble import plain
from app.viewing import in_its_file, turn
from georetrieve.indexing.annotate import region_of

__all__ = ["look_at"]

_PLACE = "_closer"


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
        in_its_file(
            opened, row["id"], region_of(row), label=row["label"], thumbnail=row["thumbnail"],
            key="closer",
        )  # fmt: skip
        with st.container(horizontal=True, gap="xsmall"):
            turn(_PLACE, place, len(ids))
            if st.button("Find like it", icon=":material/image_search:"):
                go("query", like=[ids[place]])
            if st.button("On its slide", icon=":material/zoom_in_map:"):
                go("slide", item=ids[place])
    with right:
        st.markdown(f"**{place + 1} of {len(ids)}**")
        st.markdown("  \n".join(map(plain, facts_text(row).splitlines())))
