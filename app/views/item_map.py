"""A map of the index: what looks alike lies together; draw round items to choose and label them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from app import chosen
from app.cards import card_of
from app.colours import label_colours
from app.components.gallery import Action, gallery
from app.components.points import Points, Ring, lend_ids, points
from app.filters import choose_filter
from app.going import go, link
from app.map_making import about, map_now, see_to_it
from app.opened import Opened
from app.point_colours import point_colours
from app.trouble import plain, told
from georetrieve.labelling import give_labels, undo_labels
from georetrieve.probes.item_map.inside import rows_inside
from georetrieve.probes.item_map.job import find_map_job
from georetrieve.probes.item_map.kept import ItemMap
from georetrieve.sources.label_table import counted

__all__ = ["show"]

SHOWN = 48
HEIGHT = 585
NOT_COLOURS = {"id", "thumbnail", "content_hash"}
ACTIONS = (Action(name="slide", sign="slide", title="Show it on its slide"),)
HELP = (
    "Draw round items with the **Lasso** to choose them: they appear here, to be looked at, "
    "ticked off and labelled. **Shift** adds to what is chosen. A click on an item asks for what "
    "is like it; zoom in, and the items show themselves."
)


def show(opened: Opened) -> None:
    """Show the page."""
    with st.sidebar:
        by = _choose_colours(opened)
        where = choose_filter(opened)
    made, new = map_now(opened)
    job = find_map_job(opened.index, opened.spec.name)
    if job is not None or made is None:
        see_to_it(opened, job, nothing_yet=made is None)
    if made is not None:
        _page(opened, made, new, where, by)


def _choose_colours(opened: Opened) -> str:
    names = [name for name in opened.index.store.columns if name not in NOT_COLOURS]
    first = [name for name in ("label", "group", "predicted_label") if name in names]
    options = list(dict.fromkeys([*first, *names]))
    return str(
        st.selectbox(
            "Colour by", options, key="map_by", bind="query-params", persist_state="session",
            format_func=lambda name: name.replace("_", " "),
        )
    )  # fmt: skip


def _page(opened: Opened, made: ItemMap, new: int, where: str | None, by: str) -> None:
    colours = point_colours(opened, made, by)
    ids = made.items.column("id")
    faint = _faint(opened, ids, where)
    ticked = _is_among(ids, chosen.chosen(opened))
    left, right = st.columns([2.9, 1], gap="small")
    with left:
        seen = points(
            Points(
                key=opened.key,
                ids=_addresses(str(opened.index.path), made.stamp, made),
                places=made.places,
                colours=colours,
                faint=faint,
                ticked=ticked,
            ),
            key="map",
            height=HEIGHT,
        )
        about(opened, made, new)
    with right:
        _beside(opened, made)
    if seen.lost:
        _addresses.clear()
        st.rerun()
    if seen.open is not None and _is_among(ids, [seen.open]).any():
        go("query", like=[seen.open])
    if seen.ring is not None:
        _choose(opened, made, seen.ring, colours.codes, faint)


def _choose(
    opened: Opened,
    made: ItemMap,
    ring: Ring,
    codes: npt.NDArray[np.int16],
    faint: npt.NDArray[np.bool_],
) -> None:
    """Tick what lies inside the line and can be seen."""
    rows = rows_inside(made.places, ring.corners)
    rows = rows[~faint[rows] & ~np.isin(codes[rows], list(ring.off))]
    if not len(rows):
        st.toast("No item lies inside the line.", icon=":material/info:")
        return
    inside = made.items.column("id").take(pa.array(rows)).to_pylist()
    before = _shown(opened) if ring.add else []
    if not ring.add:
        chosen.clear(opened)
    chosen.add(opened, inside)
    st.session_state["_map_shown"] = (opened.key, list(dict.fromkeys([*before, *inside])))
    st.rerun()


def _shown(opened: Opened) -> list[str]:
    """Ids of what was drawn round last; without that, of what is ticked."""
    key, ids = st.session_state.get("_map_shown", ("", []))
    return ids if key == opened.key and ids else chosen.chosen(opened)


def _beside(opened: Opened, made: ItemMap) -> None:
    """The items that were chosen, and what can be done with them."""
    _done(opened)
    ticked = chosen.chosen(opened)
    shown = _shown(opened)[: 4 * SHOWN]
    there = set(made.items.filter(_mask(made, shown)).column("id").to_pylist())
    shown = [one for one in shown if one in there][:SHOWN]
    if not ticked and not shown:
        st.caption(HELP)
        return
    _label(opened, ticked)
    total = max(len(_shown(opened)), len(ticked))
    st.caption(
        f"{len(ticked):,} ticked" + (f" · first {SHOWN} of {total:,}" if total > len(shown) else "")
    )
    with st.container(height=HEIGHT - 150, border=False):
        rows = opened.index.store.take(shown).to_pylist()
        picked = gallery(
            [card_of(opened, row) for row in rows], key="map_cards", chosen=ticked,
            actions=ACTIONS, side=74, open_title="Find what looks like this",
        )  # fmt: skip
    if picked.chosen is not None:
        chosen.replace_shown(opened, shown, picked.chosen)
        if chosen.chosen(opened) != ticked:
            st.rerun()
    if picked.id is not None:
        if picked.action == "slide":
            go("slide", item=picked.id)
        go("query", like=[picked.id])


def _label(opened: Opened, ticked: list[str]) -> None:
    label = st.selectbox(
        "Label", list(label_colours(opened)), index=None, accept_new_options=True,
        key="map_label", placeholder="Choose a label, or type one", label_visibility="collapsed",
    )  # fmt: skip
    give, clear = st.columns([2, 1])
    ready = bool(ticked) and label is not None
    if give.button(
        f"Label {counted(len(ticked), 'item')}", type="primary", disabled=not ready, width="stretch"
    ):
        with told(), st.spinner("Writing the labels …"):
            act = give_labels(opened.index.path, dict.fromkeys(ticked, label))
            st.session_state["_map_act"] = (opened.key, act.batch, len(act.labels), label)
            _clear(opened)
            st.rerun()
    if clear.button("Clear", width="stretch", help="Tick nothing"):
        _clear(opened)
        st.rerun()
    link("label", "Open them in Label")


def _done(opened: Opened) -> None:
    """What was labelled last, and how to take it back."""
    key, batch, count, label = st.session_state.get("_map_act", ("", "", 0, ""))
    if key != opened.key:
        return
    st.success(f"{counted(count, 'item')}: {plain(label)}", icon=":material/label:")
    if st.button("Undo", icon=":material/undo:", key="map_undo"):
        with told(), st.spinner("Taking the labels back …"):
            undo_labels(opened.index.path, batch=batch)
            del st.session_state["_map_act"]
            st.rerun()


def _clear(opened: Opened) -> None:
    chosen.clear(opened)
    st.session_state.pop("_map_shown", None)


@st.cache_resource(show_spinner=False, max_entries=8)
def _addresses(path: str, stamp: str, _made: ItemMap) -> list[str]:
    return lend_ids(_made.ids, _made.items.column("content_hash").to_pylist())


def _faint(opened: Opened, ids: pa.ChunkedArray, where: str | None) -> npt.NDArray[np.bool_]:
    """(N,) what does not meet the condition."""
    if where is None:
        return np.zeros(len(ids), bool)
    met = opened.index.store.scan(["id"], where).column("id").combine_chunks()
    return np.asarray(pc.invert(pc.is_in(ids, met)).to_numpy(), bool)


def _is_among(ids: pa.ChunkedArray, some: list[str]) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.is_in(ids, pa.array(some, pa.string())).to_numpy(), bool)


def _mask(made: ItemMap, some: list[str]) -> Any:  # noqa: ANN401 - pyarrow is untyped
    return pc.is_in(made.items.column("id"), pa.array(some, pa.string()))
