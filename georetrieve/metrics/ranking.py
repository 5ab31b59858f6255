"""Ranking quality when every labelled item looks for its like among all others.

Definitions are those of the SCAMPI benchmark (Martinsen et al., "The 3-billion fossil question: how
to automate classification of microfossils", 2024, and its evaluation script). A query of a class
with R further members in its gallery has

    P@k   = (members among its k nearest) / k
    R@k   = (members among its k nearest) / R
    P@N_R = P@k at k = R

and the means are over images. Never counted are the query itself and, when groups are excluded,
anything of its group. Where k exceeds the gallery, P@k still divides by k; the script's habit of
then counting the query as its own hit is not followed, since it drives recall above 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from georetrieve.errors import StoreError
from georetrieve.types import FloatArray, IntArray, Metric

__all__ = [
    "SCAMPI_KS",
    "DoubleArray",
    "Ranking",
    "as_points",
    "class_means",
    "distances_to",
    "pr_auc",
    "rank_all",
]

DoubleArray = npt.NDArray[np.float64]

SCAMPI_KS: tuple[int, ...] = (1, *range(10, 200, 10), 500)
"""The k at which the SCAMPI benchmark measures, beside k = N_R."""

_BLOCK_BYTES = 32 * 2**20
_EXCLUDED = np.uint64(2**64 - 1)
_INDEX_MASK = np.uint64(2**32 - 1)


@dataclass(frozen=True, slots=True)
class Ranking:
    """What one pass over all distances leaves of N rankings.

    Attributes:
        ks: The K values of k that were measured.
        relevant: (N,) number R of further class members in each query's gallery.
        gallery: (N,) size of each query's gallery.
        hits: (N, K) class members among the k nearest.
        hits_at_nr: (N,) class members among the R nearest.
        neighbours: (N, M) rows of the nearest gallery items, best first; -1 past the gallery's end.
        distances: (N, M) float32 their distances: Euclidean, or 1 - cosine; inf past the end.
    """

    ks: tuple[int, ...]
    relevant: IntArray
    gallery: IntArray
    hits: IntArray
    hits_at_nr: IntArray
    neighbours: IntArray
    distances: FloatArray

    @property
    def judged(self) -> npt.NDArray[np.bool_]:
        """(N,) which queries have anything to find; the others have no precision at N_R."""
        return self.relevant > 0

    @property
    def precision(self) -> DoubleArray:
        """(N, K) P@k in [0, 1]."""
        return self.hits / np.asarray(self.ks, dtype=np.float64)

    @property
    def recall(self) -> DoubleArray:
        """(N, K) R@k in [0, 1]; nan where there is nothing to find."""
        return _ratio(self.hits, self.relevant[:, None])

    @property
    def precision_at_nr(self) -> DoubleArray:
        """(N,) P@N_R in [0, 1], which is R@N_R too; nan where there is nothing to find."""
        return _ratio(self.hits_at_nr, self.relevant)


def _ratio(numerator: IntArray, denominator: IntArray) -> DoubleArray:
    shape = np.broadcast_shapes(numerator.shape, denominator.shape)
    out = np.full(shape, np.nan)
    np.divide(numerator, denominator, out=out, where=np.broadcast_to(denominator > 0, shape))
    return out


def as_points(vectors: npt.NDArray[np.floating], metric: Metric) -> DoubleArray:
    """Bring (N, D) vectors to (N, D) float64 points whose Euclidean distances rank as ``metric``.

    For cosine that is unit length: |a - b|² = 2 (1 - cos). For Euclidean the mean is taken off,
    which changes no distance and keeps the expanded square |a|² + |b|² - 2ab accurate where all
    vectors lie close together and far from the origin (as those of untrained networks do).

    Raises:
        StoreError: A vector is not finite, or is zero and ``metric`` is cosine.
    """
    points = np.asarray(vectors, dtype=np.float64)
    if points.ndim != 2 or not np.isfinite(points).all():
        raise StoreError(
            f"Vectors of shape {points.shape} cannot be ranked: they must be finite numbers in "
            "(items, width) form. Index the items again."
        )
    if metric == "euclidean":
        return points - points.mean(axis=0, keepdims=True) if len(points) else points
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    if (lengths == 0).any():
        raise StoreError(
            f"{int((lengths == 0).sum())} vectors are zero and have no cosine: index their items "
            "again."
        )
    unit: DoubleArray = points / lengths
    return unit


def distances_to(
    queries: DoubleArray, gallery: DoubleArray, metric: Metric = "euclidean"
) -> FloatArray:
    """Return (Q, G) float32 distances between points of :func:`as_points`.

    What float64 arithmetic cannot tell from zero is zero, so that copies rank as copies.
    """
    squares = np.einsum("qd,qd->q", queries, queries)
    squared = queries @ gallery.T
    squared *= -2.0
    squared += squares[:, None]
    squared += np.einsum("gd,gd->g", gallery, gallery)
    squared[squared < 1e-13 * squares[:, None]] = 0.0
    if metric == "cosine":
        squared *= 0.5
    else:
        np.sqrt(squared, out=squared)
    return squared.astype(np.float32)


def rank_all(
    vectors: npt.NDArray[np.floating],
    labels: IntArray,
    *,
    metric: Metric = "euclidean",
    ks: Sequence[int] = SCAMPI_KS,
    groups: IntArray | None = None,
    keep: int = 0,
) -> Ranking:
    """Rank, for each of N labelled items, all others by distance, and count what is found.

    Items at one distance (to float32) are ranked in the order they are given in. Distances are
    taken block by block: memory grows with N, never with N².

    Args:
        vectors: (N, D).
        labels: (N,) classes, ≥ 0.
        metric: Distance to rank by.
        ks: Values of k to count at, each ≥ 1.
        groups: (N,) group of each item, -1 for none; a query's own group is left out of its
            gallery. None leaves out the query alone.
        keep: Number M of nearest neighbours to return.

    Raises:
        StoreError: Shapes disagree, a vector is not finite, or a k is below 1.
    """
    count = len(labels)
    if vectors.shape[:1] != labels.shape or (groups is not None and groups.shape != labels.shape):
        raise StoreError(
            f"{vectors.shape[0]} vectors need as many labels and groups; got {count} labels"
            + ("." if groups is None else f" and {len(groups)} groups.")
        )
    if any(k < 1 for k in ks):
        raise StoreError(f"k in {tuple(ks)} must be 1 or more.")
    relevant, gallery = _gallery_sizes(labels, groups)
    depth = min(count, max([1, *ks, keep, int(relevant.max(initial=0))]))
    keep = min(keep, max(count - 1, 0))
    hits = np.zeros((count, len(ks)), dtype=np.int64)
    hits_at_nr = np.zeros(count, dtype=np.int64)
    neighbours = np.full((count, keep), -1, dtype=np.int64)
    distances = np.full((count, keep), np.inf, dtype=np.float32)
    columns = np.minimum(np.asarray(ks, dtype=np.int64), depth) - 1
    for rows, order, distance in _ranked_blocks(as_points(vectors, metric), metric, groups, depth):
        inside = np.arange(order.shape[1]) < gallery[rows, None]
        found = np.cumsum((labels[order] == labels[rows, None]) & inside, axis=1, dtype=np.int32)
        hits[rows] = found[:, columns]
        at_nr = np.maximum(relevant[rows] - 1, 0)[:, None]
        hits_at_nr[rows] = np.take_along_axis(found, at_nr, axis=1)[:, 0]
        kept = inside[:, :keep]
        neighbours[rows] = np.where(kept, order[:, :keep], -1)
        distances[rows] = np.where(kept, distance[:, :keep], np.inf)
    hits_at_nr[relevant == 0] = 0
    return Ranking(tuple(ks), relevant, gallery, hits, hits_at_nr, neighbours, distances)


def _gallery_sizes(labels: IntArray, groups: IntArray | None) -> tuple[IntArray, IntArray]:
    """(N,) further class members, and (N,) items, in each query's gallery."""
    count = len(labels)
    if count == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    same_class = np.bincount(labels)[labels]
    own = np.ones(count, dtype=np.int64)
    own_of_class = own.copy()
    if groups is not None:
        grouped = groups >= 0
        own[grouped] = np.bincount(groups[grouped], minlength=1)[groups[grouped]]
        pairs = np.stack([groups, labels], axis=1)
        _, inverse, sizes = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
        own_of_class[grouped] = sizes[inverse.reshape(-1)][grouped]
    return (same_class - own_of_class).astype(np.int64), (count - own).astype(np.int64)


