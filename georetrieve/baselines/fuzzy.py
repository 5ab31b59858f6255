"""Fuzzy c-means of the colours of all views, by scikit-fuzzy.

J. C. Bezdek, Pattern Recognition with Fuzzy Objective Function Algorithms (1981). As many clusters
as classes were labelled, found on labelled pixels without their labels; a pixel's memberships are
its probabilities. Fuzziness and tolerance are those of the rock-CT study of F. Brondolo and S.
Beaussant (arXiv 2407.18100).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from georetrieve.baselines.clusters import ClusterKind, ClusterModel
from georetrieve.baselines.training_pixels import TrainingPixels
from georetrieve.types import FloatArray

__all__ = ["fit_fuzzy", "read_fuzzy"]

FUZZINESS = 2.0
TOLERANCE = 0.005
MOST_ROUNDS = 1000


def fit_fuzzy(pixels: TrainingPixels, seed: int = 0) -> ClusterModel:
    """Find the centres from random memberships."""
    from skfuzzy.cluster import cmeans

    clusters = pixels.most_clusters
    # Handed over, as scikit-fuzzy would seed NumPy's random numbers for the whole program.
    start = np.random.default_rng(seed).random((clusters, len(pixels.values)))
    centres, *_ = cmeans(
        pixels.values.T.astype(np.float64),
        clusters,
        FUZZINESS,
        TOLERANCE,
        MOST_ROUNDS,
        init=start / start.sum(axis=0),
    )
    return FUZZY.match(centres.astype(np.float32), clusters, pixels)


def read_fuzzy(
    tensors: Mapping[str, npt.NDArray[Any]], n_classes: int, n_features: int
) -> ClusterModel:
    """Inverse of :meth:`ClusterModel.tensors`.

    Raises:
        StoreError: It is none.
    """
    return FUZZY.read(tensors, (None, n_features), n_classes)


def _memberships(values: FloatArray, centres: FloatArray) -> FloatArray:
    """(N, K) float32, rows of sum 1."""
    from skfuzzy.cluster import cmeans_predict

    # With centres that stay, one round gives the memberships, whatever they began as.
    start = np.full((len(centres), len(values)), 1 / len(centres))
    memberships, *_ = cmeans_predict(
        values.T.astype(np.float64), centres, FUZZINESS, TOLERANCE, 1, init=start
    )
    return np.ascontiguousarray(memberships.T, np.float32)


FUZZY = ClusterKind("centres", _memberships)
