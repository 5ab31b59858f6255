"""What an embedding service has done so far."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

import numpy as np

__all__ = ["ServiceStats", "Tally"]

RECENT = 2048  # requests whose latency is remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStats:
    """Counts since the service began, and how long callers waited of late.

    Attributes:
        vectors: Vectors handed out: of images and texts, encoded, shared or from the cache.
        failed: Requests that ended with an error.
        encoded: Images and texts that went through the encoder.
        batches: Calls of the encoder.
        mean_batch: Images or texts a call.
        cache_hits: Requests answered from the cache.
        shared: Requests that were answered with the vector of an identical one on its way.
        waiting: Requests accepted and not yet answered.
        per_second: Vectors a second, over the time in which there was something to do.
        encoder_share: Share of that time in which the encoder was at work.
        latency_ms: Of the last 2,048 requests, from acceptance to answer: percentile →
            milliseconds; empty before the first.
        cached: Vectors in the cache.
        cache_bytes: What they take.
    """

    vectors: int
    failed: int
    encoded: int
    batches: int
    mean_batch: float
    cache_hits: int
    shared: int
    waiting: int
    per_second: float
    encoder_share: float
    latency_ms: dict[int, float]
    cached: int
    cache_bytes: int


class Tally:
    """Counts events of a service; the caller holds the service's lock."""

    def __init__(self) -> None:
        self.vectors = self.failed = self.encoded = self.batches = 0
        self.cache_hits = self.shared = self.waiting = 0
        self._encoder_seconds = self._busy_seconds = 0.0
        self._busy_since: float | None = None
        self._latencies: deque[float] = deque(maxlen=RECENT)

    def enter(self) -> None:
        """A request is accepted."""
        self.waiting += 1
        if self._busy_since is None:
            self._busy_since = time.perf_counter()

    def leave(self, since: float, *, failed: bool, cancelled: bool) -> None:
        """A request that was accepted at ``since`` (of ``time.perf_counter``) is answered."""
        now = time.perf_counter()
        self.waiting -= 1
        if not cancelled:
            self.failed += failed
            self.vectors += not failed
            self._latencies.append(now - since)
        if not self.waiting and self._busy_since is not None:
            self._busy_seconds += now - self._busy_since
            self._busy_since = None

    def batch(self, size: int, seconds: float) -> None:
        """The encoder has been called."""
        self.batches += 1
        self.encoded += size
        self._encoder_seconds += seconds

    def stats(self, *, cached: int, cache_bytes: int) -> ServiceStats:
        """The counts as they are now."""
        running = 0.0 if self._busy_since is None else time.perf_counter() - self._busy_since
        busy = self._busy_seconds + running
        latency: dict[int, float] = {}
        if self._latencies:
            at = np.percentile(self._latencies, (50, 95, 99)) * 1000
            latency = dict(zip((50, 95, 99), at.tolist(), strict=True))
        return ServiceStats(
            vectors=self.vectors,
            failed=self.failed,
            encoded=self.encoded,
            batches=self.batches,
            mean_batch=self.encoded / self.batches if self.batches else 0.0,
            cache_hits=self.cache_hits,
            shared=self.shared,
            waiting=self.waiting,
            per_second=self.vectors / busy if busy else 0.0,
            encoder_share=self._encoder_seconds / busy if busy else 0.0,
            latency_ms=latency,
            cached=cached,
            cache_bytes=cache_bytes,
        )
