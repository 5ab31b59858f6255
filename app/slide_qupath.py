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
from georetrieve.search.outlines import ItemOutline
from georetrieve.search.qupath import MatchedAnnotations, match_annotations, outlines_geojson

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
        _back(opened, outlines)


def _out(opened: Opened, place: Place, outlines: Sequence[ItemOutline]) -> None:
    st.markdown(
        f"The {len(outlines):,} items as objects of QuPath 0.4 and later: download the file and "
        "drag it onto the image there."
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


def _back(opened: Opened, outlines: Sequence[ItemOutline]) -> None:
    st.divider()
    given = st.file_uploader(
        "Labels from QuPath: the GeoJSON that it exports", key="slide_from_qupath",
        type=["geojson", "json", "zip"],
    )  # fmt: skip
    if given is None:
        return
    with told():
        matched = match_annotations(given.getvalue(), outlines, name=given.name)
        _preview(opened, outlines, matched)


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
    if matched.unmatched:
        st.caption("On no item; they would have to be cut and encoded to become one:")
        _table(
            [{"class": one.name, "x, y, width, height": str(one.box)} for one in matched.unmatched]
        )
    if not matched.labels or acts.is_read_only(opened):
        return
    count = len(matched.labels)
    if st.button(
        f"Give {count:,} label{'' if count == 1 else 's'}", key="slide_give", type="primary",
        on_click=acts.give, args=(opened, matched.labels, "imported"),
    ):  # fmt: skip
        st.rerun()


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
