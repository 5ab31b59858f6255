"""Classification by the nearest neighbour, and scores of any classification.

The SCAMPI benchmark's nn F1 is the macro-F1 of a 1-nearest-neighbour classifier, averaged over
scikit-learn's stratified 80/20 splits with ``random_state`` 0 to 9. Here one ranking serves all
splits: an item's nearest training item is the first of its neighbours that the split trains on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.model_selection import train_test_split

from georetrieve.metrics.ranking import DoubleArray, as_points, distances_to
from georetrieve.types import FloatArray, IntArray, Metric

__all__ = [
    "ClassScores",
    "Split",
    "class_scores",
    "class_sums",
    "confusion_matrix",
    "macro_f1",
    "nearest_in_training",
    "stratified_splits",
    "weighted_macro_f1",
    "why_not_split",
]

_TEST_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Split:
    """Rows trained on and rows tested, in the order scikit-learn gives them."""

    train: IntArray
    test: IntArray


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Counts and scores of each of C classes; a score without a denominator is 0, as F1's are.

    Attributes:
        true_positives: (C,) items of the class called by its name.
        false_positives: (C,) items of other classes called by its name.
        false_negatives: (C,) items of the class called otherwise.
        true_negatives: (C,) all others.
        precision: (C,) true positives over all called by the name.
        recall: (C,) true positives over all of the class.
        specificity: (C,) true negatives over all of other classes.
        f1: (C,) harmonic mean of precision and recall.
    """

    true_positives: DoubleArray
    false_positives: DoubleArray
    false_negatives: DoubleArray
    true_negatives: DoubleArray
    precision: DoubleArray
    recall: DoubleArray
    specificity: DoubleArray
    f1: DoubleArray


def why_not_split(labels: IntArray, test_share: float = _TEST_SHARE) -> str:
    """Why no stratified split of ``labels`` exists, as one sentence; "" if one does."""
    sizes = np.bincount(labels)
    sizes = sizes[sizes > 0]
    tested = math.ceil(len(labels) * test_share)
    name = f"A stratified {1 - test_share:.0%}/{test_share:.0%} split".replace("%", "")
    if len(sizes) < 2:
        return f"{name} needs two classes of two or more items."
    side, verb = min((tested, "tests"), (len(labels) - tested, "trains on"))
    if side < len(sizes):
        least = math.floor((len(sizes) - 1) / min(test_share, 1 - test_share)) + 1
        return (
            f"{name} of {len(labels)} items {verb} {side}, fewer than the "
            f"{len(sizes)} classes: label {least} items or more."
        )
    return ""


def stratified_splits(
    labels: IntArray, seeds: Sequence[int] = range(10), test_share: float = _TEST_SHARE
) -> list[Split]:
    """The SCAMPI benchmark's stratified splits, 80/20 in the benchmark, one a seed.

    They depend on the order of the items, which in the benchmark is that of the sorted paths.

    Args:
        labels: (N,) classes, each of two or more items; see :func:`why_not_split`.
        seeds: ``random_state`` of each split.
        test_share: Share of the items that is tested, in (0, 1).
    """
    rows = np.arange(len(labels))
    splits = []
    for seed in seeds:
        train, test = train_test_split(
            rows, test_size=test_share, stratify=labels, random_state=seed
        )
        splits.append(Split(train, test))
    return splits


