"""Exact nearest neighbours: matrix products block by block, then exact distances of what is left.

A block of B gallery vectors is compared with Q queries by one matrix product (for the Euclidean
distance through 2 q·x - |x|², which orders alike). That rounds: two nearly equal numbers are
subtracted. So every item whose product lies within twice the error bound of the k-th best stays a
candidate, and the candidates are compared again by differences in double precision. The result is
that of the naive computation, ties in order of id, whatever the blocks; a vector has distance 0 to
itself.

Error bound: |fl(a·b) − a·b| ≤ n u |a| |b|, u = 2⁻²⁴, whatever the order of the summation (Higham,
Accuracy and Stability of Numerical Algorithms, 2nd ed., eq. 3.5, to first order).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from georetrieve.stores.gallery import Block, Directory, Exclusions, Gallery, squared_lengths
from georetrieve.types import FloatArray, Hits, IntArray, Metric

__all__ = ["find_nearest", "rounding_bound", "settle"]

UNIT_ROUNDOFF = 2.0**-24
BLOCK_SCORES = 1 << 20  # Q × B at once: stays in the cache
MAX_BLOCK_ROWS = 65_536
MIN_BLOCK_ROWS = 256
MAX_QUERIES = 4096  # at once, so that a streamed gallery is not read once per query
MAX_CANDIDATES = 1 << 22
EXACT_VALUES = 1 << 21  # numbers held in double precision at once
LOWEST = np.finfo(np.float32).min  # below every score, above the -inf of what is excluded


def find_nearest(
    gallery: Gallery,
    directory: Directory,
    queries: FloatArray,
    k: int,
    metric: Metric,
    *,
    chosen: IntArray | None = None,
    exclude_groups: Sequence[str | None] | None = None,
    exclude_ids: Sequence[str | None] | None = None,
) -> Hits:
    """The k nearest vectors of each of (Q, D) queries, best first, ties in order of id.

    Args:
        gallery: N vectors.
        directory: Their ids and groups.
        queries: Finite and non-zero.
        k: ≥ 1.
        metric: ``euclidean`` (score: minus the distance) or ``cosine`` (score: the cosine).
        chosen: Places that may be found, sorted; None for all.
        exclude_groups: See :meth:`georetrieve.protocols.VectorStore.search`.
        exclude_ids: The same.
    """
    ids = np.full((len(queries), k), "", dtype=object)
    scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
    exclusions = directory.exclusions(exclude_groups, exclude_ids)
    reach = min(k, len(gallery) if chosen is None else len(chosen))
    step = max(1, min(MAX_QUERIES, MAX_CANDIDATES // (4 * max(reach, 1))))
    for start in range(0, len(queries) if reach else 0, step):
        part = slice(start, start + step)
        candidates = _Candidates(queries[part], reach, metric)
        rows = int(np.clip(BLOCK_SCORES // len(queries[part]), MIN_BLOCK_ROWS, MAX_BLOCK_ROWS))
        for block in gallery.blocks(rows, chosen):
            candidates.meet(block, exclusions.of(part))
        candidates.settle(gallery, directory, ids[part], scores[part])
    return Hits(ids, scores, metric)


class _Candidates:
    """The items that may be among the k nearest of each query, as blocks go by."""

    def __init__(self, queries: FloatArray, k: int, metric: Metric) -> None:
        self.queries, self.k, self.metric = queries, k, metric
        lengths = np.sqrt(squared_lengths(queries.astype(np.float64)))
        self._lengths = lengths
        factor = np.full(len(queries), 2.0) if metric == "euclidean" else 1 / lengths
        self._factors = np.ascontiguousarray((queries * factor[:, None]).T.astype(np.float32))
        self._longest = 0.0
        self._kth = np.full(len(queries), LOWEST, np.float64)  # k-th best product met so far
        self._queries = np.empty(0, np.int64)
        self._places = np.empty(0, np.int64)
        self._products = np.empty(0, np.float32)
        self._pending: list[tuple[IntArray, IntArray, FloatArray]] = []
        self._untidy = 0

    def meet(self, block: Block, exclusions: Exclusions) -> None:
        """Keep what may be among the nearest of a block."""
        products = block.vectors @ self._factors
        if self.metric == "euclidean":
            products -= block.squares[:, None]
        else:
            products /= np.sqrt(block.squares)[:, None]
        self._longest = max(self._longest, float(block.squares.max()) ** 0.5)
        exclusions.apply(products, block.places)
        if not self._pending and not len(self._places) and len(products) > self.k:
            kth = np.partition(products, -self.k, axis=0)[-self.k]
            self._kth = np.maximum(kth, LOWEST).astype(np.float64)
        found = np.flatnonzero(products >= self._threshold())
        rows, queries = np.divmod(found, products.shape[1])
        self._pending.append((queries, block.places[rows], products.ravel()[found]))
        self._untidy += len(found)
        if self._untidy > max(2 * len(self._places), 4 * self.k * len(self.queries)):
            self._tidy()

    def _threshold(self) -> FloatArray:
        """(Q,) products below which an item cannot be among the k nearest."""
        relative = rounding_bound(self.queries.shape[1])
        scale = (self._lengths + self._longest) ** 2 if self.metric == "euclidean" else 1.0
        threshold: FloatArray = np.maximum(self._kth - 2 * relative * scale, LOWEST).astype(
            np.float32
        )
        return threshold

    def _tidy(self) -> None:
        """Bring the k-th best up to date and drop what it rules out."""
        waiting = [(self._queries, self._places, self._products), *self._pending]
        queries, places, products = (np.concatenate(parts) for parts in zip(*waiting, strict=True))
        order = np.lexsort((-products, queries))
        queries, places, products = queries[order], places[order], products[order]
        ranks = np.arange(len(queries)) - np.searchsorted(queries, queries)
        kth = ranks == self.k - 1
        self._kth[queries[kth]] = products[kth]
        keep = products >= self._threshold()[queries]
        self._queries, self._places = queries[keep], places[keep]
        self._products = products[keep]
        self._pending, self._untidy = [], 0

    def settle(
        self,
        gallery: Gallery,
        directory: Directory,
        ids: npt.NDArray[np.object_],
        scores: FloatArray,
    ) -> None:
        """Write the k nearest by exact score into (Q, k) arrays."""
        self._tidy()
        settle(
            gallery, directory, self.queries, self.metric, self._queries, self._places, ids, scores
        )


def rounding_bound(dim: int) -> float:
    """How far a product of two unit vectors of width D in single precision can be from the true."""
    return (dim + 8) * UNIT_ROUNDOFF


def settle(
    gallery: Gallery,
    directory: Directory,
    queries: FloatArray,
    metric: Metric,
    numbers: IntArray,
    places: IntArray,
    ids: npt.NDArray[np.object_],
    scores: FloatArray,
) -> None:
    """Write the nearest of some candidates into (Q, k) arrays, by exact score, ties by id.

    Args:
        gallery: Where the vectors are.
        directory: Their ids.
        queries: (Q, D).
        metric: Of the scores.
        numbers: (M,) which query each candidate is one of.
        places: (M,) the candidates' places; a pair comes once.
        ids: (Q, k), written where there is a candidate.
        scores: (Q, k), likewise.
    """
    exact = _exact_scores(gallery, queries, metric, numbers, places)
    order = np.lexsort((-exact, numbers))
    numbers, places, exact = numbers[order], places[order], exact[order]
    kth = np.searchsorted(numbers, numbers) + ids.shape[1] - 1
    # Names are looked up, and sorted, of those alone that can be among the k.
    kept = (kth >= len(exact)) | (exact >= exact[np.minimum(kth, len(exact) - 1)])
    kept |= numbers[np.minimum(kth, len(exact) - 1)] != numbers
    numbers, exact = numbers[kept], exact[kept]
    names, ranks = directory.id_ranks(places[kept])
    order = np.lexsort((ranks, -exact, numbers))
    rank = np.arange(len(order)) - np.searchsorted(numbers, numbers)
    best = rank < ids.shape[1]
    ids[numbers[best], rank[best]] = names[order][best]
    scores[numbers[best], rank[best]] = exact[order][best]


def _exact_scores(
    gallery: Gallery, queries: FloatArray, metric: Metric, numbers: IntArray, places: IntArray
) -> FloatArray:
    """(M,) scores of the candidates from differences in double precision."""
    scores = np.empty(len(places), np.float32)
    step = max(1, EXACT_VALUES // queries.shape[1])
    for start in range(0, len(scores), step):
        part = slice(start, start + step)
        found = gallery.take(places[part]).astype(np.float64)
        asked = queries[numbers[part]].astype(np.float64)
        if metric == "euclidean":
            found -= asked
            scores[part] = 0.0 - np.sqrt(np.einsum("nd,nd->n", found, found))  # no minus zero
        else:
            lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(asked, axis=1)
            scores[part] = np.clip(np.einsum("nd,nd->n", found, asked) / lengths, -1, 1)
    return scores
