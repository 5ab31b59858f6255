"""Which items of the index are shown: by label, group, a column, or an expression."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import streamlit as st

from app.colours import label_colours
from app.labelled_by import CLEARED, choose_labelled_by
from app.opened import Opened
from app.trouble import plain
from georetrieve.search import conditions
from georetrieve.search.column_facts import ColumnFacts, column_facts

__all__ = ["choose_filter"]

_PREFIX = "in_"  # of the keys of columns, which may have any name
_PLACED = {"label", "path", "source"}
"""Columns that have a place of their own, or say the same as one that has."""
_PLACES = 2
"""Digits a slider tells apart beyond the first of its range: 100 to 1000 steps."""
_EMPTY: dict[str, Any] = {"label": [], "unlabelled": False, "where": "", "under": "", "columns": []}


def choose_filter(opened: Opened) -> str | None:
    """The condition that is chosen; None for none."""
    facts = _facts(str(opened.index.path), opened.version, opened)
    usable = {name: fact for name, fact in facts.items() if fact.distinct > 1}
    chosen = [_labels(opened), _expression()]
    with st.expander("Columns", icon=":material/tune:", expanded=_is_in_use()):
        chosen += _columns(usable)
    where = conditions.all_of(chosen)
    given, words = choose_labelled_by(opened)
    if where is not None or given is not None:
        _tell(where, words)
    # What somebody wrote comes first, for errors quote the beginning.
    return conditions.all_of([where, given])


@st.cache_data(show_spinner="Looking through the columns …", max_entries=8)
def _facts(path: str, version: int, _opened: Opened) -> dict[str, ColumnFacts]:
    store = _opened.index.store
    facts: dict[str, ColumnFacts] = {}
    for name in (one for one in store.columns if one not in _PLACED):
        facts |= _facts_of(path, name, store.stamp([name]), _opened)
    return facts


@st.cache_data(show_spinner=False, max_entries=256)
def _facts_of(path: str, name: str, stamp: str, _opened: Opened) -> dict[str, ColumnFacts]:
    """Of one column; when labels are given, the others are not looked through again."""
    return column_facts(_opened.index.store, [name])


def _labels(opened: Opened) -> str | None:
    labels = st.multiselect(
        "Label", list(label_colours(opened)), key="label", bind="query-params",
        persist_state="session", placeholder="any",
    )  # fmt: skip
    none = st.toggle(
        "Without a label", key="unlabelled", bind="query-params", persist_state="session"
    )
    return conditions.one_of("label", labels, or_nothing=none)


def _expression() -> str | None:
    where = st.text_input(
        "Expression", key="where", bind="query-params", persist_state="session",
        placeholder="depth > 2000 AND kind = 'specimen'",
        help="A condition on the columns of the index, as in `georetrieve search --where`.",
    )  # fmt: skip
    return conditions.written(where)


def _is_in_use() -> bool:
    return any(name in ("under", "columns") or name.startswith(_PREFIX) for name in st.query_params)


def _columns(usable: Mapping[str, ColumnFacts]) -> list[str | None]:
    # Not called "file", as what the Slide page shows is.
    file = st.text_input(
        "File or folder", key="under", bind="query-params", persist_state="session",
        placeholder="begins with …",
    )  # fmt: skip
    first = [name for name in usable if name == "group" or "depth" in name.lower()]
    chosen = [conditions.begins_with("path", file), *(_column(usable[name]) for name in first)]
    names = st.multiselect(
        "Further columns", [name for name in usable if name not in first], key="columns",
        bind="query-params", persist_state="session", placeholder="choose",
    )  # fmt: skip
    return [*chosen, *(_column(usable[name]) for name in names)]


def _column(fact: ColumnFacts) -> str | None:
    """The widget of a column, and the condition it is set to."""
    bound: dict[str, Any] = {
        "key": _PREFIX + fact.name, "bind": "query-params", "persist_state": "session"
    }  # fmt: skip
    title = plain(fact.name.replace("_", " "))
    if fact.kind == "number":
        return _numbers(fact, title, bound)
    if fact.kind == "truth":
        answer = st.selectbox(title, ["yes", "no"], index=None, placeholder="any", **bound)
        return None if answer is None else conditions.is_true(fact.name, true=answer == "yes")
    if not fact.counts:
        text = st.text_input(title, placeholder="begins with …", **bound)
        return conditions.begins_with(fact.name, text)
    values = st.multiselect(title, list(fact.counts), placeholder="any", **bound)
    return conditions.one_of(fact.name, values)


def _numbers(fact: ColumnFacts, title: str, bound: dict[str, Any]) -> str | None:
    if fact.low is None or fact.high is None:
        return None
    low, high, step = _scale(fact.low, fact.high, whole=fact.whole)
    held = st.session_state.get(bound["key"])
    if held is not None and not low <= held[0] <= held[1] <= high:  # of another index, or a column
        st.session_state[bound["key"]] = (low, high)  # that has changed
    shown = f"%.{max(0, -math.floor(math.log10(step)))}f"
    least, most = st.slider(title, low, high, (low, high), step, shown, **bound)
    # An end of the slider is no bound: what lies there is not cut off by rounding.
    return conditions.between(
        fact.name, None if least <= low else least, None if most >= high else most
    )


def _scale(low: float, high: float, *, whole: bool) -> tuple[float, float, float]:
    """Ends and step of a slider: round numbers that hold the range."""
    places = _PLACES - math.floor(math.log10(high - low))
    if whole:
        step = 10 ** max(0, -places)
        return math.floor(low / step) * step, math.ceil(high / step) * step, step
    step = 10.0**-places
    ends = math.floor(low / step) * step, math.ceil(high / step) * step
    return round(ends[0], max(0, places)), round(ends[1], max(0, places)), step


def _tell(where: str | None, words: str) -> None:
    """The condition, to be taken to the command line, and the way back."""
    with st.expander("Condition", icon=":material/code:"):
        if where is not None:
            st.code(where, language="sql", wrap_lines=True)
        if words:
            st.caption(plain(f"{'and ' * (where is not None)}{words}"))
    st.button("Clear the filters", icon=":material/filter_alt_off:", on_click=_clear)


def _clear() -> None:
    for name, empty in (_EMPTY | CLEARED).items():
        st.session_state[name] = empty
    for name in [*st.session_state]:
        if str(name).startswith(_PREFIX):
            del st.session_state[name]
