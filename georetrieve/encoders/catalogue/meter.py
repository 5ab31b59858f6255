"""Bytes, told to a progress bar as megabytes."""

from __future__ import annotations

from georetrieve.protocols import Progress

__all__ = ["Meter"]

MEGABYTE = 1_000_000


class Meter:
    """A stage of a progress bar that begins with the first byte and can start over.

    Args:
        stage: What is done.
        progress: The bar; None for none.
    """

    def __init__(self, stage: str, progress: Progress | None) -> None:
        self._stage, self._progress = stage, progress
        self._total, self._bytes, self._shown = -1, 0, 0

    def __enter__(self) -> Meter:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._progress and self._total >= 0:
            self._progress.finish()

    def reach(self, done: int, total: int = 0) -> None:
        """So many bytes are done, of so many (0: unknown); fewer than before starts over."""
        if not self._progress:
            return
        if total != self._total or done < self._bytes:
            if self._total >= 0:
                self._progress.finish()
            self._total, self._shown = total, 0
            self._progress.start(self._stage, -(-total // MEGABYTE) or None, "MB")
        self._bytes = done
        # The last megabyte is full when the last byte is there.
        shown = -(-done // MEGABYTE) if done == total else done // MEGABYTE
        if shown > self._shown:
            self._progress.advance(shown - self._shown)
            self._shown = shown

    def add(self, count: int) -> None:
        """So many further bytes are done, of an unknown number."""
        self.reach(self._bytes + count)
