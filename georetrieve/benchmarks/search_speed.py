"""How long an exact search takes beside FAISS's flat index, on the same vectors in the same run."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest
from georetrieve.types import EncoderSpec, FloatArray, Item, Metric

__all__ = ["run_search_speed"]

GROUPS = 50
COMMIT = 20_000


def run_search_speed(
    count: int = 200_000,
    dim: int = 384,
    queries: int = 64,
    k: int = 10,
    *,
    metric: Metric = "euclidean",
    rounds: int = 5,
    seed: int = 0,
) -> dict[str, Any]:
    """Write random vectors to a temporary index and search them, and beside it FAISS ``IndexFlat``.

    The two take turns, and the medians are compared, so that a machine that changes its speed
    meanwhile favours neither. FAISS is given as many threads as there are processors.

    Args:
        count: N vectors.
        dim: D.
        queries: Q searched at once, beside single ones.
        k: Neighbours.
        metric: ``euclidean`` or ``cosine``.
        rounds: How often each search is timed.
        seed: Of the vectors.

    Returns:
        Milliseconds, their ratios (ours over FAISS's; below 1 is faster), the seconds the first
        search of an opened index takes, and the share of FAISS's neighbours that are ours too.
    """
    import faiss

    rng = np.random.default_rng(seed)
    gallery = rng.standard_normal((count, dim), dtype=np.float32)
    asked = rng.standard_normal((queries, dim), dtype=np.float32)
    with tempfile.TemporaryDirectory() as scratch:
        spec = _write(Path(scratch) / "index", gallery, metric)
        column = IndexStore.open(Path(scratch) / "index").column(spec)
        start = time.perf_counter()
        column.search(asked[:1], k)
        first = time.perf_counter() - start
        flat = faiss.IndexFlatL2(dim) if metric == "euclidean" else faiss.IndexFlatIP(dim)
        if metric == "cosine":
            gallery /= np.linalg.norm(gallery, axis=1, keepdims=True)
        flat.add(gallery)
        single, faiss_single = _medians(
            lambda: column.search(asked[:1], k), lambda: flat.search(asked[:1], k), rounds
        )
        batch, faiss_batch = _medians(
            lambda: column.search(asked, k), lambda: flat.search(asked, k), rounds
        )
        theirs = flat.search(asked, k)[1]
        ours = column.search(asked, k).ids
        where, _ = _medians(
            lambda: column.search(asked[:1], k, where="`group` = 'g7'"), lambda: None, rounds
        )
    same = [
        len({_name(place) for place in near} & set(found))
        for near, found in zip(theirs, ours, strict=True)
    ]
    return {
        "vectors": count,
        "dim": dim,
        "k": k,
        "metric": metric,
        "processors": os.cpu_count(),
        "first_search_seconds": first,
        "single_ms": single,
        "faiss_single_ms": faiss_single,
        "single_ratio": single / faiss_single,
        "batch_queries": queries,
        "batch_ms": batch,
        "faiss_batch_ms": faiss_batch,
        "batch_ratio": batch / faiss_batch,
        "where_single_ms": where,
        "same_neighbours": sum(same) / theirs.size,
    }


def _write(path: Path, gallery: FloatArray, metric: Metric) -> EncoderSpec:
    spec = EncoderSpec(
        name="random",
        family="random",
        weights="",
        sha256="",
        dim=gallery.shape[1],
        transform={},
        metric=metric,
    )
    store = IndexStore.create(path, Manifest(name="random", encoders=(spec,)))
    for start in range(0, len(gallery), COMMIT):
        part = gallery[start : start + COMMIT]
        items = [
            Item(path=_name(place), kind="image", group=f"g{place % GROUPS}")
            for place in range(start, start + len(part))
        ]
        store.add_items(items, {spec.column: part})
    return spec


def _name(place: int) -> str:
    return f"{place:09}.jpg"


def _medians(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int
) -> tuple[float, float]:
    """Median milliseconds of two calls that take turns, warm."""
    spent: tuple[list[float], list[float]] = ([], [])
    ours()
    theirs()
    for _ in range(rounds):
        for call, times in zip((ours, theirs), spent, strict=True):
            start = time.perf_counter()
            call()
            times.append(1000 * (time.perf_counter() - start))
    return statistics.median(spent[0]), statistics.median(spent[1])
