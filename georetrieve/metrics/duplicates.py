"""Copies and near-copies among items: what makes a score look better than the encoder is.

A query whose own copy lies in the gallery is answered by it. Pairs across two labels are either
labelling errors or limits of the image; pairs across groups or across a split leak.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from georetrieve.metrics.classification import Split
from georetrieve.metrics.ranking import as_points, distances_to
from georetrieve.types import FloatArray, IntArray, Metric

__all__ = [
    "NEAR_SHARE",
    "DuplicateCounts",
    "copies",
    "count_duplicates",
    "near_pairs",
    "typical_distance",
]

NEAR_SHARE = 0.1
"""Two items are near-duplicates when no farther apart than this share of the typical distance.

With the bundled encoder a specimen saved again as JPEG (quality 80) or shrunk to 80 % lies at 0.01
to 0.06, one shifted by four pixels at 0.11 to 0.21, and two different palynomorphs at 0.45 or
more. An encoder that tells little apart (an untrained one) finds more.
"""

_SAMPLE = 1000


@dataclass(frozen=True, slots=True)
class DuplicateCounts:
    """How many pairs there are, and which of them matter.

    Attributes:
        pairs: Pairs of different items.
        items: Items in any pair.
        across_labels: Pairs of two labels.
        across_groups: Pairs of two known groups, which excluding the query's group leaves in.
        across_splits: Test items with a partner in training, mean over the splits; None without.
    """

    pairs: int
    items: int
    across_labels: int
    across_groups: int
    across_splits: float | None


def typical_distance(
    vectors: npt.NDArray[np.floating], *, metric: Metric = "euclidean", seed: int = 0
) -> float:
    """Median distance between two different items, from at most 1000 items drawn by ``seed``.

    It knows the scale of an encoder's space, which no fixed threshold could; 0 below two items.
    """
    count = len(vectors)
    if count < 2:
        return 0.0
    rows = np.arange(count)
    if count > _SAMPLE:
        rows = np.random.default_rng(seed).choice(count, _SAMPLE, replace=False)
    points = as_points(vectors[rows], metric)
    between = distances_to(points, points, metric)[np.triu_indices(len(rows), 1)]
    return float(np.median(between))


def near_pairs(neighbours: IntArray, distances: FloatArray, threshold: float) -> IntArray:
    """Pairs of items no farther apart than ``threshold``.

    Args:
        neighbours: (N, M) rows of each item's nearest, -1 past the end. An item with more than M
            near-duplicates is seen with M of them.
        distances: (N, M) their distances.
        threshold: Largest distance of a pair.

    Returns:
        (P, 2) rows, each pair once, the lower row first.
    """
    near = (distances <= threshold) & (neighbours >= 0)
    row, column = np.nonzero(near)
    pairs = np.sort(np.stack([row, neighbours[row, column]], axis=1), axis=1)
    return np.unique(pairs, axis=0).astype(np.int64)


def copies(contents: Sequence[str]) -> IntArray:
    """Pairs of items of identical content: each further copy with the first.

    Args:
        contents: N digests of what the items show; "" is unknown and equals nothing.

    Returns:
        (P, 2) rows; P is the number of items that could be left out.
    """
    first: dict[str, int] = {}
    pairs = []
    for row, content in enumerate(contents):
        if content and first.setdefault(content, row) != row:
            pairs.append((first[content], row))
    return np.asarray(pairs, dtype=np.int64).reshape(-1, 2)


def count_duplicates(
    pairs: IntArray,
    labels: IntArray,
    *,
    groups: IntArray | None = None,
    splits: Sequence[Split] = (),
) -> DuplicateCounts:
    """Count (P, 2) ``pairs`` of rows, and those across labels, groups and splits."""
    one, other = pairs[:, 0], pairs[:, 1]
    across_groups = 0
    if groups is not None:
        known = (groups[one] >= 0) & (groups[other] >= 0)
        across_groups = int((known & (groups[one] != groups[other])).sum())
    leaks = [_leaking(pairs, split, len(labels)) for split in splits]
    return DuplicateCounts(
        pairs=len(pairs),
        items=len(np.unique(pairs)),
        across_labels=int((labels[one] != labels[other]).sum()),
        across_groups=across_groups,
        across_splits=float(np.mean(leaks)) if leaks else None,
    )


def _leaking(pairs: IntArray, split: Split, count: int) -> int:
    """Number of test items that have a partner in training."""
    side = np.zeros(count, dtype=np.int8)
    side[split.train], side[split.test] = 1, 2
    both = np.concatenate([pairs, pairs[:, ::-1]])
    leaking = both[(side[both[:, 0]] == 2) & (side[both[:, 1]] == 1), 0]
    return len(np.unique(leaking))
