"""Clusters found without labels, matched to the classes that labels name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from georetrieve.baselines.training_pixels import TrainingPixels
from georetrieve.errors import StoreError
from georetrieve.types import FloatArray, IntArray

__all__ = ["ClusterKind", "ClusterModel", "Memberships", "match_clusters", "one_hot", "spread"]

Memberships: TypeAlias = Callable[[FloatArray, FloatArray], FloatArray]
"""(N, F) values and the places of K clusters → (N, K) memberships, rows of sum 1."""


@dataclass(frozen=True, slots=True)
class ClusterKind:
    """A way to part pixels into clusters.

    Attributes:
        key: What tells its clusters apart, such as centres; their name in a model file.
        memberships: Which cluster a pixel is of.
    """

    key: str
    memberships: Memberships

    def match(self, places: FloatArray, n_clusters: int, pixels: TrainingPixels) -> ClusterModel:
        """Name clusters that were found, by :func:`match_clusters` on the training pixels."""
        found = self.memberships(pixels.values, places).argmax(axis=1)
        named = match_clusters(found, pixels.labels, n_clusters)
        return ClusterModel(self, places, named, pixels.n_classes)

    def read(
        self,
        tensors: Mapping[str, npt.NDArray[Any]],
        shape: tuple[int | None, ...],
        n_classes: int,
    ) -> ClusterModel:
        """Inverse of :meth:`ClusterModel.tensors`.

        Args:
            tensors: By name.
            shape: Of the places; None where any number will do.
            n_classes: C.

        Raises:
            StoreError: They are not of such clusters, or not of such classes.
        """
        places, named = tensors.get(self.key), tensors.get("named")
        if (
            places is None
            or named is None
            or places.ndim != len(shape)
            or any(want not in (None, got) for want, got in zip(shape, places.shape, strict=True))
            or named.ndim != 1
            or not all(0 <= int(place) < n_classes for place in named)
        ):
            raise StoreError(
                f"The model's {self.key} do not suit its classes and views; fit it again."
            )
        return ClusterModel(self, places.astype(np.float32), named.astype(np.int64), n_classes)


@dataclass(frozen=True, slots=True)
class ClusterModel:
    """Where K clusters lie, and what they stand for.

    Attributes:
        kind: How they were found.
        places: What tells them apart: (K, F) centres, or (K - 1,) thresholds.
        named: (K,) class of each cluster.
        n_classes: C.
    """

    kind: ClusterKind
    places: FloatArray
    named: IntArray
    n_classes: int

    def probabilities(self, values: FloatArray) -> FloatArray:
        """(N, C): what a pixel's clusters stand for."""
        shares = self.kind.memberships(values, self.places)
        return spread(shares, self.named, self.n_classes)

    def tensors(self) -> Mapping[str, npt.NDArray[Any]]:
        """All of it."""
        return {self.kind.key: self.places, "named": self.named}


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
    from scipy.optimize import linear_sum_assignment  # a second that only fitting has to spend

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


def one_hot(clusters: IntArray, n_clusters: int) -> FloatArray:
    """(N, K) memberships of pixels that are wholly of one cluster."""
    return np.eye(n_clusters, dtype=np.float32)[clusters]
