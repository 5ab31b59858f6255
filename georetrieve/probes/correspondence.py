"""Which patch of one image is which patch of another: why two images are neighbours.

Patches are compared by cosine. Two patches correspond when each is the other's nearest ("best
buddies": T. Dekel et al., CVPR 2015; with features of vision transformers: S. Amir et al., 2021).
A patch of empty background is like every other one and says nothing, so pairs are ranked by how
much more alike they are than either is to its ten nearest patches on the other side (CSLS: A.
Conneau et al., 2018), and pairs that are shown keep apart from each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from georetrieve.errors import EncoderError
from georetrieve.types import FloatArray, IntArray

__all__ = ["Correspondence", "Correspondences", "correspond"]

NEIGHBOURHOOD = 10
"""Nearest patches whose mean similarity says how common a patch is."""
APART = 0.1
"""Least distance of pairs that are shown, as a share of the grid's side."""
RIM = 0.06
"""Share of a grid's side at each edge that is no pair: beyond the edge there is nothing to see, and
that is what such patches have in common."""
BLOCK = 1024
"""Patches compared at once."""


@dataclass(frozen=True, slots=True)
class Correspondence:
    """Two patches that are each other's nearest.

    Attributes:
        query: (row, column) of the patch in the query's grid.
        hit: (row, column) of the patch in the hit's grid.
        similarity: Their cosine.
        distinctiveness: How much more alike they are than either is to what else resembles it
            there: twice the cosine less both means of the ten nearest.
    """

    query: tuple[int, int]
    hit: tuple[int, int]
    similarity: float
    distinctiveness: float


@dataclass(frozen=True, slots=True)
class Correspondences:
    """How the patches of two images belong together.

    Attributes:
        pairs: The most telling first, apart from each other.
        mutual: Share of the query's patches that are their nearest patch's nearest.
        query_likeness: (rows, columns) cosine of each query patch with its nearest in the hit.
        hit_likeness: (rows, columns) the same for the hit's patches.
    """

    pairs: Sequence[Correspondence]
    mutual: float
    query_likeness: FloatArray
    hit_likeness: FloatArray


def correspond(query: FloatArray, hit: FloatArray, *, pairs: int = 12) -> Correspondences:
    """Match the patches of two images.

    Args:
        query: (rows, columns, D) patch features.
        hit: (rows, columns, D), the grid of its own size.
        pairs: Most pairs returned.

    Raises:
        EncoderError: The features are of different widths, or ``pairs`` < 1.
    """
    if query.ndim != 3 or hit.ndim != 3 or query.shape[2] != hit.shape[2]:
        raise EncoderError(
            f"Patches of shapes {query.shape} and {hit.shape} cannot be compared; both are (rows, "
            "columns, D) of one encoder."
        )
    if pairs < 1:
        raise EncoderError(f"{pairs} pairs were asked for; ask for one or more.")
    ours, theirs = _unit(query), _unit(hit)
    best, similarity, common = _nearest(ours, theirs)
    back, back_similarity, back_common = _nearest(theirs, ours)
    buddies = back[best] == np.arange(len(ours))
    mutual = np.flatnonzero(buddies & _inside(query) & _inside(hit)[best])
    telling = 2 * similarity[mutual] - common[mutual] - back_common[best[mutual]]
    order = mutual[np.argsort(-telling, kind="stable")]
    values = np.sort(-telling, kind="stable")
    chosen = [
        Correspondence(
            _place(int(one), query),
            _place(int(best[one]), hit),
            float(similarity[one]),
            -float(value),
        )
        for one, value in zip(order, values, strict=True)
    ]
    return Correspondences(
        _apart(chosen, query.shape[:2], hit.shape[:2], pairs),
        float(buddies.mean()),
        similarity.reshape(query.shape[:2]),
        back_similarity.reshape(hit.shape[:2]),
    )


def _unit(patches: FloatArray) -> FloatArray:
    """(N, D) of length 1; a patch of zeros stays zero and is like nothing."""
    rows = patches.reshape(-1, patches.shape[2]).astype(np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: FloatArray = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return unit


def _nearest(ours: FloatArray, theirs: FloatArray) -> tuple[IntArray, FloatArray, FloatArray]:
    """Nearest of the others, the cosine with it, and the mean cosine with the ten nearest."""
    count = min(NEIGHBOURHOOD, len(theirs))
    best = np.empty(len(ours), np.int64)
    similarity, common = np.empty(len(ours), np.float32), np.empty(len(ours), np.float32)
    for start in range(0, len(ours), BLOCK):
        part = slice(start, start + BLOCK)
        cosines = ours[part] @ theirs.T
        best[part] = cosines.argmax(axis=1)
        similarity[part] = cosines.max(axis=1)
        top = np.partition(cosines, cosines.shape[1] - count, axis=1)[:, -count:]
        common[part] = top.mean(axis=1)
    return best, similarity, common


def _inside(grid: FloatArray) -> npt.NDArray[np.bool_]:
    """(N,) whether a patch lies inside the rim."""
    rows, columns = (_within(side) for side in grid.shape[:2])
    return np.outer(rows, columns).ravel()


def _within(side: int) -> npt.NDArray[np.bool_]:
    rim = math.ceil(RIM * side) if side > 4 else 0
    places = np.arange(side)
    return (places >= rim) & (places < side - rim)


def _place(patch: int, grid: npt.NDArray[np.float32]) -> tuple[int, int]:
    row, column = divmod(patch, grid.shape[1])
    return row, column


def _apart(
    ranked: Sequence[Correspondence],
    query: tuple[int, ...],
    hit: tuple[int, ...],
    pairs: int,
) -> list[Correspondence]:
    """The first pairs, each far enough from those before it in both images."""
    kept: list[Correspondence] = []
    near_query, near_hit = APART * max(query), APART * max(hit)
    for one in ranked:
        if len(kept) == pairs:
            break
        if all(
            _distance(one.query, other.query) >= near_query
            and _distance(one.hit, other.hit) >= near_hit
            for other in kept
        ):
            kept.append(one)
    return kept


def _distance(one: tuple[int, int], other: tuple[int, int]) -> float:
    return float(np.hypot(one[0] - other[0], one[1] - other[1]))
