"""How far apart the items of an index are from each other."""

from __future__ import annotations

import numpy as np

from georetrieve.types import FloatArray, Metric

__all__ = ["pair_distances"]


def pair_distances(vectors: FloatArray, metric: Metric) -> FloatArray:
    """Sorted distances of all M (M - 1) / 2 pairs of (M, D) vectors: Euclidean, or 1 - cosine."""
    exact = vectors.astype(np.float64)
    first, second = np.triu_indices(len(exact), k=1)
    squares = np.einsum("nd,nd->n", exact, exact)
    products = (exact @ exact.T)[first, second]
    if metric == "euclidean":
        # Double precision: the cancellation stays below what single precision can tell.
        distances = np.sqrt(np.maximum(squares[first] + squares[second] - 2 * products, 0))
    else:
        distances = 1 - np.clip(products / np.sqrt(squares[first] * squares[second]), -1, 1)
    sorted_distances: FloatArray = np.sort(distances.astype(np.float32))
    return sorted_distances
