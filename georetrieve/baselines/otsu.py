"""Multi-Otsu: thresholds of the grey value that part the histogram best, by scikit-image.

P.-S. Liao, T.-S. Chen and P.-C. Chung, A fast algorithm for multilevel thresholding (2001). The
histogram is that of the labelled pixels of all fitted images; there are as many levels as classes
that were labelled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from georetrieve.baselines.clusters import match_clusters, read_clusters, spread
from georetrieve.baselines.training_pixels import TrainingPixels
from georetrieve.errors import SourceError
from georetrieve.types import FloatArray, IntArray

__all__ = ["OtsuModel", "fit_otsu", "read_otsu"]

BINS = 256
MOST_LEVELS = 5
"""All ways to set the thresholds are tried; with a sixth level that takes minutes."""


@dataclass(frozen=True, slots=True)
class OtsuModel:
    """Thresholds, and what the levels between them stand for.

    Attributes:
        thresholds: (K - 1,) grey values, 0 to 1, rising; a pixel above a threshold is of the next
            level.
        named: (K,) class of each level.
        n_classes: C.
    """

    thresholds: FloatArray
    named: IntArray
    n_classes: int

    def probabilities(self, values: FloatArray) -> FloatArray:
        """(N, C): 1 for the class of a pixel's level, 0 for all others."""
        levels = np.searchsorted(self.thresholds, values[:, 0])
        return spread(np.eye(len(self.named), dtype=np.float32)[levels], self.named, self.n_classes)

    def tensors(self) -> Mapping[str, npt.NDArray[Any]]:
        """All of it."""
        return {"thresholds": self.thresholds, "named": self.named}


def fit_otsu(pixels: TrainingPixels, seed: int = 0) -> OtsuModel:
    """Set the thresholds; there is nothing random about it.

    Raises:
        SourceError: More classes are labelled than can be parted in a reasonable time.
    """
    from skimage.filters import threshold_multiotsu

    present = len(pixels.present)
    if present > MOST_LEVELS:
        raise SourceError(
            f"Multi-Otsu would try all ways to part grey values into {present} levels, which takes "
            f"too long beyond {MOST_LEVELS}; use kmeans, or fewer classes."
        )
    grey = pixels.values[:, 0]
    counts, edges = np.histogram(grey, BINS, range=(0, 1))
    levels = min(present, int(np.count_nonzero(counts)))
    thresholds = np.zeros(0, np.float32)
    if levels > 1:
        # A bin's upper edge, not its middle: what is in the bin is of the lower level.
        bins = threshold_multiotsu(  # type: ignore[no-untyped-call]
            classes=levels, hist=(counts, np.arange(BINS))
        )
        thresholds = edges[bins + 1].astype(np.float32)
    found = np.searchsorted(thresholds, grey)
    return OtsuModel(thresholds, match_clusters(found, pixels.labels, levels), pixels.n_classes)


def read_otsu(
    tensors: Mapping[str, npt.NDArray[Any]], n_classes: int, n_features: int
) -> OtsuModel:
    """Inverse of :meth:`OtsuModel.tensors`.

    Raises:
        StoreError: It is none.
    """
    thresholds, named = read_clusters(tensors, "thresholds", (None,), n_classes)
    return OtsuModel(thresholds, named, n_classes)
