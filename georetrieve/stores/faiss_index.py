"""A FAISS index of the vectors of a column: what it is of, and how it is searched."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from georetrieve.errors import StoreError
from georetrieve.stores.finders import MARGIN
from georetrieve.stores.gallery import squared_lengths
from georetrieve.types import FloatArray, IntArray, Metric

__all__ = [
    "FaissFacts",
    "FaissIndex",
    "FaissKind",
    "faiss_library",
    "gpu_count",
    "of_unit_length",
]

FaissKind = Literal["flat", "hnsw", "ivf"]

OVERSAMPLED = 4  # candidates a hit: what 8 bits a number confuse is told apart again


@dataclass(frozen=True, slots=True, kw_only=True)
class FaissFacts:
    """What a FAISS index is of, and how well it finds.

    Attributes:
        kind: ``flat``, ``hnsw`` or ``ivf``.
        metric: Of the encoder.
        encoder: Its name.
        fingerprint: Its fingerprint.
        column: Vector column.
        version: Of the items table when it was built.
        stamp: Of the vectors, see :class:`~georetrieve.stores.vectors.Snapshot`.
        vectors: N.
        dim: D.
        longest: Length of the longest vector.
        parameters: Of the index.
        effort: Lists looked into (``ivf``) or candidates kept on the walk (``hnsw``); 0: ``flat``.
        recall_at_10: Share of the true ten neighbours found; 1 of ``flat``, which proves itself.
        recall_queries: Items it was measured with.
        build_seconds: What building and measuring took.
        faiss_version: That built it.
    """

    kind: FaissKind
    metric: Metric
    encoder: str
    fingerprint: str
    column: str
    version: int
    stamp: str
    vectors: int
    dim: int
    longest: float
    parameters: Mapping[str, int | str] = field(default_factory=dict)
    effort: int = 0
    recall_at_10: float = 1.0
    recall_queries: int = 0
    build_seconds: float = 0.0
    faiss_version: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class FaissIndex:
    """A FAISS index as a :class:`~georetrieve.stores.finders.Finder`; safe to search from threads.

    Args:
        index: FAISS's own.
        facts: About it.
        gpu: Number of the GPU it is copied to; None for the CPU.
    """

    def __init__(self, index: Any, facts: FaissFacts, *, gpu: int | None = None) -> None:  # noqa: ANN401 - FAISS is untyped
        self.facts = facts
        self._index, self._gpu = index, gpu
        self._resources: Any = None
        self._alone = threading.Lock()  # a GPU takes one search at a time
        if gpu is not None and facts.kind != "hnsw":
            faiss = faiss_library()
            self._resources = faiss.StandardGpuResources()
            self._index = faiss.index_cpu_to_gpu(self._resources, gpu, index)

    @property
    def on_gpu(self) -> bool:
        """Whether a GPU searches."""
        return self._resources is not None

    @property
    def raw(self) -> Any:  # noqa: ANN401 - FAISS is untyped
        """FAISS's own index."""
        return self._index

    @property
    def exact(self) -> bool:
        """Whether it looks at every vector."""
        return self.facts.kind == "flat"

    def wanted(self, k: int) -> int:
        """See :class:`~georetrieve.stores.finders.Finder`."""
        return k + MARGIN if self.exact else OVERSAMPLED * k

    def find(
        self, queries: FloatArray, count: int, chosen: IntArray | None
    ) -> tuple[FloatArray, IntArray]:
        """See :class:`~georetrieve.stores.finders.Finder`; a GPU cannot choose.

        Raises:
            StoreError: FAISS fails, say for want of memory on a GPU.
        """
        params, selector = self._params(count, chosen)
        asked = of_unit_length(queries) if self.facts.metric == "cosine" else queries
        asked = np.ascontiguousarray(asked, np.float32)
        try:
            if self.on_gpu:
                with self._alone:
                    products, places = self._index.search(asked, count, params=params)
            else:
                products, places = self._index.search(asked, count, params=params)
        except RuntimeError as error:
            raise _in_one_line(error) from error
        del selector  # held until here: FAISS does not
        return (-products if self.facts.metric == "euclidean" else products), places

    def scale(self, queries: FloatArray, last: FloatArray) -> npt.NDArray[np.float64]:
        """See :class:`~georetrieve.stores.finders.Finder`."""
        if self.facts.metric == "cosine":
            return np.ones(len(queries))
        lengths = np.sqrt(squared_lengths(queries.astype(np.float64)))
        scale: npt.NDArray[np.float64] = (lengths + self.facts.longest) ** 2
        return scale

    def with_effort(self, effort: int, recall: float = math.nan) -> FaissIndex:
        """The same index on the CPU, looking farther or less far."""
        facts = replace(self.facts, effort=effort, recall_at_10=recall)
        return FaissIndex(self._index, facts)

    def _params(self, count: int, chosen: IntArray | None) -> tuple[Any, Any]:
        faiss = faiss_library()
        selector = None
        if chosen is not None:
            marks = np.zeros(self.facts.vectors, bool)
            marks[chosen] = True
            selector = faiss.IDSelectorBitmap(np.packbits(marks, bitorder="little"))
        more = {} if selector is None else {"sel": selector}
        if self.facts.kind == "ivf":
            return faiss.SearchParametersIVF(nprobe=self.facts.effort, **more), selector
        if self.facts.kind == "hnsw":
            effort = max(self.facts.effort, count)
            return faiss.SearchParametersHNSW(efSearch=effort, **more), selector
        return (None if selector is None else faiss.SearchParameters(**more)), selector


def faiss_library() -> Any:  # noqa: ANN401 - its stubs describe C++, not what Python calls
    """FAISS, imported when it is first needed: that takes a while."""
    import faiss

    return faiss


def gpu_count() -> int:
    """GPUs FAISS can use; 0 where its build knows of none."""
    return int(getattr(faiss_library(), "get_num_gpus", int)())


def of_unit_length(vectors: FloatArray) -> FloatArray:
    """(N, D) vectors over their lengths."""
    exact = vectors.astype(np.float64)
    exact /= np.sqrt(squared_lengths(exact))[:, None]
    return exact.astype(np.float32)


def _in_one_line(error: Exception) -> StoreError:
    said = " ".join(str(error).split())
    return StoreError(f"FAISS cannot search: {said[:300]} Name --engine exact to do without it.")
