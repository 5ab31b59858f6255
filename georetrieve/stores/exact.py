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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from georetrieve.types import FloatArray, Hits, IntArray, Metric

__all__ = [
    "Block",
    "Directory",
    "Exclusions",
    "Gallery",
    "HeldVectors",
    "find_nearest",
    "squared_lengths",
]

UNIT_ROUNDOFF = 2.0**-24
BLOCK_SCORES = 1 << 20  # Q × B at once: stays in the cache
MAX_BLOCK_ROWS = 65_536
MIN_BLOCK_ROWS = 256
MAX_QUERIES = 4096  # at once, so that a streamed gallery is not read once per query
MAX_CANDIDATES = 1 << 22
EXACT_VALUES = 1 << 21  # numbers held in double precision at once
LOWEST = np.finfo(np.float32).min  # below every score, above the -inf of what is excluded


@dataclass(frozen=True, slots=True)
class Block:
    """B vectors of a gallery.

    Attributes:
        places: (B,) their places in the gallery.
        vectors: (B, D).
        squares: (B,) their squared lengths.
    """

    places: IntArray
    vectors: FloatArray
    squares: FloatArray


class Gallery(Protocol):
    """N vectors in a fixed order, in memory or not."""

    def __len__(self) -> int: ...

    def blocks(self, rows: int, chosen: IntArray | None) -> Iterator[Block]:
        """The vectors, or the chosen places of them, at most ``rows`` at a time."""
        ...

    def take(self, places: IntArray) -> FloatArray:
        """(M, D) vectors at some places."""
        ...


class HeldVectors:
    """A gallery in memory."""

    def __init__(self, matrix: FloatArray) -> None:
        self._matrix = matrix
        self._squares = squared_lengths(matrix)
        self._places = np.arange(len(matrix))

    def __len__(self) -> int:
        return len(self._matrix)

    def blocks(self, rows: int, chosen: IntArray | None) -> Iterator[Block]:
        """See :class:`Gallery`; without a choice the blocks are views."""
        places = self._places if chosen is None else chosen
        for start in range(0, len(places), rows):
            some = places[start : start + rows]
            part = slice(start, start + rows) if chosen is None else some
            yield Block(some, self._matrix[part], self._squares[part])

    def take(self, places: IntArray) -> FloatArray:
        """See :class:`Gallery`."""
        return self._matrix[places]


def squared_lengths(matrix: FloatArray) -> FloatArray:
    """(N,) squared lengths of (N, D) vectors."""
    squares: FloatArray = np.einsum("nd,nd->n", matrix, matrix)
    return squares


class Directory:
    """Ids and groups of the N vectors of a gallery, in its order."""

    def __init__(self, ids: pa.Array, groups: pa.Array) -> None:
        self.ids = ids
        self._groups = groups

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def _coded(self) -> tuple[IntArray, dict[str, int]]:
        coded = self._groups.dictionary_encode()
        codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        return codes, {name: code for code, name in enumerate(coded.dictionary.to_pylist())}

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.ids.to_pylist())}

    def exclusions(
        self, groups: Sequence[str | None] | None, ids: Sequence[str | None] | None
    ) -> Exclusions:
        """What each of Q queries leaves out."""
        own_groups = own_places = None
        if groups is not None and any(group is not None for group in groups):
            codes = self._coded[1]
            own_groups = np.array([codes.get(group, -2) if group else -2 for group in groups])
        if ids is not None and any(one is not None for one in ids):
            own_places = np.array([self._places.get(one, -1) if one else -1 for one in ids])
        return Exclusions(None if own_groups is None else self._coded[0], own_groups, own_places)

    def id_ranks(self, places: IntArray) -> tuple[npt.NDArray[np.object_], IntArray]:
        """The ids at some places, and numbers that sort like them."""
        names = np.array(self.ids.take(pa.array(places)).to_pylist(), dtype=object)
        ranks = np.empty(len(names), np.int64)
        ranks[np.argsort(names, kind="stable")] = np.arange(len(names))
        return names, ranks


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Items that are not to be found.

    Attributes:
        groups: (N,) group of each vector as a number, -1 for none; None when no group is left out.
        own_groups: (Q,) the number of the group each query leaves out, -2 for none.
        own_places: (Q,) the place each query leaves out, -1 for none.
    """

    groups: IntArray | None
    own_groups: IntArray | None
    own_places: IntArray | None

    def of(self, queries: slice) -> Exclusions:
        """Those of some of the queries."""
        return Exclusions(
            self.groups,
            None if self.own_groups is None else self.own_groups[queries],
            None if self.own_places is None else self.own_places[queries],
        )

    def apply(self, scores: FloatArray, places: IntArray) -> None:
        """Set (B, Q) scores of what is left out to -inf."""
        if self.groups is not None and self.own_groups is not None:
            scores[self.groups[places][:, None] == self.own_groups[None, :]] = -np.inf
        if self.own_places is not None:
            scores[places[:, None] == self.own_places[None, :]] = -np.inf


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
        relative = (self.queries.shape[1] + 8) * UNIT_ROUNDOFF
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
        exact = self._exact(gallery)
        names, ranks = directory.id_ranks(self._places)
        order = np.lexsort((ranks, -exact, self._queries))
        queries = self._queries[order]
        place = np.arange(len(order)) - np.searchsorted(queries, queries)
        best = place < self.k
        ids[queries[best], place[best]] = names[order][best]
        scores[queries[best], place[best]] = exact[order][best]

    def _exact(self, gallery: Gallery) -> FloatArray:
        """(M,) scores of the candidates from differences in double precision."""
        scores = np.empty(len(self._places), np.float32)
        step = max(1, EXACT_VALUES // self.queries.shape[1])
        for start in range(0, len(scores), step):
            part = slice(start, start + step)
            found = gallery.take(self._places[part]).astype(np.float64)
            asked = self.queries[self._queries[part]].astype(np.float64)
            if self.metric == "euclidean":
                found -= asked
                scores[part] = 0.0 - np.sqrt(np.einsum("nd,nd->n", found, found))  # no minus zero
            else:
                lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(asked, axis=1)
                scores[part] = np.clip(np.einsum("nd,nd->n", found, asked) / lengths, -1, 1)
        return scores
