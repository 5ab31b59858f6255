"""Look at the slide: zoom, click a specimen, draw a region, to QuPath and back."""

from __future__ import annotations

import streamlit as st

from app import acts
from app.components.legend import legend
from app.components.viewer import Mode, Seen, Viewed, viewer
from app.opened import Opened
from app.slide_files import Place, choose_place, follow, pick
from app.slide_item import show_item, show_region
from app.slide_outlines import COLOURINGS, Look, Outlined, outlined, padded
from app.slide_qupath import offer
from app.trouble import plain, told
from georetrieve.errors import SourceError
from georetrieve.serving.pictures import PICTURES, Pictures
from georetrieve.serving.shelf import FileFacts
from georetrieve.sources.label_table import counted

__all__ = ["show"]

HEIGHT = 570  # of the viewer: what is left of 720 pixels
MODES: dict[str, Mode] = {"Look": "look", "Draw a region": "region"}
_REGION = "_slide_region"


def show(opened: Opened) -> None:
    """Show the page."""
    acts.tell()
    with told():
        follow(opened, entered="slide_mode" not in st.session_state)
    look = Look()
    with st.sidebar:
        place = choose_place(opened)
        if place is None:
            return
        if place.has_parts:
            look = _choose_look()
        offer(opened, place, look)
    left, right = st.columns([4, 1.1], gap="small")
    with left:
        facts = _facts(opened, place)
    if facts is None:
        with right, told():
            show_item(opened, place.item or place.shows)
        return
    shown = None
    with left, told():
        shown = outlined(opened, place, facts.size, look, _hidden())
    with left:
        seen = _view(opened, place, facts, shown)
    _take(place, seen)
    with right, told():
        _beside(opened, place, facts, shown)


def _choose_look() -> Look:
    colouring = st.segmented_control(
        "Colour by", COLOURINGS, default=COLOURINGS[0], key="colour", bind="query-params",
        persist_state="session", required=True,
        help="Suggestion: what has no label takes the colour its nearest labelled items vote for.",
    )  # fmt: skip
    trace = st.toggle(
        "Trace outlines", key="trace", bind="query-params", persist_state="session",
        help="Find the edges of the specimens on the slide anew, once; without it, their boxes.",
    )  # fmt: skip
    return Look(colouring or COLOURINGS[0], trace)


def _hidden() -> list[str]:
    return st.query_params.get_all("hide")


def _facts(opened: Opened, place: Place) -> FileFacts | None:
    """Of the file, or None where it is gone and the page says so."""
    try:
        return PICTURES.shelf(opened.key).facts(place.shows)
    except SourceError as error:
        st.error(
            plain(f"{error} Thumbnails, neighbours and labels are there without it."),
            icon=":material/error:",
        )
        return None


def _view(opened: Opened, place: Place, facts: FileFacts, shown: Outlined | None) -> Seen:
    bar, said = st.columns([2, 3], vertical_alignment="center")
    mode = bar.segmented_control(
        "What dragging does", list(MODES), default="Look", key="slide_mode", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    said.caption(plain(_about(facts, shown)), text_alignment="right")
    look_at = None
    if place.sought and shown is not None and place.sought in shown.regions:
        look_at = padded(shown.regions[place.sought], facts.size)
    return viewer(
        Viewed(
            tiles=Pictures.tiles_url(opened.key, place.shows),
            width=facts.size[0],
            height=facts.size[1],
            levels=facts.levels,
            tile_px=facts.tile_px,
            um_per_px=facts.um_per_px,
            place=place.name,
        ),
        key="slide_viewer",
        shapes=() if shown is None else shown.drawn,
        chosen=[place.item],
        region=_region(place),
        mode=MODES[mode or "Look"],
        look_at=look_at,
        times=place.times,
        height=HEIGHT,
    )


def _region(place: Place) -> tuple[int, int, int, int] | None:
    """The one that was drawn on what is looked at, while regions are drawn."""
    drawn = st.session_state.get(_REGION)
    if drawn is None or drawn[0] != place.file or st.session_state.get("slide_mode") == "Look":
        return None
    region: tuple[int, int, int, int] = drawn[1]
    return region


def _about(facts: FileFacts, shown: Outlined | None) -> str:
    width, height = facts.size
    parts = [f"{width:,} × {height:,} px"]
    if facts.um_per_px is not None:
        sides = (side * facts.um_per_px / 1000 for side in facts.size)
        parts.append(" × ".join(f"{side:.3g}" for side in sides) + " mm")
        parts.append(f"{facts.um_per_px:.4g} µm/px")
    else:
        parts.append("size of a pixel unknown")
    if shown is not None and shown.of:
        some = "" if shown.of == shown.shown else f"{shown.shown:,} of "
        parts.append(some + counted(shown.of, "item"))
    return " · ".join(parts)


def _take(place: Place, seen: Seen) -> None:
    """Remember what was clicked or drawn, and show the page anew."""
    if seen.picked is not None and seen.picked != place.item:
        pick(seen.picked)
        st.rerun()
    if seen.region is not None:
        st.session_state[_REGION] = (place.file, seen.region)
        st.rerun()


def _beside(opened: Opened, place: Place, facts: FileFacts, shown: Outlined | None) -> None:
    region = _region(place)
    if region is not None:
        show_region(place, region, facts.um_per_px)
    elif st.session_state["slide_mode"] != "Look":
        st.caption("Draw a rectangle around what you look for.")
    elif place.item:
        show_item(opened, place.item)
    elif shown is not None and shown.of:
        st.caption("Click an outline to see what it is.")
    if shown is None or not shown.entries:
        return
    st.caption("Legend")
    hidden = legend(
        shown.entries, key="slide_legend", hidden=_hidden(), height=170 if place.item else 480
    )
    if hidden is not None and set(hidden) != set(_hidden()):
        st.query_params["hide"] = hidden
        st.rerun()
