"""Measure the open index now, in a process of its own."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import streamlit as st

from app.opened import Opened
from app.trouble import plain
from georetrieve.serving.jobs import Jobs

__all__ = ["NEW", "measure_here"]

NEW = "_new_run"
"""Where the page is told the name of a run that has just been made."""
_FAILED = "_measuring_failed "


@st.cache_resource(show_spinner=False)
def _jobs() -> Jobs:
    return Jobs()


def measure_here(opened: Opened) -> None:
    """A button that measures retrieval in the open index, and how far that is."""
    key = f"{opened.key} {opened.spec.name}"
    job = _jobs().get(key)
    running = job is not None and job.running
    if st.button(
        "Measure this index now", icon=":material/play_arrow:", disabled=running, key="measure",
        help="As `georetrieve bench retrieval` does: how well labelled items find their like.",
    ):  # fmt: skip
        stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
        out = opened.index.path / "reports" / f"retrieval-{stamp}"
        words = ["bench", "retrieval", str(opened.index.path), "--encoder", opened.spec.column]
        st.session_state.pop(_FAILED + key, None)
        _jobs().start(key, [*words, "--out", str(out)])
        st.rerun()
    failure = st.session_state.get(_FAILED + key)
    if failure is not None:
        st.error(plain(failure), icon=":material/error:")
    if job is not None:
        _progress(key)


@st.fragment(run_every=1.0)
def _progress(key: str) -> None:
    job = _jobs().get(key)
    if job is None:
        return
    if job.running:
        st.caption(f":material/hourglass_top: Measuring … {job.seconds:.0f} s")
        return
    _jobs().forget(key)
    if job.failed:
        st.session_state[_FAILED + key] = job.last_line or "It ended without a word."
    else:
        st.session_state[NEW] = Path(job.words[-1]).name
        st.toast("Measured: the new run is in the list.", icon=":material/check:")
    st.rerun(scope="app")
