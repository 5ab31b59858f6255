"""Scores of sets: which minerals are in an image, and which were said to be.

After the image-level evaluation of thin sections by minerals named in words: intersection over
union (Jaccard), recall, precision and F1 of each image's set, averaged over the images. They equal
scikit-learn's scores with ``average="samples"`` wherever those are defined.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from georetrieve.errors import StoreError
from georetrieve.metrics.classification import ClassScores
from georetrieve.metrics.ranking import DoubleArray

__all__ = ["SetScores", "per_class_scores", "set_scores"]

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SetScores:
    """Scores of each of N images, 0..1; their means are what is reported.

    A score without a denominator is 1 where both sets are empty, since nothing was missed and
    nothing invented, and 0 where only one is.

    Attributes:
        jaccard: (N,) |true ∩ said| / |true ∪ said|.
        recall: (N,) |true ∩ said| / |true|.
        precision: (N,) |true ∩ said| / |said|.
        f1: (N,) 2 |true ∩ said| / (|true| + |said|).
    """

    jaccard: DoubleArray
    recall: DoubleArray
    precision: DoubleArray
    f1: DoubleArray


def set_scores(true: BoolArray, said: BoolArray) -> SetScores:
    """Compare what is in each of N images with what is said to be.

    Args:
        true: (N, C) whether a class is in an image.
        said: (N, C) whether it is said to be.

    Raises:
        StoreError: The shapes differ.
    """
    _check(true, said)
    both = (true & said).sum(axis=1).astype(np.float64)
    are, named = true.sum(axis=1), said.sum(axis=1)
    empty = (are + named) == 0
    return SetScores(
        jaccard=_share(both, are + named - both, empty),
        recall=_share(both, are, empty),
        precision=_share(both, named, empty),
        f1=_share(2 * both, are + named, empty),
    )


def per_class_scores(true: BoolArray, said: BoolArray) -> ClassScores:
    """Counts and scores of each of C classes over N images; see :func:`set_scores`.

    A score of a class without a denominator is 0, as of :class:`ClassScores`.

    Raises:
        StoreError: The shapes differ.
    """
    _check(true, said)
    hit, wrongly, missed, rest = (
        pairs.sum(axis=0).astype(np.float64)
        for pairs in (true & said, ~true & said, true & ~said, ~true & ~said)
    )
    never = np.zeros(len(hit), bool)
    return ClassScores(
        true_positives=hit,
        false_positives=wrongly,
        false_negatives=missed,
        true_negatives=rest,
        precision=_share(hit, hit + wrongly, never),
        recall=_share(hit, hit + missed, never),
        specificity=_share(rest, rest + wrongly, never),
        f1=_share(2 * hit, 2 * hit + wrongly + missed, never),
    )


def _check(true: BoolArray, said: BoolArray) -> None:
    if true.ndim != 2 or true.shape != said.shape:
        raise StoreError(
            f"Sets of {true.shape} and of {said.shape} cannot be compared; give (N, C) of both."
        )


def _share(part: DoubleArray, whole: npt.NDArray[np.number], empty: BoolArray) -> DoubleArray:
    """Part of whole; without a whole 1 where both sets are empty, else 0."""
    out = empty.astype(np.float64)
    np.divide(part, whole, out=out, where=whole > 0)
    return out
