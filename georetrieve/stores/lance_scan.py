"""Lance's own search for nearest neighbours: a scan, exact, that holds nothing in memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from georetrieve.stores.finders import MARGIN
from georetrieve.stores.vectors import Snapshot
from georetrieve.types import EncoderSpec, FloatArray, IntArray

__all__ = ["LanceScan"]


class LanceScan:
    """Lance's own scan as a :class:`~georetrieve.stores.finders.Finder`."""

    exact = True

    def __init__(self, snapshot: Snapshot, spec: EncoderSpec, where: str | None = None) -> None:
        self._snapshot, self._spec = snapshot, spec
        self._where = f"`{spec.column}` IS NOT NULL"
        if where is not None:
            self._where += f" AND ({where}\n)"

    def wanted(self, k: int) -> int:
        """See :class:`~georetrieve.stores.finders.Finder`."""
        return k + MARGIN

    def find(
        self, queries: FloatArray, count: int, chosen: IntArray | None
    ) -> tuple[FloatArray, IntArray]:
        """See :class:`~georetrieve.stores.finders.Finder`; what is chosen the condition says."""
        products = np.full((len(queries), count), -np.inf, np.float32)
        places = np.full((len(queries), count), -1, np.int64)
        euclidean = self._spec.metric == "euclidean"
        for number, query in enumerate(queries):
            found = self._snapshot.table.nearest(
                self._spec.column, query, count, self._spec.metric, self._where
            )
            distances = found.column("_distance").to_numpy()
            rows = found.column("_rowid").to_numpy().astype(np.int64)
            products[number, : len(rows)] = -distances if euclidean else 1 - distances
            places[number, : len(rows)] = self._snapshot.places_of(rows)
        return products, places

    def scale(self, queries: FloatArray, last: FloatArray) -> npt.NDArray[np.float64]:
        """See :class:`~georetrieve.stores.finders.Finder`; Lance squares differences."""
        if self._spec.metric == "cosine":
            return np.ones(len(queries))
        return np.abs(last.astype(np.float64))
