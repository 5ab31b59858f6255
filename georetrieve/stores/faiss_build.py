"""Building a FAISS index, and measuring how well it finds.

``flat`` compares with every vector. ``ivf`` looks into the lists of the nearest centroids, ``hnsw``
walks a graph of neighbours (Malkov and Yashunin, 2018). These two keep 8 bits a number, a quarter
of the memory; the candidates they name are scored again with the full vectors. How far they look is
raised until they find :data:`TARGET_RECALL` of the true ten neighbours of a sample of the items
themselves, each item left out of its own answer; what they reach is kept with the index.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

import numpy as np

from georetrieve.protocols import Progress
from georetrieve.stores.exact import find_nearest
from georetrieve.stores.faiss_index import (
    FaissFacts,
    FaissIndex,
    FaissKind,
    faiss_library,
    of_unit_length,
)
from georetrieve.stores.finders import propose
from georetrieve.stores.gallery import squared_lengths
from georetrieve.stores.vectors import Snapshot
from georetrieve.types import EncoderSpec, FloatArray, Metric

__all__ = ["TARGET_RECALL", "build_faiss"]

TARGET_RECALL = 0.98
RECALL_QUERIES = 256
RECALL_K = 10
BLOCK = 8192  # vectors added at once
POINTS_PER_LIST = 64  # the k-means of the lists is trained on so many
KMEANS_ROUNDS = 10
LINKS, LINK_EFFORT = 16, 80  # of a node of the graph; candidates looked at for them
MAX_GRAPH_EFFORT = 4096


def build_faiss(
    snapshot: Snapshot,
    spec: EncoderSpec,
    kind: FaissKind,
    *,
    progress: Progress | None = None,
    seed: int = 0,
) -> FaissIndex:
    """Index the vectors of a column, and measure how many neighbours are found.

    Args:
        snapshot: N ≥ 1 vectors.
        spec: Their encoder.
        kind: See the module.
        progress: Told of every block of vectors.
        seed: Of the training sample, the k-means and the sample that recall is measured with.
    """
    start = time.perf_counter()
    rng = np.random.default_rng(seed)
    index, parameters = _empty(len(snapshot), spec, kind, seed)
    training = parameters.get("trained_on")
    if isinstance(training, int):
        rows = np.sort(rng.choice(len(snapshot), training, replace=False))
        index.train(_prepared(snapshot.gallery.take(rows), spec.metric))
    longest = _fill(index, snapshot, spec, kind, progress)
    facts = FaissFacts(
        kind=kind,
        metric=spec.metric,
        encoder=spec.name,
        fingerprint=spec.fingerprint,
        column=spec.column,
        version=snapshot.version,
        stamp=snapshot.stamp,
        vectors=len(snapshot),
        dim=spec.dim,
        longest=longest,
        parameters=parameters,
        faiss_version=faiss_library().__version__,
    )
    built = FaissIndex(index, facts)
    if kind != "flat":
        built = _tuned(built, snapshot, spec, rng)
    seconds = time.perf_counter() - start
    return FaissIndex(index, replace(built.facts, build_seconds=round(seconds, 2)))


def _empty(
    count: int, spec: EncoderSpec, kind: FaissKind, seed: int
) -> tuple[Any, dict[str, int | str]]:
    faiss = faiss_library()
    metric = faiss.METRIC_L2 if spec.metric == "euclidean" else faiss.METRIC_INNER_PRODUCT
    if kind == "flat":
        return faiss.IndexFlat(spec.dim, metric), {}
    eight_bits = faiss.ScalarQuantizer.QT_8bit
    lists = max(1, math.isqrt(count))
    trained_on = min(count, POINTS_PER_LIST * max(lists, 64))
    if kind == "ivf":
        centroids = faiss.IndexFlat(spec.dim, metric)
        index = faiss.IndexIVFScalarQuantizer(centroids, spec.dim, lists, eight_bits, metric)
        index.cp.niter, index.cp.seed = KMEANS_ROUNDS, seed + 1
        index.cp.min_points_per_centroid = 1  # or it complains to the terminal
        index.cp.max_points_per_centroid = POINTS_PER_LIST
        return index, {"lists": lists, "bits": 8, "trained_on": trained_on}
    index = faiss.IndexHNSWSQ(spec.dim, eight_bits, LINKS, metric)
    index.hnsw.efConstruction = LINK_EFFORT
    return index, {
        "links": LINKS,
        "link_effort": LINK_EFFORT,
        "bits": 8,
        "trained_on": trained_on,
    }


def _fill(
    index: Any,  # noqa: ANN401 - FAISS is untyped
    snapshot: Snapshot,
    spec: EncoderSpec,
    kind: FaissKind,
    progress: Progress | None,
) -> float:
    """Add all vectors in the order of their places; return the length of the longest."""
    longest = 0.0
    if progress:
        progress.start(f"building {kind} index", len(snapshot), "vectors")
    for first in range(0, len(snapshot), BLOCK):
        places = np.arange(first, min(first + BLOCK, len(snapshot)))
        vectors = snapshot.gallery.take(places)
        longest = max(longest, float(squared_lengths(vectors.astype(np.float64)).max()) ** 0.5)
        index.add(_prepared(vectors, spec.metric))
        if progress:
            progress.advance(len(places))
    if progress:
        progress.finish()
    return longest


def _tuned(
    built: FaissIndex, snapshot: Snapshot, spec: EncoderSpec, rng: np.random.Generator
) -> FaissIndex:
    """The index that looks as far as it must to find enough."""
    count = min(RECALL_QUERIES, len(snapshot))
    rows = np.sort(rng.choice(len(snapshot), count, replace=False))
    asked = snapshot.gallery.take(rows)
    own = snapshot.directory.ids.take(rows).to_pylist()
    gallery, directory = snapshot.gallery, snapshot.directory
    truth = find_nearest(gallery, directory, asked, RECALL_K, spec.metric, exclude_ids=own)
    most = built.facts.parameters.get("lists", min(MAX_GRAPH_EFFORT, len(snapshot)))
    most, effort = int(most), 1 if built.facts.kind == "ivf" else 32
    while True:
        effort = min(effort, most)
        tried = built.with_effort(effort)
        found = propose(tried, gallery, directory, asked, RECALL_K, spec.metric, exclude_ids=own)
        as_near = np.minimum(
            (found.scores >= truth.scores[:, -1:]) & (found.ids != ""), truth.ids != ""
        )
        as_near[~found.asked] = truth.ids[~found.asked] != ""  # those the exact kernel answers
        recall = float(as_near.sum() / max((truth.ids != "").sum(), 1))
        if recall >= TARGET_RECALL or effort == most:
            break
        effort *= 2
    tuned = built.with_effort(effort, round(recall, 4) if count > 1 else 1.0)
    return FaissIndex(tuned.raw, replace(tuned.facts, recall_queries=count))


def _prepared(vectors: FloatArray, metric: Metric) -> FloatArray:
    return np.ascontiguousarray(of_unit_length(vectors) if metric == "cosine" else vectors)
