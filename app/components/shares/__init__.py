"""Counts as parts of one bar, with a legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import streamlit as st

__all__ = ["Share", "shares"]

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of the bar.

    Attributes:
        name: What it is of.
        count: How many.
        colour: ``#rrggbb``.
    """

    name: str
    count: int
    colour: str


@st.cache_resource(show_spinner=False)
def _component() -> Any:  # noqa: ANN401 - Streamlit's own protocol is not public
    return st.components.v2.component(
        "georetrieve_shares",
        css=(_HERE / "shares.css").read_text(encoding="utf-8"),
        js=(_HERE / "shares.js").read_text(encoding="utf-8"),
    )


def shares(parts: Sequence[Share], *, key: str, title: str) -> None:
    """Show them.

    Args:
        parts: The largest first.
        key: Of the widget.
        title: What is counted, for those who hear the page.
    """
    _component()(key=key, data={"parts": [asdict(part) for part in parts], "title": title})
