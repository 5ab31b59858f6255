"""How long the engines take to search the same vectors, and how much they find, in one run."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from georetrieve.protocols import Progress
from georetrieve.stores.engines import EngineVectors
from georetrieve.stores.faiss_index import faiss_library, gpu_count, of_unit_length
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest
from georetrieve.types import EncoderSpec, FloatArray, Hits, Item, Metric

__all__ = ["SEARCHED", "clustered_vectors", "run_search_speed"]

GROUPS = 50
COMMIT = 20_000
CLASSES = 200
SINGLES = 8  # different questions asked one by one in a round
BARE = "FAISS IndexFlat"
SEARCHED = ("exact", BARE, "faiss:flat", "faiss:ivf", "faiss:hnsw", "lance")


def clustered_vectors(count: int, dim: int, rng: np.random.Generator) -> FloatArray:
    """(N, D) vectors spread like those of an encoder, more than like noise.

    As many directions as numbers, but few that matter: the variance falls as 1 / rank, so that 25
    of 384 directions hold 60 % of it; of the bundled encoder's vectors of microfossils, slides and
    rocks 25 hold between 40 and 85 %. 200 classes, as far apart as their members are from each
    other. In Gaussian noise, by contrast, all neighbours are about equally far, and no index can
    skip anything; no encoder gives that.
    """
    centres = rng.standard_normal((CLASSES, dim), dtype=np.float32)
    vectors = centres[rng.integers(0, CLASSES, count)]
    vectors += rng.standard_normal((count, dim), dtype=np.float32)
    vectors /= np.sqrt(1 + np.arange(dim, dtype=np.float32))
    turn, _ = np.linalg.qr(rng.standard_normal((dim, dim)))
    turned: FloatArray = vectors @ turn.astype(np.float32)
    return turned


def run_search_speed(
    count: int = 200_000,
    dim: int = 384,
    queries: int = 64,
    k: int = 10,
    *,
    metric: Metric = "euclidean",
    engines: Sequence[str] = SEARCHED,
    device: str = "auto",
    rounds: int = 5,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write clustered vectors to a temporary index and search them with every engine.

    The engines take turns, and the medians are compared, so that a machine that changes its speed
    meanwhile favours none. The questions are further vectors of the same kind, not in the index.
    FAISS is given as many threads as there are processors. Lance, which scans once a question, is
    timed with single ones alone, and fewer.

    Args:
        count: N vectors.
        dim: D.
        queries: Q searched at once, beside single ones.
        k: Neighbours.
        metric: ``euclidean`` or ``cosine``.
        engines: Of :data:`SEARCHED`; ``exact``, which all are compared with, is always there.
        device: ``cpu``; ``cuda`` adds FAISS on a GPU; ``auto`` does if there is one.
        rounds: How often each search is timed.
        seed: Of the vectors.
        progress: Told when an index is built.

    Returns:
        ``engines``: for each, seconds to build or read, milliseconds of a single search and of one
        in a batch, their ratios to the exact engine (below 1 is faster) and the share of the exact
        engine's neighbours found. The exact engine's ratios to FAISS's bare flat index, the
        seconds the first search of an opened index takes, and what was searched.

    Raises:
        StoreError: ``device`` is a GPU, and FAISS has none.
    """
    rng = np.random.default_rng(seed)
    both = clustered_vectors(count + queries, dim, rng)
    gallery, asked = both[:count], both[count:]
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "index"
        spec = _write(place, gallery, metric)
        first = _first_search_seconds(place, asked, k)
        names = list(dict.fromkeys(["exact", *engines]))
        runners = [_runner(name, place, gallery, spec, k, "cpu", progress) for name in names]
        if device.partition(":")[0] == "cuda" or (device == "auto" and gpu_count()):
            gpu = "cuda" if device == "auto" else device
            runners += [
                _runner(name, place, gallery, spec, k, gpu, progress)
                for name in ("faiss:flat", "faiss:ivf")
            ]
        for _ in range(rounds):
            for runner in runners:
                runner.time(asked)
        truth = runners[0].found(asked)
        rows = [runner.row(runners[0], asked, truth) for runner in runners]
    by_name = {row["engine"]: row for row in rows}
    facts = {
        "vectors": count,
        "dim": dim,
        "k": k,
        "metric": metric,
        "spread": f"{CLASSES} clusters, variance falling as 1 / rank",
        "batch_queries": queries,
        "processors": os.cpu_count(),
        "gpus": gpu_count(),
        "first_search_seconds": first,
        "engines": rows,
    }
    if BARE in by_name:
        exact, bare = by_name["exact"], by_name[BARE]
        facts["single_over_faiss_flat"] = exact["single_ms"] / bare["single_ms"]
        facts["batch_over_faiss_flat"] = exact["batch_ms"] / bare["batch_ms"]
    return facts


