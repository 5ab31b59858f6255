"""The nearest labelled items of many queries, as plain arrays.

Scores are right to the last digit of the single precision they are given in, see
:mod:`georetrieve.probes.classification.pair_scores`, and of equal ones the lower place comes first,
whatever the size of the blocks. Of most pairs they are never computed: a coarse score, off by no
more than a known bound, shows which of a block may be nearer than the k nearest so far.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from georetrieve.errors import StoreError
from georetrieve.probes.classification.pair_scores import (
    coarse_scores,
    pair_scores,
    scores_of_pairs,
)
from georetrieve.types import FloatArray, IntArray, Metric

__all__ = ["Neighbours", "find_neighbours"]

QUERY_ROWS = 2048  # compared at once: with 2,048 of the gallery, 16 MB of single products
GALLERY_ROWS = 2048
MANY = 1 / 16  # share of the pairs of a block from which on all of them are computed
SIGN = np.uint32(1 << 31)
SHIFT = np.uint64(32)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The k nearest of N gallery vectors for each of Q queries, best first.

    Attributes:
        places: (Q, k) rows of the gallery, -1 where there are fewer than k.
        scores: (Q, k) float32, higher is better: cosines, or minus Euclidean distances; -inf where
            there is no neighbour.
        metric: Which of the two.
    """

    places: IntArray
    scores: FloatArray
    metric: Metric

    def __len__(self) -> int:
        return len(self.places)

    @property
    def distances(self) -> FloatArray:
        """(Q, k) Euclidean distances, or 1 - cosine; inf where there is no neighbour."""
        return -self.scores if self.metric == "euclidean" else 1.0 - self.scores

    def rows(self, chosen: slice | IntArray | npt.NDArray[np.bool_]) -> Neighbours:
        """Those of some of the queries."""
        return Neighbours(self.places[chosen], self.scores[chosen], self.metric)

    def first(self, k: int) -> Neighbours:
        """The nearest k of them."""
        return Neighbours(self.places[:, :k], self.scores[:, :k], self.metric)


def find_neighbours(
    gallery: FloatArray,
    queries: FloatArray,
    k: int,
    metric: Metric,
    *,
    gallery_units: IntArray | None = None,
    query_units: IntArray | None = None,
) -> Neighbours:
    """Find the k nearest of the (N, D) gallery for each of (Q, D) queries.

    Args:
        gallery: Finite; no zero vector for cosines.
        queries: Likewise.
        k: ≥ 1; where it is more than N, N neighbours are returned.
        metric: ``cosine`` or ``euclidean``.
        gallery_units: (N,) numbers, say of groups; a query finds nothing of its own unit.
        query_units: (Q,) likewise; both or neither.

    Raises:
        StoreError: k < 1, the widths differ, or a vector is zero (for cosines) or not finite.
    """
    if k < 1:
        raise StoreError(f"k = {k}: ask for at least one neighbour.")
    reach = min(k, len(gallery))
    keys = np.empty((len(queries), reach), np.uint64)
    for start in range(0, len(queries) if reach else 0, QUERY_ROWS):
        part = slice(start, start + QUERY_ROWS)
        best = np.empty((len(queries[part]), 0), np.uint64)
        for first in range(0, len(gallery), GALLERY_ROWS):
            some = slice(first, first + GALLERY_ROWS)
            own = None
            if query_units is not None and gallery_units is not None:
                own = query_units[part][:, None] == gallery_units[None, some]
            new = None
            if best.shape[1] == reach:  # the last of them is the worst
                new = _better(queries[part], gallery[some], metric, _read(best[:, -1])[0], own)
            if new is None:
                scores = pair_scores(queries[part], gallery[some], metric)
                if own is not None:
                    scores[own] = -np.inf
                added = _keys(scores, np.arange(scores.shape[1]) + first)
            else:
                rows, columns, scores = new
                added = _ragged(rows, _keys(scores, columns + first), len(best))
            best = np.concatenate([best, added], axis=1)
            if best.shape[1] >= reach:
                best = np.partition(best, reach - 1, axis=1)[:, :reach]
        best.sort(axis=1)
        keys[part] = best
    scores, places = _read(keys)
    return Neighbours(np.where(np.isneginf(scores), -1, places), scores, metric)


def _better(
    queries: FloatArray,
    gallery: FloatArray,
    metric: Metric,
    least: FloatArray,
    own: npt.NDArray[np.bool_] | None,
) -> tuple[IntArray, IntArray, FloatArray] | None:
    """Rows, columns and scores of the pairs that may score above (Q,) ``least``, row by row.

    Args:
        queries: (Q, D).
        gallery: (N, D).
        metric: Of the scores.
        least: -inf where any will do.
        own: (Q, N) pairs that are left out.

    Returns:
        None where these are so many that all pairs had better be computed.
    """
    products, low = coarse_scores(queries, gallery, metric, least.astype(np.float64))
    if own is not None:
        products[own] = -np.inf
    passed = np.less(products, low[:, None])
    np.logical_not(passed, out=passed)  # what is not a number passes
    if np.count_nonzero(passed) > MANY * passed.size:
        return None
    places = np.flatnonzero(passed)
    rows, columns = np.divmod(places, products.shape[1])
    if own is not None:
        kept = ~own[rows, columns]
        rows, columns = rows[kept], columns[kept]
    return rows, columns, scores_of_pairs(queries, gallery, rows, columns, metric)


def _keys(scores: FloatArray, places: IntArray) -> npt.NDArray[np.uint64]:
    """Numbers that sort as scores fall, and those of equal scores as places rise."""
    falling = ~_ordered(scores.view(np.uint32))
    keys: npt.NDArray[np.uint64] = (falling.astype(np.uint64) << SHIFT) | places.astype(np.uint64)
    return keys


def _ragged(rows: IntArray, keys: npt.NDArray[np.uint64], count: int) -> npt.NDArray[np.uint64]:
    """(count, most of a row) keys by row, filled up with the worst there is.

    Args:
        rows: Of the keys, rising.
        keys: One each.
        count: Of rows.
    """
    sizes = np.bincount(rows, minlength=count)
    table = np.full((count, int(sizes.max(initial=0))), np.iinfo(np.uint64).max)
    table[rows, np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)] = keys
    return table


def _read(keys: npt.NDArray[np.uint64]) -> tuple[FloatArray, IntArray]:
    """Scores and places of :func:`_keys`."""
    rising = ~(keys >> SHIFT).astype(np.uint32)
    bits = np.where(rising & SIGN, rising ^ SIGN, ~rising)
    return bits.view(np.float32), (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)


def _ordered(bits: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Numbers that sort as the floating-point numbers of these bits do: negative ones flipped."""
    flips = (bits.view(np.int32) >> 31).view(np.uint32)
    flips |= SIGN
    flips ^= bits
    return flips
