"""Why a neighbour is one: which patches of it are which of the query."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import asked
from app.asked import Part
from app.opened import Opened
from app.trouble import told

__all__ = ["why"]

WIDTH = 1000  # so that all of it is seen on a small screen


@st.dialog("Why similar?", width="large")
def why(opened: Opened, parts: Sequence[Part], hit: str) -> None:
    """Show the overlay of a part of the query and a neighbour."""
    with told():
        if not parts:
            st.info(
                "Words have no patches that could be compared; add an image to the query.",
                icon=":material/info:",
            )
            return
        part = parts[0]
        if len(parts) > 1:
            part = parts[
                st.selectbox(
                    "Compared with", range(len(parts)), key="_why_part",
                    format_func=lambda place: asked.title(parts[place]),
                )
            ]  # fmt: skip
        dark = st.context.theme.type == "dark"
        path = str(opened.index.path)
        overlay = _overlay(path, opened.version, opened.spec.name, part, hit, dark, opened)
        st.image(overlay, width=WIDTH)
        st.caption(
            "Squares of one number and colour are patches that are each other's nearest, the most "
            "telling first: far more alike than either is to anything else there. At the right "
            "what has its like in the other image is in colour, and what has none is faded."
        )


@st.cache_data(show_spinner="Comparing the patches …", max_entries=16)
def _overlay(
    path: str, version: int, encoder: str, part: Part, hit: str, dark: bool, _opened: Opened
) -> bytes:
    from georetrieve.probes.explanation import explain_hit
    from georetrieve.reports.explanation import explanation_png

    found = explain_hit(_opened.index, asked.query_part(_opened, part), hit, encoder)
    return explanation_png(found, query_title=asked.title(part), hit_title=hit, dark=dark)
