"""Clusters found without labels, matched to the classes that labels name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from georetrieve.errors import StoreError
from georetrieve.types import FloatArray, IntArray

__all__ = ["match_clusters", "read_clusters", "spread"]


def match_clusters(clusters: IntArray, labels: IntArray, n_clusters: int) -> IntArray:
    """Return the class each cluster stands for.

    One cluster for one class, so that the sum of their intersections over union on labelled pixels
    is largest (Hungarian method; H. W. Kuhn, 1955). By pixels alone, a cluster would be spent on
    another shade of the commonest class.

    Args:
        clusters: (N,) of labelled training pixels.
        labels: (N,) their classes.
        n_clusters: K, at most as many as there are classes in ``labels``.

    Returns:
        (K,) class numbers, no two alike.
    """
    present, place = np.unique(labels, return_inverse=True)
    cells = np.bincount(
        clusters * len(present) + place.reshape(-1), minlength=n_clusters * len(present)
    ).reshape(n_clusters, len(present))
    union = cells.sum(axis=1, keepdims=True) + cells.sum(axis=0, keepdims=True) - cells
    rows, columns = linear_sum_assignment(cells / np.maximum(union, 1), maximize=True)
    named = np.empty(n_clusters, np.int64)
    named[rows] = present[columns]
    return named


def spread(shares: FloatArray, named: IntArray, n_classes: int) -> FloatArray:
    """Return (N, C) probabilities of classes from (N, K) shares of the clusters named so."""
    out = np.zeros((len(shares), n_classes), np.float32)
    out[:, named] = shares
    return out


def read_clusters(
    tensors: Mapping[str, npt.NDArray[Any]], key: str, shape: tuple[int | None, ...], n_classes: int
) -> tuple[FloatArray, IntArray]:
    """Return what a model file says of its clusters, checked: their places, and their classes.

    Args:
        tensors: By name; the classes are ``named``.
        key: Name of the places.
        shape: Of the places; None where any number will do.
        n_classes: C.

    Raises:
        StoreError: It does not say so, or not of such classes.
    """
    places, named = tensors.get(key), tensors.get("named")
    if (
        places is None
        or named is None
        or places.ndim != len(shape)
        or any(want not in (None, got) for want, got in zip(shape, places.shape, strict=True))
        or named.ndim != 1
        or not all(0 <= int(place) < n_classes for place in named)
    ):
        raise StoreError(f"The model's {key} do not suit its classes and views; fit it again.")
    return places.astype(np.float32), named.astype(np.int64)
