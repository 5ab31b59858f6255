"""Scores of calls: what items were called, against what they are.

Each is taken under many weightings of the items at once, so that bootstrap samples, which weigh
items by how often they were drawn, cost little more than the score itself.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from georetrieve.metrics.classification import class_sums
from georetrieve.metrics.ranking import DoubleArray
from georetrieve.types import IntArray

__all__ = ["CALL_SCORES", "call_scores", "log_losses"]

CALL_SCORES = ("balanced_accuracy", "accuracy", "mean_precision", "f1")


def call_scores(
    true: IntArray, predicted: IntArray, n_classes: int, weights: DoubleArray | None = None
) -> dict[str, DoubleArray]:
    """Balanced accuracy, accuracy, mean precision and macro-F1 of T calls.

    They equal scikit-learn's with sample weights: balanced accuracy is the mean recall of the
    classes that occur in ``true``; the other two means are over the classes that occur in ``true``
    or ``predicted``, a score without a denominator being 0.

    Args:
        true: (T,) classes.
        predicted: (T,) classes.
        n_classes: C.
        weights: (B, T), ≥ 0; None weighs all items once (B = 1).

    Returns:
        (B,) values in [0, 1] by the names of :data:`CALL_SCORES`; nan where all weights are 0.
    """
    weights = np.ones((1, len(true))) if weights is None else weights
    right = true == predicted
    items = class_sums(true, n_classes, weights)
    called = class_sums(predicted, n_classes, weights)
    hit = class_sums(true[right], n_classes, weights[:, right])
    either = items + called > 0
    return {
        "balanced_accuracy": _mean(_share(hit, items), items > 0),
        "accuracy": _share(hit.sum(axis=1), items.sum(axis=1), none=np.nan),
        "mean_precision": _mean(_share(hit, called), either),
        "f1": _mean(_share(2 * hit, items + called), either),
    }


def log_losses(true: IntArray, probabilities: npt.NDArray[np.floating]) -> DoubleArray:
    """(T,) minus the natural logarithm of the probability given to each item's class.

    Probabilities are kept above the smallest step of single precision (1.2e-7), as scikit-learn's
    log loss keeps those of single-precision vectors: no single call costs more than 15.9.

    Args:
        true: (T,) classes.
        probabilities: (T, C), rows of sum 1.
    """
    given = probabilities[np.arange(len(true)), true]
    least = float(np.finfo(np.float32).eps)
    losses: DoubleArray = -np.log(np.clip(given.astype(np.float64), least, 1 - least))
    return losses


def _share(part: DoubleArray, whole: DoubleArray, none: float = 0.0) -> DoubleArray:
    out = np.full(whole.shape, none)
    np.divide(part, whole, out=out, where=whole > 0)
    return out


def _mean(values: DoubleArray, counted: npt.NDArray[np.bool_]) -> DoubleArray:
    """(B,) mean over the counted of (B, C) values, which are 0 where not counted."""
    return _share(values.sum(axis=1), counted.sum(axis=1).astype(np.float64), none=np.nan)
