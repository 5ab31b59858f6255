"""Multi-Otsu: thresholds of the grey value that part the histogram best, by scikit-image.

P.-S. Liao, T.-S. Chen and P.-C. Chung, A fast algorithm for multilevel thresholding (2001). The
histogram is that of the labelled pixels of all fitted images; there are as many levels as classes
that were labelled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from georetrieve.baselines.clusters import ClusterKind, ClusterModel, one_hot
from georetrieve.baselines.training_pixels import TrainingPixels
from georetrieve.errors import SourceError
from georetrieve.types import FloatArray

__all__ = ["fit_otsu", "read_otsu"]

BINS = 256
MOST_LEVELS = 5
"""All ways to set the thresholds are tried; with a sixth level that takes minutes."""


def fit_otsu(pixels: TrainingPixels, seed: int = 0) -> ClusterModel:
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
    return OTSU.match(thresholds, levels, pixels)


def read_otsu(
    tensors: Mapping[str, npt.NDArray[Any]], n_classes: int, n_features: int
) -> ClusterModel:
    """Inverse of :meth:`ClusterModel.tensors`.

    Raises:
        StoreError: It is none.
    """
    return OTSU.read(tensors, (None,), n_classes)


def _level(values: FloatArray, thresholds: FloatArray) -> FloatArray:
    """(N, K): 1 for a pixel's level, 0 for all others; above a threshold is the next level."""
    return one_hot(np.searchsorted(thresholds, values[:, 0]), len(thresholds) + 1)


OTSU = ClusterKind("thresholds", _level)
