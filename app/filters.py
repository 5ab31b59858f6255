"""Which items of the index are shown: by label, group, a column, or an expression."""

from __future__ import annotations

import streamlit as st

from app.colours import label_colours
from app.opened import Opened
from georetrieve.stores.schema import sql_in

__all__ = ["choose_filter"]


def choose_filter(opened: Opened) -> str | None:
    """The condition that is chosen; None for none."""
    conditions = []
    labels = st.multiselect(
        "Label", list(label_colours(opened)), key="label", bind="query-params",
        persist_state="session", placeholder="any",
    )  # fmt: skip
    if labels:
        conditions.append(sql_in("label", labels))
    where = st.text_input(
        "Expression", key="where", bind="query-params", persist_state="session",
        placeholder="depth > 2000 AND kind = 'specimen'",
        help="A condition on the columns of the index, as in `georetrieve search --where`.",
    )  # fmt: skip
    if where.strip():
        conditions.append(f"({where}\n)")
    return " AND ".join(conditions) or None
