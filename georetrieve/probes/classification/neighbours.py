"""The nearest labelled items of many queries, as plain arrays.

Products are summed in double precision, so that scores are right to the last digit of the single
precision they are given in. Where two vectors are so near to each other that the product form of
their Euclidean distance cancels, it is computed again by differences: a vector is at distance 0
from its copy and from nothing else. Of equal scores the lower place comes first, whatever the size
of the blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from georetrieve.errors import StoreError
from georetrieve.types import FloatArray, IntArray, Metric

__all__ = ["Neighbours", "find_neighbours", "pair_scores", "unit_vectors"]

DoubleArray: TypeAlias = npt.NDArray[np.float64]
Vectors: TypeAlias = npt.NDArray[np.floating]

QUERY_ROWS = 1024  # compared at once: with 2,048 of the gallery, 16 MB of products
GALLERY_ROWS = 2048
STEADY = 1024.0  # beside it a cosine keeps 43 bits after the point
CANCELLED = 1e-6  # d² / (|q|² + |x|²) below which products tell less than single precision
DIFFERENCES = 1 << 21  # numbers held in double precision at once
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
            scores = pair_scores(queries[part], gallery[some], metric)
            if query_units is not None and gallery_units is not None:
                scores[query_units[part][:, None] == gallery_units[None, some]] = -np.inf
            best = np.concatenate([best, _keys(scores, first)], axis=1)
            if best.shape[1] > reach:
                best = np.partition(best, reach - 1, axis=1)[:, :reach]
        best.sort(axis=1)
        keys[part] = best
    scores, places = _read(keys)
    return Neighbours(np.where(np.isneginf(scores), -1, places), scores, metric)


def pair_scores(queries: Vectors, gallery: Vectors, metric: Metric) -> FloatArray:
    """(Q, N) scores of all pairs: cosines, or minus Euclidean distances; see the module.

    Raises:
        StoreError: The widths differ, or a vector is zero (for cosines) or not finite.
    """
    if queries.shape[1] != gallery.shape[1]:
        raise StoreError(
            f"Vectors of width {queries.shape[1]} cannot be compared with those of width "
            f"{gallery.shape[1]}; use the encoder the labelled items were encoded with."
        )
    if metric == "cosine":
        cosines = unit_vectors(queries) @ unit_vectors(gallery).T
        cosines += STEADY  # so that right angles are equal, whatever the order of the sums
        cosines -= STEADY
        return np.clip(cosines, -1.0, 1.0).astype(np.float32)
    asked, held = queries.astype(np.float64), gallery.astype(np.float64)
    scale = np.einsum("qd,qd->q", asked, asked)[:, None] + np.einsum("nd,nd->n", held, held)
    squares = asked @ held.T
    squares *= -2.0
    squares += scale
    rows, columns = np.nonzero(squares < CANCELLED * scale)
    step = max(1, DIFFERENCES // max(1, asked.shape[1]))
    for start in range(0, len(rows), step):
        near = rows[start : start + step], columns[start : start + step]
        apart = asked[near[0]] - held[near[1]]
        squares[near] = np.einsum("nd,nd->n", apart, apart)
    if not np.isfinite(scale).all():
        raise StoreError("A vector is not finite, and so near to nothing; leave it out.")
    scores: FloatArray = (0.0 - np.sqrt(squares)).astype(np.float32)  # no minus zero
    return scores


def unit_vectors(vectors: Vectors) -> DoubleArray:
    """(N, D) vectors of length 1, double precision.

    Raises:
        StoreError: One is zero or not finite.
    """
    exact = vectors.astype(np.float64)
    lengths = np.sqrt(np.einsum("nd,nd->n", exact, exact))
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise StoreError(
            "A vector is zero or not finite, and so has no direction to be compared by; leave it "
            "out."
        )
    exact /= lengths[:, None]
    return exact


def _keys(scores: FloatArray, first: int) -> npt.NDArray[np.uint64]:
    """Numbers that sort as scores fall, and those of equal scores as places rise."""
    falling = ~_ordered(scores.view(np.uint32))
    places = np.arange(first, first + scores.shape[1], dtype=np.uint64)
    keys: npt.NDArray[np.uint64] = (falling.astype(np.uint64) << SHIFT) | places
    return keys


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
