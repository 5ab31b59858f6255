"""A few files kept open of the many that are read in turn."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from georetrieve.errors import SourceError

__all__ = ["Closable", "OpenFiles"]

MOST_OPEN = 4


class Closable(Protocol):
    """What is open until it is closed."""

    def close(self) -> None:
        """Release files."""
        ...


T = TypeVar("T", bound=Closable)


class OpenFiles(Generic[T]):
    """Opens files when they are read, and closes those read longest ago; thread-safe.

    A file that is being read is never closed, so while many threads read there may be more open
    than ``most``.

    Args:
        most: How many stay open.
    """

    def __init__(self, most: int = MOST_OPEN) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._open: OrderedDict[Hashable, T] = OrderedDict()
        self._readers: dict[Hashable, int] = {}
        self._closed = False

    @contextmanager
    def borrow(self, key: Hashable, opener: Callable[[], T]) -> Iterator[T]:
        """Give what ``opener`` opens, or what it opened before under the same key.

        Raises:
            SourceError: Everything has been closed.
        """
        with self._lock:
            if self._closed:
                raise SourceError(f"{key} has been closed; open it again to read it.")
            if key not in self._open:
                self._open[key] = opener()
            self._open.move_to_end(key)
            self._readers[key] = self._readers.get(key, 0) + 1
            one = self._open[key]
            self._close_idle()
        try:
            yield one
        finally:
            with self._lock:
                self._readers[key] -= 1
                self._close_idle()

    def _close_idle(self) -> None:
        """Close what was read longest ago; the caller holds the lock."""
        keep = 0 if self._closed else self._most
        for key in list(self._open):
            if len(self._open) <= keep:
                return
            if not self._readers.get(key):
                self._open.pop(key).close()
                self._readers.pop(key, None)

    def close(self) -> None:
        """Close everything; what is being read just now, when that is done."""
        with self._lock:
            self._closed = True
            self._close_idle()
