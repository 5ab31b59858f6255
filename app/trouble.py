"""Errors as one clear sentence on the page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from georetrieve.errors import GeoRetrieveError

__all__ = ["plain", "told"]

LONGEST = 2000  # what is quoted may come from a URL
_SIGNS = "\\`*_{}[]()<>#+-.!|~$:&"


def plain(text: str) -> str:
    """Text that is shown as it is, whatever Markdown, HTML, icons or formulas it looks like."""
    line = " ".join(str(text).split())
    line = line if len(line) <= LONGEST else line[:LONGEST] + " …"
    return "".join(f"\\{sign}" if sign in _SIGNS else sign for sign in line)


@contextmanager
def told() -> Iterator[None]:
    """Say errors meant for users in the page; the rest of the page goes on."""
    try:
        yield
    except GeoRetrieveError as error:
        st.error(plain(str(error)), icon=":material/error:")
