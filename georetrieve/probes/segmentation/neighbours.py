"""The nearest remembered patches of many patches at once, by FAISS."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from georetrieve.probes.segmentation.settings import Search
from georetrieve.stores.faiss_index import faiss_library
from georetrieve.types import FloatArray, IntArray

__all__ = ["Neighbours"]

LARGE = 4096  # vectors from which on lists are quicker than looking at all
LISTS_LOOKED_INTO = 8
FEW_NUMBERS = 16  # vectors so short have few lists around them, and are quickly sorted into them
LISTS_AROUND_FEW = 4
LARGE_OF_FEW = 1024


class Neighbours:
    """Finds the vectors of highest cosine among (M, D) of length 1.

    ``exact`` compares with every vector, block by block. ``lists`` sorts the vectors into 2 √M
    lists by k-means and looks into the 8 nearest (4 of many short vectors); where these hold fewer
    than k vectors, all are compared. The clusters are drawn by a fixed seed.
    """

    def __init__(self, vectors: FloatArray, search: Search = "auto") -> None:
        faiss = faiss_library()
        values = np.ascontiguousarray(vectors)
        count, width = values.shape
        self._flat = faiss.IndexFlatIP(width)
        self._flat.add(values)
        self._lists: Any = None
        lists = round(2 * math.sqrt(count))
        short = width <= FEW_NUMBERS
        large = LARGE_OF_FEW if short else LARGE
        if search == "lists" or (search == "auto" and count >= large):
            self._lists = faiss.IndexIVFFlat(
                faiss.IndexFlatIP(width), width, min(lists, count), faiss.METRIC_INNER_PRODUCT
            )
            self._lists.cp.min_points_per_centroid = 1  # so that few vectors are no warning
            many = short and count >= LARGE
            self._lists.nprobe = LISTS_AROUND_FEW if many else LISTS_LOOKED_INTO
            self._lists.train(values)
            self._lists.add(values)

    def find(self, queries: FloatArray, k: int) -> tuple[FloatArray, IntArray]:
        """Return the (Q, k) cosines, best first, and the numbers of the vectors; k at most M."""
        asked = np.ascontiguousarray(queries)
        if self._lists is None:
            scores, numbers = self._flat.search(asked, k)
            return scores, numbers
        scores, numbers = self._lists.search(asked, k)
        short = np.flatnonzero(numbers[:, -1] < 0)
        if len(short):
            scores[short], numbers[short] = self._flat.search(asked[short], k)
        return scores, numbers
