"""A neighbour looked at closely, in its file; and a region drawn to look for."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from app import asked, uploads
from app.asked import Part
from app.components.viewer import viewer
from app.going import go
from app.neighbours import hit_facts
from app.opened import Opened
from app.trouble import plain, told
from app.viewing import HEIGHT, around, in_its_file, turn, viewed
from georetrieve.search import SearchHit, SearchResult
from georetrieve.types import Region

__all__ = ["WHY", "enlarge", "look_closer"]

WHY = "_why"
"""Where the page is told of which neighbour it should say why it is one."""
PLACE = "_enlarged"


def enlarge(opened: Opened, result: SearchResult, place: int) -> None:
    """Open the dialog at a neighbour."""
    st.session_state[PLACE] = place
    _enlarged(opened, result)


@st.dialog("Neighbour", width="large")
def _enlarged(opened: Opened, result: SearchResult) -> None:
    place = min(st.session_state[PLACE], len(result.hits) - 1)
    hit = result.hits[place]
    left, right = st.columns([5, 2])
    with left:
        in_its_file(
            opened, hit.id, hit.region, label=hit.label, thumbnail=hit.thumbnail, key="enlarged"
        )
        with st.container(horizontal=True, gap="xsmall"):
            turn(PLACE, place, len(result.hits))
            _act(opened, hit)
    with right:
        st.markdown(f"**{hit.rank} of {len(result.hits)}**  \n{plain(hit.id)}")
        facts = hit_facts(hit, result)
        st.markdown("  \n".join(f":gray[{plain(name)}] {plain(facts[name])}" for name in facts))


def _act(opened: Opened, hit: SearchHit) -> None:
    if st.button("Why similar?", icon=":material/compare:"):
        st.session_state[WHY] = hit.id
        st.rerun()
    if st.button("On its slide", icon=":material/zoom_in_map:"):
        go("slide", item=hit.id)
    for less, words, icon in ((False, "More like it", "add"), (True, "Less like it", "remove")):
        if st.button(words, icon=f":material/{icon}:"):
            kept = [part for part in asked.read() if part.name != hit.id or part.region]
            asked.write(opened, [*kept, Part(hit.id, less=less)])
            st.rerun()


@st.dialog("Look closer, or draw a region to look for", width="large")
def look_closer(opened: Opened, part: Part) -> None:
    """Show a part of the query in its file; a region drawn there takes its place."""
    with told():
        key = uploads.shelf_key() if part.upload else opened.key
        image = viewed(key, part.name, "" if part.upload else str(opened.version))
        own = _own_region(opened, part)
        kept = f"_drawn {part}"
        seen = viewer(
            image, key=f"region {part}", mode="region", region=st.session_state.get(kept),
            look_at=None if own is None else around(own), height=HEIGHT,
        )  # fmt: skip
        if seen.region is not None:
            st.session_state[kept] = seen.region
        drawn = st.session_state.get(kept)
        with st.container(horizontal=True, vertical_alignment="center"):
            wanted = st.button("Look for this region", type="primary", disabled=drawn is None)
            if wanted and drawn is not None:
                box = ",".join(map(str, drawn))
                cut = replace(part, region=box)
                asked.write(opened, [cut if one == part else one for one in asked.read()])
                del st.session_state[kept]
                st.rerun()
            st.caption(_measures(drawn, image.um_per_px))


def _measures(drawn: tuple[int, int, int, int] | None, um_per_px: float | None) -> str:
    if drawn is None:
        return "Drag over the image."
    _, _, width, height = drawn
    if um_per_px is None:
        return f"{width:,} × {height:,} px"
    return f"{width:,} × {height:,} px, {width * um_per_px:,.4g} × {height * um_per_px:,.4g} µm"


def _own_region(opened: Opened, part: Part) -> Region | None:
    """Where the part itself lies in its file."""
    if part.region:
        return Region.parse(part.region)
    if part.upload:
        return None
    columns = ["x", "y", "width", "height"]
    row = opened.index.store.take([part.name], columns).to_pylist()[0]
    return None if row["width"] is None else Region(*(row[name] for name in columns))
