"""The nearest of many points to each of them, as far as a map needs it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from georetrieve.errors import StoreError
from georetrieve.protocols import Progress
from georetrieve.stores.faiss_index import faiss_library
from georetrieve.types import FloatArray, IntArray, Metric

__all__ = ["compared", "nearest_of_each", "nearest_to"]

EXACT = 30_000  # points up to which all pairs are compared
LISTS_EACH, PROBED = 4, 50  # √N times so many lists, of which one in so many is looked through
AT_ONCE = 4096


def compared(vectors: FloatArray, metric: Metric) -> FloatArray:
    """(N, D) vectors whose Euclidean distances say what the metric says."""
    points = np.asarray(vectors, np.float32)
    if not np.isfinite(points).all():
        raise StoreError("A vector is not finite, so there is no map; index these items again.")
    if metric == "cosine":
        points = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    return points


def nearest_to(queries: FloatArray, points: FloatArray, count: int) -> tuple[IntArray, FloatArray]:
    """(Q, k) places of the nearest points, and their Euclidean distances; exact.

    Args:
        queries: (Q, D).
        points: (N, D), N ≥ k.
        count: k.
    """
    if not len(queries):
        return np.zeros((0, count), np.int64), np.zeros((0, count), np.float32)
    squares, rows = faiss_library().knn(_plain(queries), _plain(points), count)
    return rows.astype(np.int64), np.sqrt(np.maximum(squares, 0))


def nearest_of_each(
    points: FloatArray, count: int, progress: Progress | None = None
) -> tuple[IntArray, FloatArray]:
    """(N, k) places of the nearest others of each point, nearest first, and their distances.

    Up to 30,000 points exactly; of more, those in the lists of an inverted file that lie nearest,
    which misses one in some tens and looks at one pair in fifty.

    Args:
        points: (N, D), N > k.
        count: k.
        progress: Told of the points that are done.
    """
    points = _plain(points)
    index = _index_of(points)
    rows = np.empty((len(points), count), np.int64)
    distances = np.empty((len(points), count), np.float32)
    if progress:
        progress.start("finding neighbours", len(points))
    for start in range(0, len(points), AT_ONCE):
        own = np.arange(start, min(start + AT_ONCE, len(points)))
        squares, found = index.search(points[own], count + 1)
        short = (found < 0).any(axis=1)  # too few in the lists that were looked through
        if short.any():
            squares[short], found[short] = faiss_library().knn(
                points[own[short]], points, count + 1
            )
        kept = _without_self(found, own)
        rows[own] = found[kept].reshape(len(own), count)
        distances[own] = np.sqrt(np.maximum(squares[kept].reshape(len(own), count), 0))
        if progress:
            progress.advance(len(own))
    if progress:
        progress.finish()
    return rows, distances


def _index_of(points: FloatArray) -> Any:  # noqa: ANN401 - FAISS is untyped
    faiss = faiss_library()
    width = points.shape[1]
    if len(points) <= EXACT:
        index = faiss.IndexFlatL2(width)
    else:
        lists = LISTS_EACH * math.isqrt(len(points))
        index = faiss.IndexIVFFlat(faiss.IndexFlatL2(width), width, lists)
        step = max(1, len(points) // (lists * 50))  # FAISS learns lists from some tens of points
        index.train(points[::step])
        index.nprobe = max(8, lists // PROBED)
    index.add(points)
    return index


def _without_self(found: IntArray, own: IntArray) -> np.ndarray:
    """(B, k + 1) whether a point is kept: all but itself, or of many copies all but the last."""
    others: np.ndarray = found != own[:, None]
    others[others.all(axis=1), -1] = False
    return others


def _plain(points: FloatArray) -> FloatArray:
    return np.ascontiguousarray(points, np.float32)
