"""The map of the open index as it is now, and seeing to it that there is one."""

from __future__ import annotations

import streamlit as st

from app.opened import Opened
from app.trouble import plain
from georetrieve.probes.item_map.job import MapJob, find_map_job, start_map
from georetrieve.probes.item_map.kept import ItemMap, items_mapped, kept_map, map_file

__all__ = ["about", "map_now", "see_to_it"]

AT_ONCE = 20_000  # items up to which a map takes so little that nobody needs to be asked
CAVEAT = (
    "Items side by side look alike to the encoder. Distances between far groups, the sizes of "
    "groups, and up and down mean little."
)


def map_now(opened: Opened) -> tuple[ItemMap | None, int]:
    """The map, as far as its items are still those of the index, and how many it lacks."""
    path = map_file(opened.index.store, opened.spec)
    stamp = path.stat().st_mtime_ns if path.is_file() else 0
    return _read(str(path), stamp, opened.version, opened)


@st.cache_resource(show_spinner="Reading the map …", max_entries=8)
def _read(path: str, stamp: int, version: int, _opened: Opened) -> tuple[ItemMap | None, int]:
    kept = kept_map(_opened.index.store, _opened.spec) if stamp else None
    if kept is None:
        return None, 0
    items = items_mapped(_opened.index.store, _opened.spec)
    now = kept.of_now(items)
    return now, items.num_rows - len(now)


def see_to_it(opened: Opened, job: MapJob | None, *, nothing_yet: bool) -> None:
    """See to it that a map is made."""
    if job is not None and job.running:
        _progress(opened)
        return
    if job is not None:
        st.error(plain(job.trouble), icon=":material/error:")
    elif nothing_yet and len(opened.index) <= AT_ONCE and not _ended(opened):
        start_map(opened.index, opened.spec.name)
        _progress(opened)
        return
    elif nothing_yet:
        st.info(
            f"There is no map of these {len(opened.index):,} items yet. It is made beside the "
            "other pages, which can be used meanwhile; of 200,000 items in some minutes.",
            icon=":material/scatter_plot:",
        )
    if st.button("Make the map", type="primary", icon=":material/scatter_plot:"):
        if job is not None:
            job.forget()
        _start(opened)


@st.fragment(run_every=1.0)
def _progress(opened: Opened) -> None:
    job = find_map_job(opened.index, opened.spec.name)
    if job is None or not job.running:
        st.rerun()
    state = job.progress
    said = plain(state.stage) or ("beginning" if job.can_cancel else "by another program")
    bar, end = st.columns([6, 1], vertical_alignment="bottom")
    share = min(1.0, state.done / state.total) if state.total else 0.0
    bar.progress(share, f"The map is being made: {said} …")
    if end.button("Cancel", disabled=not job.can_cancel, width="stretch"):
        job.cancel()
        st.session_state["_map_ended"] = _name(opened)
        st.rerun()


def _ended(opened: Opened) -> bool:
    """Whether somebody ended the making of this map, and so does not want it begun unasked."""
    return bool(st.session_state.get("_map_ended") == _name(opened))


def _name(opened: Opened) -> tuple[str, str]:
    return opened.key, opened.spec.column


def _start(opened: Opened, *, again: bool = False) -> None:
    start_map(opened.index, opened.spec.name, again=again)
    st.rerun()


def about(opened: Opened, made: ItemMap, new: int) -> None:
    """What is known of the map, and how to make another."""
    if new:
        told_line, button = st.columns([4, 1], vertical_alignment="center")
        told_line.caption(f":material/update: {new:,} items of the index are not on this map yet.")
        if button.button("Add them", width="stretch"):
            _start(opened)
    line, box = st.columns([4, 1], vertical_alignment="center")
    quality = made.quality
    line.caption(
        ("" if quality is None else f"{quality.kept:.0%} of near neighbours are kept near · ")
        + "distances between far groups mean little",
        help=f"{quality.told() if quality else ''} {CAVEAT}",
    )
    with box.popover("This map", width="stretch"):
        st.caption(
            f"t-SNE of {len(made):,} items, {plain(made.encoder)}, perplexity "
            f"{made.options.perplexity:g}, seed {made.options.seed}; laid out {plain(made.made)}."
            + (f" {made.beside:,} joined it later." if made.beside else "")
        )
        if st.button("Lay it out anew", width="stretch"):
            _start(opened, again=True)
