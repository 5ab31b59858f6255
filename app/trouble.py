"""Errors as one clear sentence on the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from georetrieve.errors import GeoRetrieveError

__all__ = ["plain", "told"]

LONGEST = 2000  # what is quoted may come from a URL
_SIGNS = "\\`*_{}[]()<>#+-.!|~$:&"
# Escaped or not, :smile:, :material/home:, addresses and mail are made more of when text is shown.
_MORE = re.compile(r"(?<=[:@])(?=\S)|(?<=www)(?=\.)")
_JOINER = "\N{WORD JOINER}"  # cannot be seen, and no line breaks there


def plain(text: str) -> str:
    """Text that is shown as it is, whatever Markdown, HTML, icons or formulas it looks like."""
    line = _MORE.sub(_JOINER, " ".join(str(text).split()))
    line = line if len(line) <= LONGEST else line[:LONGEST] + " …"
    return "".join(f"\\{sign}" if sign in _SIGNS else sign for sign in line)


@contextmanager
def told() -> Iterator[None]:
    """Say errors meant for users in the page; the rest of the page goes on."""
    try:
        yield
    except GeoRetrieveError as error:
        st.error(plain(str(error)), icon=":material/error:")
