"""The nearest remembered patches of many patches at once, by FAISS."""

from __future__ import annotations

import numpy as np

from georetrieve.stores.faiss_index import faiss_library
from georetrieve.types import FloatArray, IntArray

__all__ = ["Neighbours"]


class Neighbours:
    """Finds the vectors of highest cosine among (M, D) of length 1.

    FAISS's flat index compares with every vector, block by block.
    """

    def __init__(self, vectors: FloatArray) -> None:
        self._index = faiss_library().IndexFlatIP(vectors.shape[1])
        self._index.add(np.ascontiguousarray(vectors))

    def find(self, queries: FloatArray, k: int) -> tuple[FloatArray, IntArray]:
        """Return the (Q, k) cosines, best first, and the numbers of the vectors; k at most M."""
        scores, numbers = self._index.search(np.ascontiguousarray(queries), k)
        return scores, numbers
