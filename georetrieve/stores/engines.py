"""A vector column searched by an engine, whichever it is: one contract, the same scores."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from copy import copy
from functools import partial
from pathlib import Path

from georetrieve.errors import StoreError, did_you_mean
from georetrieve.protocols import Progress
from georetrieve.stores.checks import check_queries
from georetrieve.stores.engine_choice import (
    ENGINES,
    MANY_QUERIES,
    SLOW_VALUES,
    Choice,
    choose_engine,
    choose_faiss,
    faiss_kind,
    says_build,
    says_recall,
)
from georetrieve.stores.exact import find_nearest
from georetrieve.stores.faiss_build import build_faiss
from georetrieve.stores.faiss_cache import FaissCache
from georetrieve.stores.faiss_index import FaissFacts, FaissIndex, FaissKind, gpu_count
from georetrieve.stores.finders import Finder, find_with
from georetrieve.stores.lance_scan import LanceScan
from georetrieve.stores.vectors import LanceVectors, Snapshot
from georetrieve.types import EncoderSpec, FloatArray, Hits, IntArray, Item

__all__ = ["EngineVectors"]


class EngineVectors:
    """A vector column searched by an engine; a :class:`~georetrieve.protocols.VectorStore`.

    Args:
        column: The column.
        index: Folder of the index, in which FAISS indexes are kept; None to keep them in memory.
        engine: One of :data:`ENGINES`.
        device: ``auto`` takes a GPU for ``flat`` and ``ivf`` if FAISS has one, ``cuda`` or
            ``cuda:N`` insists, ``cpu`` takes none.
        progress: Told when an index is built.

    Raises:
        StoreError: The engine or the device is unknown.
    """

    def __init__(
        self,
        column: LanceVectors,
        index: Path | None,
        *,
        engine: str = "auto",
        device: str = "auto",
        progress: Progress | None = None,
    ) -> None:
        if engine not in ENGINES:
            raise StoreError(
                f"Unknown engine {engine!r}.{did_you_mean(engine, ENGINES)} Name one of "
                f"{', '.join(ENGINES)}."
            )
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
            raise StoreError(f"FAISS cannot search on {device!r}: name auto, cpu, cuda or cuda:1.")
        self._column, self._engine, self._progress = column, engine, progress
        self._cache = None if index is None else FaissCache(index)
        self._device = device
        self._opening = threading.Lock()
        self._opened: dict[tuple[str, str], tuple[FaissIndex, tuple[str, ...]]] = {}

    def moved_to(self, column: LanceVectors) -> EngineVectors:
        """The same of the column as it is later; FAISS indexes that are still of it stay open."""
        newer = copy(self)
        newer._column = column
        return newer

    @property
    def spec(self) -> EncoderSpec:
        """The encoder whose vectors are held."""
        return self._column.spec

    def __len__(self) -> int:
        return len(self._column)

    def add(self, items: Sequence[Item], vectors: FloatArray) -> None:
        """See :meth:`georetrieve.protocols.VectorStore.add`."""
        self._column.add(items, vectors)

    def remove(self, ids: Sequence[str]) -> None:
        """See :meth:`georetrieve.protocols.VectorStore.remove`."""
        self._column.remove(ids)

    def sample(self, count: int, *, seed: int = 0) -> FloatArray:
        """See :meth:`LanceVectors.sample`."""
        return self._column.sample(count, seed=seed)

    def choose(self, queries: int = 1) -> Choice:
        """The engine that will answer so many queries at once; built or loaded if need be."""
        return self._prepare(self._column.snapshot(), queries)[0]

    def search(
        self,
        queries: FloatArray,
        k: int,
        *,
        where: str | None = None,
        exclude_groups: Sequence[str | None] | None = None,
        exclude_ids: Sequence[str | None] | None = None,
    ) -> Hits:
        """See :meth:`georetrieve.protocols.VectorStore.search`."""
        queries = check_queries(self.spec, queries, k)
        snapshot = self._column.snapshot()
        chosen = None if where is None else snapshot.places_where(where)
        finder = self._prepare(snapshot, len(queries), where)[1]
        if isinstance(finder, FaissIndex) and chosen is not None and _leaves_little(finder, chosen):
            finder = None
        gallery, directory, metric = snapshot.gallery, snapshot.directory, self.spec.metric
        find = find_nearest if finder is None else partial(find_with, finder)
        return find(
            gallery,
            directory,
            queries,
            k,
            metric,
            chosen=chosen,
            exclude_groups=exclude_groups,
            exclude_ids=exclude_ids,
        )

    # --- the engine ---------------------------------------------------------------------------

    def _prepare(
        self, snapshot: Snapshot, queries: int, where: str | None = None
    ) -> tuple[Choice, Finder | None]:
        """The engine of a search and what finds, None for the exact kernel."""
        name = self._resolved(snapshot, queries)
        if name == "exact" or not len(snapshot):
            large = len(snapshot) * self.spec.dim > SLOW_VALUES and queries < MANY_QUERIES
            told = large and self._engine == "auto"
            return Choice(remarks=(says_build(len(snapshot)),) if told else ()), None
        if name == "lance":
            return Choice(engine="lance"), LanceScan(snapshot, self.spec, where)
        index, remarks = self._faiss(snapshot, faiss_kind(name))
        choice = Choice(
            engine="faiss",
            kind=index.facts.kind,
            gpu=index.on_gpu,
            recall_at_10=index.facts.recall_at_10,
            remarks=remarks,
        )
        return choice, index

    def _resolved(self, snapshot: Snapshot, queries: int) -> str:
        """The name of an engine that is one: neither ``auto`` nor plain ``faiss``."""
        vectors, dim = len(snapshot), self.spec.dim
        if self._engine == "faiss":
            return choose_faiss(vectors=vectors, dim=dim, built=self._built(snapshot))
        if self._engine != "auto":
            return self._engine
        few = queries < MANY_QUERIES
        return choose_engine(
            vectors=vectors,
            dim=dim,
            queries=queries,
            gpus=0 if few or self._device == "cpu" else gpu_count(),
            built=self._built(snapshot) if few and vectors * dim > SLOW_VALUES else (),
        )

    def _built(self, snapshot: Snapshot) -> list[FaissFacts]:
        """Facts of the ANN indexes there are of these vectors: held, else in the cache."""
        held = [
            index.facts
            for (kind, stamp), (index, _) in self._opened.items()
            if stamp == snapshot.stamp and kind != "flat"
        ]
        return held or (self._cache.known(snapshot, self.spec) if self._cache else [])

    def _faiss(self, snapshot: Snapshot, kind: FaissKind) -> tuple[FaissIndex, tuple[str, ...]]:
        """An index of these vectors: held, else from the cache, else built."""
        with self._opening:
            held = self._opened.get((kind, snapshot.stamp))
            if held is None:
                held = self._open(snapshot, kind)
                self._opened = {
                    key: one for key, one in self._opened.items() if key[1] == snapshot.stamp
                } | {(kind, snapshot.stamp): held}
            return held

    def _open(self, snapshot: Snapshot, kind: FaissKind) -> tuple[FaissIndex, tuple[str, ...]]:
        gpu = self._gpu(kind)
        remarks: tuple[str, ...] = ()
        if kind == "flat" or self._cache is None:
            # A flat index is the vectors once more: reading Lance's is as quick as reading a copy.
            index = build_faiss(snapshot, self.spec, kind, progress=self._progress)
        else:
            cached = self._cache.obtain(snapshot, self.spec, kind, progress=self._progress)
            index, remarks = cached.index, cached.remarks
        if gpu is not None and kind == "hnsw":
            remarks += ("FAISS walks the graph of hnsw on the CPU; ivf and flat can use a GPU.",)
        elif gpu is not None:
            index = FaissIndex(index.raw, index.facts, gpu=gpu)
        if kind != "flat":
            remarks += (says_recall(index.facts),)
        return index, remarks

    def _gpu(self, kind: FaissKind) -> int | None:
        """Number of the GPU to search on; None for the CPU."""
        device, _, number = self._device.partition(":")
        if device == "cuda":
            wanted, there = int(number or 0), gpu_count()
            if wanted >= there:
                raise StoreError(
                    f"FAISS finds no GPU {wanted} (it finds {there}), so {self._device!r} cannot "
                    "search; use --device cpu, or install faiss-gpu beside a CUDA driver."
                )
            return wanted
        # A single question reaches a few lists: copying them all to a GPU first does not pay.
        return 0 if device == "auto" and kind == "flat" and gpu_count() else None


def _leaves_little(finder: FaissIndex, chosen: IntArray) -> bool:
    """Whether going through what a condition leaves beats an index that skips most it finds.

    Recall was measured without a condition, too; and a GPU takes none.
    """
    return finder.on_gpu or 2 * len(chosen) < finder.facts.vectors
