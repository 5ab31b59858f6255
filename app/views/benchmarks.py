"""Reports of benchmarks side by side: measures, classes, confusions, and measuring anew."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from app.bench_job import NEW, measure_here
from app.bench_views import VIEWS
from app.opened import Opened
from app.trouble import plain
from georetrieve.benchmarks.comparison import Comparison, compare
from georetrieve.benchmarks.found_records import (
    FoundRecord,
    FoundRecords,
    read_records,
    record_files,
    report_places,
)
from georetrieve.search.places import indexes_here

__all__ = ["show"]

_MOST_AT_FIRST = 6


def show(opened: Opened) -> None:
    """Show the page."""
    found = _found(opened)
    with st.sidebar:
        chosen = _choose(found.records) if found.records else None
        measure_here(opened)
    for _, reason in found.damaged:
        st.warning(plain(f"Not read: {reason}"), icon=":material/warning:")
    if chosen is None:
        _say_how(opened)
        return
    st.title(plain(chosen.title), anchor=False)
    if chosen.remarks:
        st.caption(plain(" ".join(chosen.remarks)))
    view = st.segmented_control(
        "View", list(VIEWS), default=next(iter(VIEWS)), required=True, key="view",
        bind="query-params", label_visibility="collapsed",
    )  # fmt: skip
    VIEWS[view](chosen)


def _found(opened: Opened) -> FoundRecords:
    files = record_files(report_places(opened.index.path))
    stamps = tuple((str(path), name, *_stamp(path)) for path, name in files.items())
    return _read(stamps)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        facts = path.stat()
    except OSError:  # gone since; reading it says so
        return 0, 0
    return facts.st_mtime_ns, facts.st_size


@st.cache_resource(show_spinner="Reading the reports …", max_entries=4)
def _read(stamps: Sequence[tuple[str, str, int, int]]) -> FoundRecords:
    return read_records({Path(path): name for path, name, *_ in stamps})


def _choose(records: Sequence[FoundRecord]) -> Comparison:
    """The records that are compared; what cannot be compared cannot be chosen together."""
    comparisons = {_unique(one): one for one in compare(records)}
    _turn_to_new(comparisons)
    title = st.selectbox(
        "What was measured", list(comparisons), key="measured", bind="query-params",
        persist_state="session", on_change=_take_newest, args=[comparisons],
    )  # fmt: skip
    all_of_it = comparisons[title]
    titles = {one.title: one for one in reversed(all_of_it.records)}
    runs = st.multiselect(
        "Runs", list(titles), default=_newest(all_of_it), key="runs", bind="query-params",
        placeholder="the newest",
    )  # fmt: skip
    some = [titles[run] for run in runs] or [all_of_it.records[-1]]
    some.sort(key=lambda one: (one.record.created, one.name))
    base = st.selectbox(
        "Compared with", [one.title for one in some], key="beside", bind="query-params",
        help="Differences are to this run.",
    )  # fmt: skip
    return replace(all_of_it, records=tuple(some), baseline=titles[base])


def _turn_to_new(comparisons: Mapping[str, Comparison]) -> None:
    """A run that has just been made is shown, whatever was chosen before."""
    new = st.session_state.pop(NEW, None)
    for title, one in comparisons.items():
        if new in [found.name for found in one.records]:
            st.session_state["measured"] = title
            st.session_state["runs"] = _newest(one)


def _take_newest(comparisons: Mapping[str, Comparison]) -> None:
    """Where something else is looked at, its runs are chosen."""
    st.session_state["runs"] = _newest(comparisons[st.session_state["measured"]])


def _newest(one: Comparison) -> list[str]:
    return [found.title for found in reversed(one.records)][:_MOST_AT_FIRST]


def _unique(one: Comparison) -> str:
    """A title that tells it from others with as many items and queries: its oldest run."""
    return f"{one.title} ({one.records[0].name})"


def _say_how(opened: Opened) -> None:
    st.info(
        "No benchmark has been run on this index yet. Measure it with the button at the left, or "
        "in a terminal:",
        icon=":material/leaderboard:",
    )
    path = opened.index.path
    asked = path.name if path in indexes_here() else shlex.quote(str(path))
    st.code(f"georetrieve bench retrieval {asked}", language="bash")
    st.caption("What is measured is how well labelled items find others of their label.")
