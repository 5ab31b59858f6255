"""From one page to another, taking along what is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import streamlit as st

__all__ = ["go", "know", "link"]

_KEY = "_pages"


def know(pages: Mapping[str, Any]) -> None:
    """Remember the pages there are, in this run of the script."""
    st.session_state[_KEY] = dict(pages)


def go(page: str, **parameters: str | Sequence[str]) -> NoReturn:
    """Go to a page; its URL says what it shows."""
    kept = {name: value for name, value in parameters.items() if value}
    st.switch_page(st.session_state[_KEY][page], query_params=kept)


def link(page: str, label: str, **parameters: str | Sequence[str]) -> None:
    """A link to a page."""
    kept = {name: value for name, value in parameters.items() if value}
    st.page_link(st.session_state[_KEY][page], label=label, query_params=kept)
