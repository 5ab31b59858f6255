"""How well words find images, and images words.

A query is a text with its relevant images, or an image with its relevant texts. Of a gallery of G,
ranked by score, with R relevant:

    R@k = 1 if any relevant one is among the first k, else 0
    AP  = mean, over the relevant ones, of the precision at the rank of each

R@k is as in the retrieval of captions and images (Karpathy & Fei-Fei, Deep visual-semantic
alignments for generating image descriptions, 2015; Radford et al. 2021, Table 13). AP equals
scikit-learn's ``average_precision_score`` where no two scores are equal; equal scores are ranked
in the order they are given in. mAP is the mean over queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from georetrieve.errors import StoreError
from georetrieve.metrics.ranking import DoubleArray
from georetrieve.types import IntArray

__all__ = [
    "QueryScores",
    "expected_average_precision",
    "expected_hit",
    "query_scores",
]


@dataclass(frozen=True, slots=True)
class QueryScores:
    """Scores of Q queries.

    Attributes:
        average_precision: (Q,) in [0, 1]; nan where nothing is relevant.
        hits: (Q, K) 1 where a relevant one is among the first k, else 0; nan likewise.
        relevant: (Q,) R of each query.
    """

    average_precision: DoubleArray
    hits: DoubleArray
    relevant: IntArray

    @classmethod
    def joined(cls, parts: Sequence[QueryScores]) -> QueryScores:
        """Those of several blocks of queries, one block at least."""
        return cls(
            np.concatenate([part.average_precision for part in parts]),
            np.concatenate([part.hits for part in parts]),
            np.concatenate([part.relevant for part in parts]),
        )


def query_scores(
    scores: npt.NDArray[np.floating], relevant: npt.NDArray[np.bool_], ks: Sequence[int]
) -> QueryScores:
    """Score the rankings of Q queries.

    Args:
        scores: (Q, G), higher is better.
        relevant: (Q, G).
        ks: K values of k, each ≥ 1.

    Raises:
        StoreError: The shapes differ, a score is nan, or a k is below 1.
    """
    if scores.ndim != 2 or scores.shape != relevant.shape:
        raise StoreError(
            f"Scores of {scores.shape} and relevance of {relevant.shape} must both be (Q, G)."
        )
    if np.isnan(scores).any() or any(k < 1 for k in ks):
        raise StoreError(f"Scores must be numbers and every k of {tuple(ks)} 1 or more.")
    order = np.argsort(-scores, axis=1, kind="stable")
    found = np.take_along_axis(relevant, order, axis=1)
    tally = np.cumsum(found, axis=1)
    counts = relevant.sum(axis=1).astype(np.int64)
    places = np.arange(1, scores.shape[1] + 1)
    totals = np.where(found, tally / places, 0.0).sum(axis=1)
    precision = np.full(len(scores), np.nan)
    np.divide(totals, counts, out=precision, where=counts > 0)
    hits = np.full((len(scores), len(ks)), np.nan)
    for column, k in enumerate(ks):
        hits[counts > 0, column] = found[counts > 0, :k].any(axis=1)
    return QueryScores(precision, hits, counts)


def expected_hit(relevant: IntArray, gallery: int, ks: Sequence[int]) -> DoubleArray:
    """(Q, K) exact expectation of R@k when a gallery is ranked at random.

    One less the probability that the first k are all drawn from the G - R others.
    """
    k = np.minimum(np.asarray(ks, np.float64), gallery)[None, :]
    others = gallery - relevant.astype(np.float64)[:, None]
    possible = others >= k
    missed = np.exp(
        _log_falling(np.where(possible, others, k), k) - _log_falling(np.full_like(k, gallery), k)
    )
    return np.where(possible, 1.0 - missed, 1.0)


def expected_average_precision(relevant: IntArray, gallery: int) -> DoubleArray:
    """(Q,) exact expectation of AP when a gallery of G is ranked at random.

    The k-th is relevant with probability R / G, and each of the k - 1 before it then with
    (R - 1) / (G - 1), so that the mean of P@k over the relevant ones is
    (H + (R - 1) (G - H) / (G - 1)) / G, where H = 1 + 1/2 + … + 1/G. nan where R is 0.
    """
    r = relevant.astype(np.float64)
    if gallery < 2:
        return np.where(r > 0, 1.0, np.nan)
    harmonic = float((1.0 / np.arange(1, gallery + 1)).sum())
    expected = (harmonic + (r - 1) * (gallery - harmonic) / (gallery - 1)) / gallery
    return np.where(r > 0, expected, np.nan)


def _log_falling(n: DoubleArray, k: DoubleArray) -> DoubleArray:
    """Log of n (n - 1) … (n - k + 1)."""
    return np.asarray(gammaln(n + 1) - gammaln(n - k + 1))
