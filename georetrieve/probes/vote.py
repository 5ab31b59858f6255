"""The vote of nearest neighbours, which classification and segmentation share.

A vote has two steps: what each neighbour's word weighs, and the sum of the weighted labels. One
class a neighbour makes a classification; a share of each class, as a patch of a mask has, makes a
segmentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from georetrieve.errors import StoreError
from georetrieve.types import FloatArray, IntArray, Metric

__all__ = ["VoteRule", "Weighting", "vote", "vote_shares", "vote_weights"]

Weighting = Literal["uniform", "distance", "softmax"]
WEIGHTINGS = ("uniform", "distance", "softmax")


@dataclass(frozen=True, slots=True)
class VoteRule:
    """What a neighbour's word weighs.

    Attributes:
        weighting: ``uniform``: all alike. ``distance``: the inverse of the distance; neighbours at
            distance 0 outvote all others, as in scikit-learn. ``softmax``: exp(cosine / T), the
            rule of DINO (M. Caron et al., 2021, ``eval_knn.py``: T = 0.07) and, over patches, of
            Hummingbird (I. Balažević et al., 2023: T = 0.02).
        temperature: T, > 0; only for ``softmax``.

    Raises:
        StoreError: Another weighting, or no such temperature.
    """

    weighting: Weighting = "softmax"
    temperature: float = 0.07

    def __post_init__(self) -> None:
        if self.weighting not in WEIGHTINGS:
            raise StoreError(
                f"Unknown weighting {self.weighting!r}; use one of {', '.join(WEIGHTINGS)}."
            )
        if not (np.isfinite(self.temperature) and self.temperature > 0):
            raise StoreError(
                f"The temperature of a vote is {self.temperature}; it must be a number above 0."
            )


def vote_weights(scores: FloatArray, metric: Metric, rule: VoteRule) -> npt.NDArray[np.float64]:
    """Return (Q, k) weights of neighbours, rows of sum 1.

    Args:
        scores: (Q, k), higher is better, -inf where there is no neighbour; as in
            :class:`~georetrieve.types.Hits`.
        metric: Of the scores.
        rule: What a word weighs.

    Returns:
        (Q, k) float64; 0 where there is no neighbour, and a row of zeros where there is none.

    Raises:
        StoreError: A softmax of scores that are not cosines.
    """
    exact = scores.astype(np.float64)
    there = ~np.isneginf(exact)
    if rule.weighting == "uniform":
        raw = there.astype(np.float64)
    elif rule.weighting == "distance":
        raw = _inverse(np.where(there, -exact if metric == "euclidean" else 1.0 - exact, np.inf))
    else:
        if metric != "cosine":
            raise StoreError(
                "softmax weights are made of cosines, and these neighbours were ranked by "
                "Euclidean distance; rank by cosine, or weigh by distance."
            )
        best = np.max(exact, axis=1, keepdims=True, initial=-np.inf)
        raw = np.exp((exact - np.where(np.isneginf(best), 0.0, best)) / rule.temperature)
    total = raw.sum(axis=1, keepdims=True)
    weights: npt.NDArray[np.float64] = np.divide(
        raw, total, out=np.zeros_like(raw), where=total > 0
    )
    return weights


def vote(
    weights: npt.NDArray[np.float64], classes: IntArray, n_classes: int
) -> npt.NDArray[np.float64]:
    """Return the (Q, C) share of the vote each class has, rows of sum 1.

    Args:
        weights: (Q, k), from :func:`vote_weights`.
        classes: (Q, k) class of each neighbour, 0..C-1; anything where the weight is 0.
        n_classes: C.
    """
    queries, k = classes.shape
    rows = np.repeat(np.arange(queries), k)
    known = np.where(weights > 0, classes, 0).ravel()
    places = rows * n_classes + known
    counts = np.bincount(places, weights.ravel(), minlength=queries * n_classes)
    shares: npt.NDArray[np.float64] = counts.astype(np.float64).reshape(queries, n_classes)
    return shares


def vote_shares(weights: npt.NDArray[np.float64], shares: FloatArray) -> npt.NDArray[np.float64]:
    """Return the (Q, C) weighted mean of neighbours' shares of each class.

    Args:
        weights: (Q, k), from :func:`vote_weights`.
        shares: (Q, k, C) soft labels, rows of sum 1.
    """
    mixed: npt.NDArray[np.float64] = np.matmul(weights[:, None, :], shares)[:, 0, :]
    return mixed


def _inverse(distances: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    zero = distances <= 0
    with np.errstate(divide="ignore"):
        inverse = 1.0 / distances
    return np.where(zero.any(axis=1, keepdims=True), zero.astype(np.float64), inverse)