@dataclass(slots=True)
class _Runner:
    """An engine, and how long it took."""

    name: str
    search: Callable[[FloatArray], Hits]
    build_seconds: float
    at_once: bool = True
    stored_recall: float | None = None
    singles: list[float] = field(default_factory=list)
    batches: list[float] = field(default_factory=list)

    def time(self, asked: FloatArray) -> None:
        """One round."""
        few = SINGLES if self.at_once else 1
        for number in range(min(few, len(asked))):
            self.singles.append(_milliseconds(self.search, asked[number : number + 1]))
        if self.at_once:
            self.batches.append(_milliseconds(self.search, asked) / len(asked))

    def found(self, asked: FloatArray) -> Hits:
        """Hits of all questions, or of the first few of an engine that takes one at a time."""
        return self.search(asked if self.at_once else asked[:SINGLES])

    def row(self, exact: _Runner, asked: FloatArray, truth: Hits) -> dict[str, Any]:
        """What was measured."""
        found = self.found(asked)
        same = [
            len(set(ours) & set(theirs)) / found.ids.shape[1]
            for ours, theirs in zip(found.ids, truth.ids, strict=False)
        ]
        single, batch = statistics.median(self.singles), None
        if self.batches:
            batch = statistics.median(self.batches)
        return {
            "engine": self.name,
            "build_seconds": self.build_seconds,
            "single_ms": single,
            "single_ratio": single / statistics.median(exact.singles),
            "batch_ms": batch,
            "batch_ratio": None if batch is None else batch / statistics.median(exact.batches),
            "recall": statistics.fmean(same),
            "stored_recall_at_10": self.stored_recall,
        }


def _runner(
    name: str,
    place: Path,
    gallery: FloatArray,
    spec: EncoderSpec,
    k: int,
    device: str,
    progress: Progress | None,
) -> _Runner:
    """Build or read what an engine needs, and search once, so that it is warm."""
    start = time.perf_counter()
    if name == BARE:
        search = _bare(gallery, spec.metric, k)
        return _Runner(name, search, time.perf_counter() - start)
    column = IndexStore.open(place).column(spec)
    engine = EngineVectors(column, place, engine=name, device=device, progress=progress)
    recall = engine.choose().recall_at_10
    seconds = time.perf_counter() - start
    engine.search(gallery[:1], k)
    # What lies in memory is compared; reading it is the first search's, told beside.
    if name != "lance":
        column.search(gallery[:1], k)
    shown = name if device == "cpu" else f"{name} ({device})"
    return _Runner(shown, lambda asked: engine.search(asked, k), seconds, name != "lance", recall)


def _bare(gallery: FloatArray, metric: Metric, k: int) -> Callable[[FloatArray], Hits]:
    """FAISS's flat index as it is, its places for ids."""
    faiss = faiss_library()
    flat = faiss.IndexFlatL2(gallery.shape[1])
    if metric == "cosine":
        flat = faiss.IndexFlatIP(gallery.shape[1])
    flat.add(of_unit_length(gallery) if metric == "cosine" else gallery)

    def search(asked: FloatArray) -> Hits:
        products, places = flat.search(of_unit_length(asked) if metric == "cosine" else asked, k)
        names = np.array([[_name(place) for place in row] for row in places], dtype=object)
        scores = products if metric == "cosine" else -np.sqrt(np.maximum(products, 0))
        return Hits(names.reshape(products.shape), scores, metric)

    return search


def _first_search_seconds(place: Path, asked: FloatArray, k: int) -> float:
    column = IndexStore.open(place).column()
    start = time.perf_counter()
    column.search(asked[:1], k)
    return time.perf_counter() - start


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


def _milliseconds(search: Callable[[FloatArray], Hits], asked: FloatArray) -> float:
    start = time.perf_counter()
    search(asked)
    return 1000 * (time.perf_counter() - start)
