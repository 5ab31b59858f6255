"""The vector of a query of several parts, images and words among them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from georetrieve.errors import StoreError
from georetrieve.types import FloatArray, Metric

__all__ = ["combine", "score_spreads"]

LEAST_SPREAD = 1e-6  # below it scores are equal to single precision


def combine(vectors: FloatArray, weights: Sequence[float], metric: Metric) -> FloatArray:
    """The vector of a query of several parts.

    Directions are added, so that no part counts more for being longer: the sum of the weighted
    unit vectors (after J. J. Rocchio, Relevance feedback in information retrieval, 1971, which adds
    what is relevant and subtracts what is not). For cosine the direction is all there is. For the
    Euclidean distance the sum is given the weighted mean length of the parts, so that it lies where
    vectors of this encoder lie. One part alone is left exactly as it is.

    Args:
        vectors: (P, D), one per part.
        weights: P numbers.
        metric: Of the encoder.

    Returns:
        (D,).

    Raises:
        StoreError: The parts cancel out.
    """
    if len(vectors) == 1 and weights[0] > 0:
        alone: FloatArray = vectors[0]
        return alone
    exact = vectors.astype(np.float64)
    lengths = np.linalg.norm(exact, axis=1)
    share = np.asarray(weights, np.float64)
    total = (share / lengths) @ exact
    length = float(np.linalg.norm(total))
    if length <= 1e-6 * np.abs(share).sum():
        raise StoreError("The parts of the query cancel out: nothing is left to look for.")
    if metric == "euclidean":
        total *= (np.abs(share) @ lengths) / np.abs(share).sum() / length
    combined: FloatArray = total.astype(np.float32)
    return combined


def score_spreads(vectors: FloatArray, items: FloatArray) -> FloatArray:
    """How far the scores of a query's parts lie apart among items: (P,) standard deviations.

    Images score high with images and differ much, texts score low and differ little, since a dual
    encoder keeps the two apart (W. Liang et al., Mind the gap: understanding the modality gap in
    multi-modal contrastive representation learning, 2022). Among items, which are all images, the
    gap itself adds the same to every score of a part and moves no rank; the spread does. With a
    part's weight divided by its spread, parts of equal weight count alike: the sum of their scores
    at mean 0 and variance 1 (M. Montague & J. A. Aslam, Relevance score normalization for
    metasearch, 2001). Scores are linear in the query, so the sum is still a single vector.

    Args:
        vectors: (P, D), one per part.
        items: (M, D), a sample; with fewer than two, or all alike, the spreads are 1.
    """
    if len(items) < 2:
        return np.ones(len(vectors), np.float32)
    unit = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in (vectors, items)]
    spreads: FloatArray = (unit[0] @ unit[1].T).std(axis=1)
    return np.where(spreads > LEAST_SPREAD, spreads, 1).astype(np.float32)
