"""k-means of the colours of all views, by scikit-learn.

As many clusters as classes were labelled, found on labelled pixels without their labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from georetrieve.baselines.clusters import ClusterKind, ClusterModel, one_hot
from georetrieve.baselines.training_pixels import TrainingPixels
from georetrieve.types import FloatArray

__all__ = ["fit_kmeans", "read_kmeans"]

RESTARTS = 10
BATCH = 4096


def fit_kmeans(pixels: TrainingPixels, seed: int = 0) -> ClusterModel:
    """Find the centres; the best of ten starts."""
    from sklearn.cluster import MiniBatchKMeans

    clusters = pixels.most_clusters
    fitted = MiniBatchKMeans(clusters, n_init=RESTARTS, batch_size=BATCH, random_state=seed).fit(
        pixels.values
    )
    return KMEANS.match(fitted.cluster_centers_.astype(np.float32), clusters, pixels)


def read_kmeans(
    tensors: Mapping[str, npt.NDArray[Any]], n_classes: int, n_features: int
) -> ClusterModel:
    """Inverse of :meth:`ClusterModel.tensors`.

    Raises:
        StoreError: It is none.
    """
    return KMEANS.read(tensors, (None, n_features), n_classes)


def _nearest(values: FloatArray, centres: FloatArray) -> FloatArray:
    """(N, K): 1 for the nearest centre, 0 for all others."""
    from sklearn.metrics import pairwise_distances_argmin

    return one_hot(pairwise_distances_argmin(values, centres), len(centres))


KMEANS = ClusterKind("centres", _nearest)
