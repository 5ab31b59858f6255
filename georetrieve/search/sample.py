"""A sample of an index's items: what a near distance is, and how far scores lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from georetrieve.search.mixing import score_spreads
from georetrieve.stores.distances import pair_distances
from georetrieve.types import FloatArray, Metric

__all__ = ["ItemSample"]


class ItemSample:
    """Vectors of some items of a column.

    Args:
        vectors: (M, D).
        metric: How they are compared.
    """

    def __init__(self, vectors: FloatArray, metric: Metric) -> None:
        self._vectors, self._metric = vectors, metric

    @cached_property
    def _pairs(self) -> FloatArray:
        return pair_distances(self._vectors, self._metric)

    def percentiles(self, distances: Sequence[float]) -> list[float | None]:
        """Per cent of the pairs of items that are nearer to each other than each distance.

        None with fewer than two items.
        """
        if not len(self._pairs):
            return [None for _ in distances]
        nearer = np.searchsorted(self._pairs, np.asarray(distances, np.float32))
        return [100.0 * float(count) / len(self._pairs) for count in nearer]

    def spreads(self, vectors: FloatArray) -> FloatArray:
        """See :func:`~georetrieve.search.mixing.score_spreads`."""
        return score_spreads(vectors, self._vectors)
