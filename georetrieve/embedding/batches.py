"""Prepared requests gather into batches."""

from __future__ import annotations

import threading
import time
from collections import deque

from georetrieve.embedding.request import Lane, Request

__all__ = ["BatchQueue"]


class BatchQueue:
    """What is ready to be encoded, a lane a kind; thread-safe.

    Args:
        most: Largest batch.
        delay: How long a request waits, at most, for others to share its batch, seconds.
    """

    def __init__(self, most: int, delay: float) -> None:
        self._most, self._delay = most, delay
        self._lanes: dict[Lane, deque[Request]] = {"image": deque(), "text": deque()}
        self._changed = threading.Condition()
        self._hurried = self._finished = False

    def __len__(self) -> int:
        return sum(map(len, self._lanes.values()))

    def put(self, request: Request) -> None:
        """Add a prepared request."""
        with self._changed:
            request.ready = time.perf_counter()
            self._lanes[request.lane].append(request)
            self._changed.notify()

    def take(self) -> list[Request]:
        """Requests of one lane, when they are enough or have waited enough; none at the end."""
        with self._changed:
            while True:
                lanes = [lane for lane in self._lanes.values() if lane]
                if lanes:
                    lane = min(lanes, key=lambda lane: lane[0].ready)
                    left = lane[0].ready + self._delay - time.perf_counter()
                    if len(lane) >= self._most or left <= 0 or self._hurried:
                        return [lane.popleft() for _ in range(min(len(lane), self._most))]
                    self._changed.wait(left)
                elif self._finished:
                    return []
                else:
                    self._changed.wait()

    def hurry(self) -> None:
        """Let no request wait for others any more."""
        with self._changed:
            self._hurried = True
            self._changed.notify_all()

    def finish(self) -> None:
        """Say that nothing more comes."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()
