"""How long an index's items take to be classified by its labelled ones, and what of it is overhead.

The bare work is that of NumPy alone: one matrix product in single precision of all queries with all
labelled items, and ``argpartition`` for the k nearest, block by block, on vectors in memory.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from georetrieve.benchmarks.search_speed import clustered_vectors
from georetrieve.probes.classification.queries import open_queries
from georetrieve.probes.classification.run import ClassifyOptions, classify
from georetrieve.probes.classification.write import write_predictions
from georetrieve.protocols import Progress
from georetrieve.search import Index
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest
from georetrieve.types import EncoderSpec, FloatArray, Item

__all__ = ["run_classify_speed"]

COMMIT = 20_000
GROUPS = 50
BARE_ROWS = 1024


def run_classify_speed(
    count: int = 200_000,
    labelled: int = 1000,
    dim: int = 384,
    classes: int = 20,
    *,
    k: int | None = None,
    voters: int = 5,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Classify the unlabelled items of a temporary index, and write the classes back.

    Args:
        count: Unlabelled items.
        labelled: Labelled ones.
        dim: Width of the vectors, drawn in clusters.
        classes: Of the labels.
        k: Neighbours that vote; None: chosen on the labelled items.
        voters: Listed for each item in the JSON.
        seed: Of the vectors.
        progress: Told how far it is.

    Returns:
        Seconds to read, compare and vote (``classify_seconds``, the choice of k included), for
        NumPy's bare products and partition taken right after (``bare_seconds``), to make the JSON
        and to write to the index; ``classify_over_bare``; megabytes of JSON; what was classified.
    """
    vectors = clustered_vectors(labelled + count, dim, np.random.default_rng(seed))
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "index"
        _write(place, vectors, labelled, classes)
        with Index.open(place) as index:
            options = ClassifyOptions(k=k, voters=voters)
            start = time.perf_counter()
            result = classify(index, open_queries(index), options, progress=progress)
            seconds = time.perf_counter() - start
        bare = _seconds(lambda: _bare(vectors[:labelled], vectors[labelled:], k or 20))
        with (Path(scratch) / "classes.json").open("w", encoding="utf-8") as text:
            json_seconds = _seconds(lambda: result.write_json(text))
        megabytes = (Path(scratch) / "classes.json").stat().st_size / 1e6
        write_seconds = _seconds(lambda: write_predictions(place, result))
    return {
        "items": len(result),
        "labelled": labelled,
        "dim": dim,
        "classes": classes,
        "probe": result.probe,
        "processors": os.cpu_count(),
        "classify_seconds": seconds,
        "items_per_second": len(result) / seconds,
        "bare_seconds": bare,
        "classify_over_bare": seconds / bare,
        "json_seconds": json_seconds,
        "json_mb": megabytes,
        "write_seconds": write_seconds,
        "total_seconds": seconds + json_seconds + write_seconds,
    }


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _bare(gallery: FloatArray, queries: FloatArray, k: int) -> None:
    lengths = np.linalg.norm(gallery, axis=1, keepdims=True)
    turned = np.ascontiguousarray((gallery / lengths).T)
    for start in range(0, len(queries), BARE_ROWS):
        products = queries[start : start + BARE_ROWS] @ turned
        np.argpartition(products, -min(k, len(gallery)), axis=1)


def _write(path: Path, vectors: FloatArray, labelled: int, classes: int) -> None:
    spec = EncoderSpec(
        name="random", family="random", weights="", sha256="", dim=vectors.shape[1], transform={}
    )
    store = IndexStore.create(path, Manifest(name="random", encoders=(spec,)))
    for start in range(0, len(vectors), COMMIT):
        part = vectors[start : start + COMMIT]
        items = [
            Item(
                path=f"{place:09}.jpg",
                kind="image",
                group=f"g{place % GROUPS}",
                label=f"class {place % classes}" if place < labelled else None,
            )
            for place in range(start, start + len(part))
        ]
        store.add_items(items, {spec.column: part})
