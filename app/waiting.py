"""A bar on the page for what takes more than a moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from app.trouble import plain
from georetrieve.protocols import Progress

__all__ = ["bar"]

STEPS = 100  # as often as this the page is told, however many items there are


class _Bar:
    """See :class:`~georetrieve.protocols.Progress`."""

    def __init__(self) -> None:
        self._place = st.empty()
        self._stage, self._unit, self._done, self._shown = "", "items", 0, -1
        self._total: int | None = None

    def start(self, stage: str, total: int | None, unit: str = "items") -> None:
        self._stage, self._total, self._unit, self._done, self._shown = stage, total, unit, 0, -1
        self._show()

    def advance(self, steps: int = 1) -> None:
        self._done += steps
        self._show()

    def grow(self, steps: int) -> None:
        self._total = (self._total or 0) + steps

    def say(self, message: str) -> None:
        self._stage = message

    def finish(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Take it away."""
        self._place.empty()

    def _show(self) -> None:
        share = min(self._done / self._total, 1.0) if self._total else 0.0
        if int(share * STEPS) == self._shown:
            return
        self._shown = int(share * STEPS)
        of = f" of {self._total:,}" if self._total else ""
        self._place.progress(share, text=plain(f"{self._stage}: {self._done:,}{of} {self._unit}"))


@contextmanager
def bar() -> Iterator[Progress]:
    """A bar where the page is now; gone when what it tells of has ended."""
    shown = _Bar()
    try:
        yield shown
    finally:
        shown.clear()
