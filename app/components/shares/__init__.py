"""Counts as parts of one bar, with a legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from app.components.mounting import component

__all__ = ["Share", "shares"]


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


def shares(parts: Sequence[Share], *, key: str, title: str) -> None:
    """Show them.

    Args:
        parts: The largest first.
        key: Of the widget.
        title: What is counted, for those who hear the page.
    """
    component("shares")(key=key, data={"parts": [asdict(part) for part in parts], "title": title})
