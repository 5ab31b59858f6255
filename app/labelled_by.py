"""Which items are shown: those whose label some people gave, or since some day."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import streamlit as st

from app.opened import Opened
from app.trouble import told
from georetrieve.search import conditions
from georetrieve.stores.label_journal import JOURNAL_NAME, LabelJournal

__all__ = ["CLEARED", "choose_labelled_by"]

_BY, _SINCE = "labelled_by", "labelled_since"
CLEARED: dict[str, object] = {_BY: [], _SINCE: None}
"""What the widgets hold when nothing is chosen, by key."""


def choose_labelled_by(opened: Opened) -> tuple[str | None, str]:
    """The condition that is chosen, and it in words; None for none.

    The words are for people: a condition on items may name fifty thousand.
    """
    with told():
        path, stamp = str(opened.index.path), _stamp(opened)
        givers = _givers(path, stamp, opened)
        if not givers:
            return None, ""  # the labels, if any, came with the files
        in_use = any(one in st.query_params for one in CLEARED)
        with st.expander("Who labelled", icon=":material/person:", expanded=in_use):
            by = st.multiselect(
                "Labelled by", givers, key=_BY, bind="query-params", persist_state="session",
                placeholder="anyone",
            )  # fmt: skip
            since = st.date_input(
                "Labelled since", None, key=_SINCE, bind="query-params", persist_state="session",
                format="YYYY-MM-DD", help="Labels given here on this day (UTC) or later.",
            )  # fmt: skip
        if by or since is not None:
            return _where(path, stamp, tuple(by), since, opened), _said(by, since)
    return None, ""


def _stamp(opened: Opened) -> str:
    """Changes when a label is given; a label that is given again changes no table."""
    try:
        stat = (opened.index.path / JOURNAL_NAME).stat()
    except FileNotFoundError:
        return ""
    return f"{stat.st_mtime_ns} {stat.st_size}"


@st.cache_resource(show_spinner=False, max_entries=8)
def _givers(path: str, stamp: str, _opened: Opened) -> list[str]:
    return list(LabelJournal(_opened.index.path).givers()) if stamp else []


@st.cache_resource(show_spinner="Looking who labelled what …", max_entries=8)
def _where(path: str, stamp: str, by: Collection[str], since: date | None, _opened: Opened) -> str:
    return conditions.among(LabelJournal(_opened.index.path).standing(by=by, since=since))


def _said(by: Collection[str], since: date | None) -> str:
    parts = ["labelled here"]
    parts += [f"by {' or '.join(by)}"] if by else []
    parts += [f"since {since.isoformat()}"] if since else []
    return " ".join(parts)
