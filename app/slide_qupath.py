"""Outlines to QuPath, and what was labelled there back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import streamlit as st

from app import acts
from app.colours import label_colours
from app.opened import Opened
from app.slide_files import Place
from app.slide_outlines import Look, find_outlines
from app.trouble import plain, told
from app.waiting import bar
from georetrieve.indexing.add_drawn import add_drawn
from georetrieve.indexing.drawn_plan import plan_drawn
from georetrieve.labelling import clean_label
from georetrieve.search.outlines import ItemOutline
from georetrieve.search.qupath import MatchedAnnotations, match_annotations, outlines_geojson
from georetrieve.sources.label_table import counted

__all__ = ["offer"]

LISTED = 200


def offer(opened: Opened, place: Place, look: Look) -> None:
    """A button that opens it; what goes there is what is shown, suggestions among it."""
    if st.button("QuPath", key="slide_qupath", icon=":material/sync_alt:", width="stretch"):
        _dialog(opened, place, look)


@st.dialog("QuPath", width="medium")
def _dialog(opened: Opened, place: Place, look: Look) -> None:
    outlines: list[ItemOutline] = []
    with told():
        outlines = find_outlines(opened, place, look)
    if outlines:
        _out(opened, place, outlines)
        _back(opened, place, outlines)


def _out(opened: Opened, place: Place, outlines: Sequence[ItemOutline]) -> None:
    st.markdown(
        f"{counted(len(outlines), 'item')} for QuPath 0.4 and later: download the file and drag it "
        "onto the image there."
    )
    many = st.toggle(
        "As detections", key="slide_detections",
        help="QuPath is quicker with many of these; annotations can be reshaped there.",
    )  # fmt: skip
    stem = place.path.rpartition("/")[2]
    if place.slice_index is not None:
        stem += f"-{place.axis}{place.slice_index}"
    st.download_button(
        "Download GeoJSON",
        lambda: outlines_geojson(outlines, colours=label_colours(opened), detections=many),
        file_name=f"{stem}.geojson", mime="application/geo+json", key="slide_geojson",
        icon=":material/download:", on_click="ignore",
    )  # fmt: skip


def _back(opened: Opened, place: Place, outlines: Sequence[ItemOutline]) -> None:
    st.divider()
    given = st.file_uploader(
        "Labels and new outlines from QuPath: the GeoJSON that it exports",
        key="slide_from_qupath", type=["geojson", "json", "zip"],
    )  # fmt: skip
    if given is None:
        return
    with told():
        matched = match_annotations(given.getvalue(), outlines, name=given.name)
        _preview(opened, outlines, matched)
        read_only = bool(matched.labels or matched.unmatched) and acts.is_read_only(opened)
        if matched.labels and not read_only:
            _offer_labels(opened, matched)
        if matched.unmatched:
            _offer_items(opened, place, matched, read_only=read_only)


def _preview(opened: Opened, outlines: Sequence[ItemOutline], matched: MatchedAnnotations) -> None:
    st.markdown(plain(_summary(matched)))
    before = {one.id: one.label or "" for one in outlines}
    _table(
        [
            {"item": one, "label now": before[one], "label in QuPath": label}
            for one, label in matched.labels.items()
        ]
    )
    if matched.conflicts:
        st.caption("Of several classes, so none is given:")
        _table(
            [{"item": one, "classes": ", ".join(names)} for one, names in matched.conflicts.items()]
        )


def _offer_labels(opened: Opened, matched: MatchedAnnotations) -> None:
    if st.button(
        f"Give {counted(len(matched.labels), 'label')}", key="slide_give", type="primary",
        on_click=acts.give, args=(opened, matched.labels, "imported"),
    ):  # fmt: skip
        st.rerun()


def _offer_items(
    opened: Opened, place: Place, matched: MatchedAnnotations, *, read_only: bool
) -> None:
    """What matches no item can become one."""
    plan = plan_drawn(opened.index.store, _key(place), matched.unmatched, at=place.at)
    if plan.passed_over:
        reasons = (f"{count:,} {why}" for why, count in sorted(plan.passed_over.items()))
        st.caption(plain(f"Cannot become items: {'; '.join(reasons)}."))
    wanted = plan.new or plan.labels
    if wanted and not read_only and st.button(
        f"Add {len(wanted):,} as items", key="slide_add", icon=":material/add_circle:",
        help="Cut along their boxes, encoded by every encoder of the index, and labelled.",
    ):  # fmt: skip
        _add(opened, place, matched)
        st.rerun()
    st.caption("On no item:")
    _table(
        [
            {
                "class": one.name,
                "x, y, width, height": ", ".join(f"{side:.10g}" for side in one.box),
            }
            for one in matched.unmatched
        ]
    )


def _add(opened: Opened, place: Place, matched: MatchedAnnotations) -> None:
    """Make items of what matches none.

    Raises:
        GeoRetrieveError: They cannot be, or a class can be no label.
    """
    for one in matched.unmatched:
        clean_label(one.name)  # told before anything is done
    with bar() as progress:
        added = add_drawn(
            opened.index.path, _key(place), matched.unmatched, at=place.at, progress=progress
        )
    done = f"{counted(len(added.ids), 'item')} added. "
    if added.labels:
        acts.give(opened, added.labels, "imported", before=done)
    else:
        acts.say(done)


def _key(place: Place) -> tuple[str, str]:
    return place.source, place.path


def _summary(matched: MatchedAnnotations) -> str:
    parts = [f"{len(matched.labels):,} would change", f"{matched.unchanged:,} stay as they are"]
    if matched.conflicts:
        parts.append(f"{len(matched.conflicts):,} are of several classes")
    if matched.unmatched:
        parts.append(f"{len(matched.unmatched):,} lie on no item")
    parts += [f"{count:,} passed over ({why})" for why, count in matched.passed_over.items()]
    return "Of the labels, " + ", ".join(parts) + "."


def _table(rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    st.dataframe(
        pa.Table.from_pylist(rows[:LISTED]), hide_index=True, height=min(38 * len(rows) + 38, 220)
    )
    if len(rows) > LISTED:
        st.caption(f"The first {LISTED} of {len(rows):,}.")