def _ranked_blocks(
    points: DoubleArray, metric: Metric, groups: IntArray | None, depth: int
) -> Iterator[tuple[slice, IntArray, FloatArray]]:
    """Yield blocks of rows with the (B, depth) order of their galleries and its distances.

    The bits of a non-negative float32 sort as an unsigned integer. With the row below them in one
    64-bit key, a plain sort is a stable argsort, and NumPy's vector instructions do it.
    """
    count = len(points)
    index = np.arange(count, dtype=np.uint64)
    step = max(1, _BLOCK_BYTES // (8 * max(count, 1)))
    for start in range(0, count, step):
        rows = slice(start, min(start + step, count))
        bits = distances_to(points[rows], points, metric).view(np.uint32)
        keys = bits.astype(np.uint64)
        keys <<= np.uint64(32)
        keys |= index
        own = np.arange(rows.start, rows.stop)
        keys[own - start, own] = _EXCLUDED
        if groups is not None:
            same = (groups[rows, None] == groups) & (groups[rows, None] >= 0)
            keys[same] = _EXCLUDED
        if depth < count // 2:
            keys = np.partition(keys, depth - 1, axis=1)[:, :depth]
        keys.sort(axis=1)
        keys = keys[:, :depth]
        # An excluded key names no row; any row will do, since it lies past the gallery's end.
        order = np.minimum(keys & _INDEX_MASK, np.uint64(count - 1)).astype(np.int64)
        yield rows, order, (keys >> np.uint64(32)).astype(np.uint32).view(np.float32)


def pr_auc(recall: DoubleArray, precision: DoubleArray) -> DoubleArray:
    """Area under mean precision over mean recall, as the SCAMPI benchmark draws it.

    The points are sorted by recall (at one recall the higher precision first), (0, 1) is put before
    them and (1, 0) behind, and the trapezoids between them are added up.

    Args:
        recall: (..., P) mean recalls in [0, 1].
        precision: (..., P) mean precisions in [0, 1].

    Returns:
        (...) areas in [0, 1].
    """
    order = np.lexsort((-precision, recall), axis=-1)
    x = np.take_along_axis(recall, order, axis=-1)
    y = np.take_along_axis(precision, order, axis=-1)
    zero, one = np.zeros_like(x[..., :1]), np.ones_like(x[..., :1])
    return np.asarray(
        np.trapezoid(
            np.concatenate([one, y, zero], axis=-1), np.concatenate([zero, x, one], axis=-1)
        )
    )


def class_means(values: DoubleArray, labels: IntArray, n_classes: int) -> DoubleArray:
    """Mean of (N, ...) ``values`` in each class: (C, ...); nan for a class without a value.

    Values that are nan (nothing to find) take no part.
    """
    flat = values.reshape(len(values), -1)
    known = ~np.isnan(flat)
    sums = np.zeros((n_classes, flat.shape[1]))
    counts = np.zeros((n_classes, flat.shape[1]), dtype=np.int64)
    np.add.at(sums, labels, np.where(known, flat, 0.0))
    np.add.at(counts, labels, known)
    out = np.full_like(sums, np.nan)
    np.divide(sums, counts, out=out, where=counts > 0)
    return out.reshape(n_classes, *values.shape[1:])
