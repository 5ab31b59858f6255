"""The items that are ticked, on whichever page that was done."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import streamlit as st

from app.opened import Opened

__all__ = ["add", "chosen", "clear", "held", "replace_shown"]


def chosen(opened: Opened) -> list[str]:
    """Ids of the items of the index that are ticked, in the order they were."""
    return list(held().get(opened.key, {}))


def held() -> dict[str, dict[str, None]]:
    """What is ticked, by index; for those who change it where no run may end."""
    some: dict[str, dict[str, None]] = st.session_state.setdefault("_chosen", {})
    return some


def replace_shown(opened: Opened, shown: Iterable[str], ticked: Collection[str]) -> None:
    """Of the items that are shown just those are ticked; what is not shown stays as it is."""
    kept = dict.fromkeys(chosen(opened))
    for one in shown:
        if one in ticked:
            kept[one] = None
        else:
            kept.pop(one, None)
    st.session_state["_chosen"][opened.key] = kept


def add(opened: Opened, ids: Iterable[str]) -> None:
    """Tick more."""
    st.session_state["_chosen"][opened.key] = dict.fromkeys([*chosen(opened), *ids])


def clear(opened: Opened) -> None:
    """Tick nothing."""
    held().pop(opened.key, None)