def nearest_in_training(
    vectors: FloatArray,
    neighbours: IntArray,
    distances: FloatArray,
    split: Split,
    *,
    metric: Metric = "euclidean",
) -> IntArray:
    """Row of the nearest training item of each test item: what 1-NN would vote with.

    Of several at one distance the first in the split's training order wins, as in scikit-learn's
    brute-force search.

    Args:
        vectors: (N, D) the ranked vectors; read only for test items whose neighbours given here
            are all tested themselves.
        neighbours: (N, M) rows of each item's nearest, best first, -1 past the end.
        distances: (N, M) their distances.
        split: Rows to train on and to test.
        metric: Distance the ranking was made with.

    Returns:
        (T,) rows, one a test item.
    """
    count = len(neighbours)
    place = np.full(count + 1, count, dtype=np.int64)  # the last entry answers for row -1
    place[split.train] = np.arange(len(split.train))
    places = place[neighbours[split.test]]
    found = places < count
    best = np.where(found, distances[split.test], np.inf).min(axis=1, initial=np.inf)
    tied = found & (distances[split.test] == best[:, None])
    first = np.where(tied, places, count).min(axis=1, initial=count)
    missing = np.flatnonzero(first == count)
    if len(missing):
        points = as_points(vectors, metric)
        far = distances_to(points[split.test[missing]], points[split.train], metric)
        first[missing] = far.argmin(axis=1)
    rows: IntArray = split.train[first]
    return rows


def confusion_matrix(true: IntArray, predicted: IntArray, n_classes: int) -> IntArray:
    """(C, C) counts: rows are true classes, columns predicted ones."""
    cells = np.bincount(true * n_classes + predicted, minlength=n_classes**2)
    return cells.reshape(n_classes, n_classes).astype(np.int64)


def class_scores(confusion: IntArray) -> ClassScores:
    """Scores of each class from a (C, C) confusion matrix (rows true, columns predicted)."""
    hit = np.diag(confusion).astype(np.float64)
    wrongly = confusion.sum(axis=0) - hit
    missed = confusion.sum(axis=1) - hit
    rest = confusion.sum() - hit - wrongly - missed
    return ClassScores(
        true_positives=hit,
        false_positives=wrongly,
        false_negatives=missed,
        true_negatives=rest,
        precision=_share(hit, hit + wrongly),
        recall=_share(hit, hit + missed),
        specificity=_share(rest, rest + wrongly),
        f1=_share(2 * hit, 2 * hit + wrongly + missed),
    )


def _share(part: DoubleArray, whole: DoubleArray) -> DoubleArray:
    out = np.zeros_like(whole)
    np.divide(part, whole, out=out, where=whole > 0)
    return out


def macro_f1(true: IntArray, predicted: IntArray, n_classes: int) -> float:
    """Mean F1 of the classes that occur in ``true`` or ``predicted``; equals scikit-learn's."""
    called, named, hit = (
        np.bincount(classes, minlength=n_classes).astype(np.float64)
        for classes in (true, predicted, true[true == predicted])
    )
    return float(_mean_f1(called, named, hit))


def weighted_macro_f1(
    true: IntArray, predicted: IntArray, n_classes: int, weights: DoubleArray
) -> DoubleArray:
    """Macro-F1 under B weightings of T items at once (bootstrap draws weight items by counts).

    Args:
        true: (T,) classes.
        predicted: (T,) classes.
        n_classes: C.
        weights: (B, T), ≥ 0.

    Returns:
        (B,) macro-F1 over the classes of positive weight, as scikit-learn's with sample weights;
        nan where all weights are 0.
    """
    right = true == predicted
    return _mean_f1(
        class_sums(true, n_classes, weights),
        class_sums(predicted, n_classes, weights),
        class_sums(true[right], n_classes, weights[:, right]),
    )


def class_sums(classes: IntArray, n_classes: int, weights: DoubleArray) -> DoubleArray:
    """(B, C) weight of each class under (B, T) weightings of items of (T,) classes."""
    if len(weights) == 1:
        return np.asarray(np.bincount(classes, weights[0], n_classes), np.float64)[None]
    place = (classes, np.arange(len(classes)))
    one_hot = sparse.csr_matrix((np.ones(len(classes)), place), shape=(n_classes, len(classes)))
    return np.asarray((one_hot @ weights.T).T)


def _mean_f1(called: DoubleArray, named: DoubleArray, hit: DoubleArray) -> DoubleArray:
    """(...) mean over the classes that occur, from (..., C) items of, called and rightly called."""
    whole = called + named
    present = (whole > 0).sum(axis=-1)
    out = np.full(present.shape, np.nan)
    np.divide(_share(2 * hit, whole).sum(axis=-1), present, out=out, where=present > 0)
    return out
