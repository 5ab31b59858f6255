"""k-means of the colours of all views, by scikit-learn.

As many clusters as classes were labelled, found on labelled pixels without their labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from georetrieve.baselines.clusters import match_clusters, read_clusters, spread
from georetrieve.baselines.training_pixels import TrainingPixels
from georetrieve.types import FloatArray, IntArray

__all__ = ["KMeansModel", "fit_kmeans", "read_kmeans"]

RESTARTS = 10
BATCH = 4096


@dataclass(frozen=True, slots=True)
class KMeansModel:
    """Centres, and what they stand for.

    Attributes:
        centres: (K, F).
        named: (K,) class of each centre.
        n_classes: C.
    """

    centres: FloatArray
    named: IntArray
    n_classes: int

    def probabilities(self, values: FloatArray) -> FloatArray:
        """(N, C): 1 for the class of the nearest centre, 0 for all others."""
        nearest = _nearest(values, self.centres)
        return spread(
            np.eye(len(self.named), dtype=np.float32)[nearest], self.named, self.n_classes
        )

    def tensors(self) -> Mapping[str, npt.NDArray[Any]]:
        """All of it."""
        return {"centres": self.centres, "named": self.named}


def fit_kmeans(pixels: TrainingPixels, seed: int = 0) -> KMeansModel:
    """Find the centres; the best of ten starts."""
    from sklearn.cluster import MiniBatchKMeans

    # No more centres than different pixels: scikit-learn would put two into one place.
    clusters = min(len(pixels.present), len(np.unique(pixels.values, axis=0)))
    fitted = MiniBatchKMeans(clusters, n_init=RESTARTS, batch_size=BATCH, random_state=seed).fit(
        pixels.values
    )
    centres = fitted.cluster_centers_.astype(np.float32)
    nearest = _nearest(pixels.values, centres)
    return KMeansModel(centres, match_clusters(nearest, pixels.labels, clusters), pixels.n_classes)


def read_kmeans(
    tensors: Mapping[str, npt.NDArray[Any]], n_classes: int, n_features: int
) -> KMeansModel:
    """Inverse of :meth:`KMeansModel.tensors`.

    Raises:
        StoreError: It is none.
    """
    centres, named = read_clusters(tensors, "centres", (None, n_features), n_classes)
    return KMeansModel(centres, named, n_classes)


def _nearest(values: FloatArray, centres: FloatArray) -> IntArray:
    from sklearn.metrics import pairwise_distances_argmin

    nearest: IntArray = pairwise_distances_argmin(values, centres)
    return nearest
