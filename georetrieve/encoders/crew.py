"""Work on many small images side by side, one thread an image."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

__all__ = ["for_each"]

S = TypeVar("S")
T = TypeVar("T")


class _Crew:
    """Threads that encode, one image each, as many as torch would use for one operation.

    An image is too small to share among threads: they would wait for each other more than work, the
    longer the busier the machine is. One thread an image also adds up in one order, everywhere.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callers = 0
        self._threads = 1

    def __call__(self, work: Callable[[S], T], images: Sequence[S]) -> list[T]:
        """Apply ``work`` to every image, in inference mode; results in the order of the images."""

        def alone(image: S) -> T:
            with torch.inference_mode():
                return work(image)

        with self._lock:
            # Threads that start while another caller is at work count one; ask only when none is.
            if not self._callers:
                self._threads = torch.get_num_threads()
            self._callers += 1
            torch.set_num_threads(1)  # new threads take it over
        try:
            with ThreadPoolExecutor(self._threads, thread_name_prefix="bundled") as pool:
                return list(pool.map(alone, images))
        finally:
            with self._lock:
                self._callers -= 1
                torch.set_num_threads(self._threads)


for_each = _Crew()
