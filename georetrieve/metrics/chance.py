"""What no skill at all would score: the level every number is read against."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from georetrieve.metrics.classification import macro_f1
from georetrieve.metrics.ranking import DoubleArray
from georetrieve.types import IntArray

__all__ = ["expected_precision", "expected_precision_at_nr", "expected_recall", "permuted_nn_f1"]


def expected_precision(relevant: IntArray, gallery: IntArray, ks: Sequence[int]) -> DoubleArray:
    """Exact expectation of P@k when a gallery is ranked at random.

    Each of the first min(k, G) places holds a class member with probability R / G.

    Args:
        relevant: (N,) class members R in each query's gallery.
        gallery: (N,) gallery sizes G.
        ks: K values of k.

    Returns:
        (N, K) expectations; 0 for an empty gallery.
    """
    density = _density(relevant, gallery)[:, None]
    k = np.asarray(ks, dtype=np.float64)
    return density * np.minimum(k, gallery[:, None]) / k


def expected_recall(gallery: IntArray, ks: Sequence[int]) -> DoubleArray:
    """Exact expectation of R@k when a gallery of G is ranked at random: min(k, G) / G; (N, K)."""
    k = np.asarray(ks, dtype=np.float64)
    return np.minimum(k, gallery[:, None]) / np.maximum(gallery, 1)[:, None]


def expected_precision_at_nr(relevant: IntArray, gallery: IntArray) -> DoubleArray:
    """(N,) exact expectation of P@N_R when a gallery is ranked at random: R / G."""
    return _density(relevant, gallery)


def _density(relevant: IntArray, gallery: IntArray) -> DoubleArray:
    out = np.zeros(len(relevant))
    np.divide(relevant, gallery, out=out, where=gallery > 0)
    return out


def permuted_nn_f1(
    labels: IntArray,
    votes: Sequence[tuple[IntArray, IntArray]],
    n_classes: int,
    *,
    permutations: int = 20,
    seed: int = 0,
) -> float:
    """Mean nn F1 when labels are shuffled over the items: neighbours that know nothing.

    Macro-F1 has no simple expectation, so it is averaged over seeded permutations.

    Args:
        labels: (N,) classes.
        votes: For each split, the (T,) rows tested and the (T,) rows of their nearest in training.
        n_classes: C.
        permutations: Shuffles averaged over.
        seed: Seed of the shuffles.
    """
    rng = np.random.default_rng(seed)
    scores = []
    for _ in range(permutations):
        shuffled = labels[rng.permutation(len(labels))]
        scores += [
            macro_f1(shuffled[tested], shuffled[nearest], n_classes) for tested, nearest in votes
        ]
    return float(np.mean(scores))
