"""Which engine answers: exact, FAISS or Lance; one choice, one contract, the same scores.

``exact``
    The exact kernel over the column (:mod:`georetrieve.stores.exact`).
``lance``
    Lance's own scan for nearest neighbours: exact too, slow, and in no need of memory.
``faiss``
    A FAISS index. ``faiss:flat`` looks at every vector, on a GPU where there is one. ``faiss:ivf``
    and ``faiss:hnsw`` are approximate (ANN); they are built when first asked for and kept. Plain
    ``faiss`` is the ANN index that is there, else ``flat`` for a small column and ``ivf`` for a
    large one.
``auto``
    See :func:`choose_engine`.

What an engine proposes is scored again exactly, and what it cannot answer (k near N, a condition
that leaves little, a large group left out) the exact kernel answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from georetrieve.stores.faiss_index import FaissFacts, FaissKind

__all__ = [
    "ENGINES",
    "MANY_QUERIES",
    "SLOW_VALUES",
    "Choice",
    "choose_engine",
    "choose_faiss",
    "faiss_kind",
    "says_build",
    "says_recall",
]

ENGINES = ("auto", "exact", "lance", "faiss", "faiss:flat", "faiss:ivf", "faiss:hnsw")

SLOW_VALUES = 1 << 28
"""N × D above which a column is no longer held in memory (1 GiB), so that an exact search reads it
from disk; below, one takes a fifteenth of a second at most on two cores."""
MANY_QUERIES = 64
GPU_VALUES = 1 << 36
"""N × D × Q from which a GPU pays: over a second of two cores, time to copy a column there."""
ENOUGH_RECALL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The engine of a search.

    Attributes:
        engine: ``exact``, ``lance`` or ``faiss``.
        kind: Of the FAISS index; "" for other engines.
        gpu: Whether a GPU searches.
        recall_at_10: As measured when the index was built; 1 for what is exact.
        remarks: What a user should know, one line each.
    """

    engine: Literal["exact", "lance", "faiss"] = "exact"
    kind: FaissKind | Literal[""] = ""
    gpu: bool = False
    recall_at_10: float = 1.0
    remarks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """``exact``, ``lance``, ``faiss:ivf`` ..."""
        return f"{self.engine}:{self.kind}" if self.kind else self.engine


def choose_engine(
    *, vectors: int, dim: int, queries: int, gpus: int = 0, built: Sequence[FaissFacts] = ()
) -> str:
    """The engine that ``auto`` stands for.

    - Many queries (64 or more: benchmarks, probes) are answered exactly: by FAISS on a GPU if there
      is one and the work is worth copying the column to it, else by the exact kernel, which is
      faster than FAISS on a CPU.
    - Few queries of a column of up to 2²⁸ numbers (700,000 vectors of 384) are answered exactly.
    - Few queries of a larger one are answered by an ANN index if one was built that finds at least
      95 % of the true neighbours: ``hnsw``, the faster, before ``ivf``. None is built for a single
      question, since that takes longer than an exact search.

    Args:
        vectors: N.
        dim: D.
        queries: Q asked at once.
        gpus: GPUs that may be used.
        built: ANN indexes of these vectors.
    """
    values = vectors * dim
    if queries >= MANY_QUERIES:
        return "faiss:flat" if gpus and values * queries >= GPU_VALUES else "exact"
    if values <= SLOW_VALUES:
        return "exact"
    good = {facts.kind for facts in built if facts.recall_at_10 >= ENOUGH_RECALL}
    return next((f"faiss:{kind}" for kind in ("hnsw", "ivf") if kind in good), "exact")


def choose_faiss(*, vectors: int, dim: int, built: Sequence[FaissFacts] = ()) -> str:
    """The FAISS index that plain ``faiss`` stands for: an ANN index that is there, else by size."""
    kinds = {facts.kind for facts in built}
    unbuilt = "faiss:flat" if vectors * dim <= SLOW_VALUES else "faiss:ivf"
    return next((f"faiss:{kind}" for kind in ("hnsw", "ivf") if kind in kinds), unbuilt)


def faiss_kind(name: str) -> FaissKind:
    """The kind in the name of an engine: ``ivf`` of ``faiss:ivf``."""
    kinds: tuple[FaissKind, ...] = ("flat", "hnsw", "ivf")
    return next(kind for kind in kinds if name == f"faiss:{kind}")


def says_recall(facts: FaissFacts) -> str:
    """What an approximate index finds, as a remark."""
    few = "" if facts.recall_at_10 >= ENOUGH_RECALL else ": use another kind, or exact"
    return (
        f"faiss:{facts.kind} found {100 * facts.recall_at_10:.1f} % of the true ten neighbours of "
        f"{facts.recall_queries} items of version {facts.version}; the exact engine finds all{few}."
    )


def says_build(count: int) -> str:
    """How searches of a large column become quicker, as a remark."""
    return (
        f"Searched exactly among {count:,} vectors; georetrieve engine INDEX --build ivf "
        "makes single searches faster."
    )
