"""The retrieval benchmark: how well labelled items find their like.

Protocol ``scampi`` is that of the published SCAMPI benchmark and nothing else. Protocol ``full``
adds what is needed to trust its numbers: intervals, chance, class-balanced means, cosine beside
Euclidean, copies and near-copies, groups left out, each class, the best and the worst queries.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from georetrieve.benchmarks.details import (
    confusion_rows,
    curve,
    duplicate_rows,
    example_rows,
    per_class_rows,
    query_rows,
)
from georetrieve.benchmarks.labelled import LabelledVectors, labelled_vectors
from georetrieve.benchmarks.measure import Bootstrap, Judgement, judge
from georetrieve.benchmarks.record import DataFacts, Estimate, RunRecord, encoder_facts
from georetrieve.errors import StoreError
from georetrieve.metrics.classification import Split, stratified_splits, why_not_split
from georetrieve.metrics.duplicates import NEAR_SHARE
from georetrieve.metrics.ranking import SCAMPI_KS
from georetrieve.types import EncoderSpec

__all__ = ["Protocol", "headline", "run_retrieval", "scampi_summary"]

Protocol = Literal["full", "scampi"]

SEEDS = tuple(range(10))
_GROUPS_TO_DRAW = 10
"""Fewest groups a cluster bootstrap is drawn from; fewer make its intervals erratic."""


def run_retrieval(
    vectors: npt.NDArray[np.floating],
    labels: Sequence[str | None],
    ids: Sequence[str],
    *,
    groups: Sequence[str | None] | None = None,
    content_hashes: Sequence[str] | None = None,
    protocol: Protocol = "full",
    index: str = "",
    version: str = "",
    encoder: EncoderSpec | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> RunRecord:
    """Measure retrieval among labelled items and record it.

    Items without a label take no part. An item that is the only one of its class is in every
    gallery, but is no query and is in no split; it is counted in the record.

    Args:
        vectors: (N, D), as the encoder gave them.
        labels: N labels; None or "" for none.
        ids: N item ids; their order, not that of the arguments, decides the splits.
        groups: N groups (slide, well, specimen); None or "" for none.
        content_hashes: N digests of the files the items come from, to count copies.
        protocol: ``scampi`` or ``full``.
        index: Name of the index, for the record.
        version: Version of the index, for the record.
        encoder: What made the vectors, for the record.
        draws: Bootstrap samples of the intervals (protocol ``full``).
        seed: Seed of the bootstrap.

    Raises:
        StoreError: Nothing can be measured: lengths differ, no labels, vectors not finite, or the
            protocol is unknown.
    """
    if protocol not in ("full", "scampi"):
        raise StoreError(f"Unknown protocol {protocol!r}: name 'full' or 'scampi'.")
    start = time.perf_counter()
    data = labelled_vectors(vectors, labels, ids, groups=groups, content_hashes=content_hashes)
    splits, no_splits = _splits(data)
    full = protocol == "full"
    bootstrap = Bootstrap(
        draws=draws if full else 0,
        seed=seed,
        by_group=data.has_groups and len(data.group_names) >= _GROUPS_TO_DRAW,
    )
    main = judge(
        data,
        metric="euclidean",
        ks=SCAMPI_KS,
        bootstrap=bootstrap,
        splits=splits,
        no_splits=no_splits,
    )
    metrics = dict(main.metrics)
    extras: dict[str, Any] = {}
    if full:
        for prefix, other in _further(data, splits, no_splits, bootstrap):
            metrics |= {f"{prefix}/{name}": value for name, value in other.metrics.items()}
        extras = _extras(data, main, splits)
    return RunRecord(
        task="retrieval",
        protocol=protocol,
        data=_facts(data, main, index, version),
        encoder=None if encoder is None else encoder_facts(encoder),
        metrics=metrics,
        settings={
            "ks": list(SCAMPI_KS),
            "split_seeds": list(SEEDS),
            "bootstrap_draws": bootstrap.draws,
            "bootstrap_unit": "group" if bootstrap.by_group else "query",
            "near_duplicate_share": NEAR_SHARE,
        },
        curves={"precision_recall": curve(main)},
        notes=_notes(data, metrics, encoder, bootstrap, full=full),
        seconds=time.perf_counter() - start,
        **({"tables": {"per_class": per_class_rows(data, main)}} | extras),
    )


def _splits(data: LabelledVectors) -> tuple[list[Split], str]:
    """The ten splits of the items whose class repeats, or why there are none."""
    rows = data.repeated
    reason = why_not_split(data.labels[rows])
    if reason:
        return [], reason
    splits = stratified_splits(data.labels[rows], SEEDS)
    return [Split(rows[split.train], rows[split.test]) for split in splits], ""


def _further(
    data: LabelledVectors, splits: list[Split], no_splits: str, bootstrap: Bootstrap
) -> list[tuple[str, Judgement]]:
    """What protocol ``full`` measures beside the published protocol, by metric prefix."""
    by_cosine = judge(
        data,
        metric="cosine",
        ks=SCAMPI_KS,
        bootstrap=bootstrap,
        splits=splits,
        no_splits=no_splits,
    )
    if not data.has_groups:
        return [("cosine", by_cosine)]
    group_out = judge(
        data, metric="euclidean", ks=SCAMPI_KS, bootstrap=bootstrap, exclude_groups=True
    )
    return [("group_out", group_out), ("cosine", by_cosine)]


def _extras(data: LabelledVectors, main: Judgement, splits: list[Split]) -> dict[str, Any]:
    """Tables, examples and per-query values of protocol ``full``."""
    return {
        "tables": {
            "per_class": per_class_rows(data, main),
            "confusion": confusion_rows(data, main),
            "duplicates": duplicate_rows(data, main, splits),
        },
        "examples": {
            "best": example_rows(data, main, best=True),
            "worst": example_rows(data, main, best=False),
        },
        "queries": query_rows(data, main),
    }


def _facts(data: LabelledVectors, main: Judgement, index: str, version: str) -> DataFacts:
    alone = len(data) - len(data.repeated)
    sizes = np.bincount(data.groups + 1, minlength=len(data.group_names) + 1)[1:]
    return DataFacts(
        index=index,
        version=version,
        n_items=data.n_offered,
        n_labelled=len(data),
        n_queries=int(main.ranking.judged.sum()),
        classes=dict(zip(data.classes, np.bincount(data.labels).tolist(), strict=True)),
        groups=dict(zip(data.group_names, sizes.tolist(), strict=True)),
        excluded={"unlabelled": data.n_offered - len(data), "only one of its class": alone},
    )


def _notes(
    data: LabelledVectors,
    metrics: Mapping[str, Estimate],
    encoder: EncoderSpec | None,
    bootstrap: Bootstrap,
    *,
    full: bool,
) -> list[str]:
    notes = []
    if encoder is not None and encoder.adapted:
        notes.append(
            "The encoder's codebook was fitted, without labels, to this same collection: expect "
            "less from it on a collection it has not seen."
        )
    alone = len(data) - len(data.repeated)
    if alone:
        notes.append(
            f"{alone} items are the only ones of their class: they are in every gallery, but are "
            "not queries and not part of nn F1."
        )
    if metrics["nn_f1"].value is None:
        notes.append(f"nn F1 is not defined here. {metrics['nn_f1'].reason}")
    if full:
        notes += _group_notes(data, metrics, bootstrap)
    return notes


def _group_notes(
    data: LabelledVectors, metrics: Mapping[str, Estimate], bootstrap: Bootstrap
) -> list[str]:
    if not data.group_names:
        return [
            "No groups (slides, wells, specimens) are known, so none could be left out: where "
            "several items come from one of them the numbers are higher than for a new one."
        ]
    if len(data.group_names) == 1:
        return [
            f"All items come from one group ({data.group_names[0]}), so it cannot be left out: "
            "the numbers say how well like is found within it, not in another."
        ]
    if not data.has_groups:
        return ["Every item is its own group: leaving the query out leaves its group out."]
    notes = []
    if metrics["group_out/p_at_nr"].value is None:
        notes.append(
            "No class occurs in two groups: with its group left out no query has anything to find."
        )
    if not bootstrap.by_group:
        notes.append(
            f"The intervals draw queries, not groups, since {len(data.group_names)} groups are too "
            "few to draw from: they leave out how much one group differs from another."
        )
    return notes


def headline(record: RunRecord) -> dict[str, Estimate]:
    """The metrics worth a line each: all but the long series of P@k and R@k beyond k = 1 and 10."""
    series = re.compile(r"(.*/)?(precision_at_(?!10?$)\d+|recall_at_\d+)")
    return {
        name: estimate
        for name, estimate in record.metrics.items()
        if series.fullmatch(name) is None
    }


def scampi_summary(record: RunRecord) -> dict[str, Any]:
    """The published benchmark's numbers of a retrieval record, as plain values.

    Returns:
        ``{"nn_f1", "p_at_nr", "pr_auc", "precision_at": {"1": ...}, "recall_at": {...},
        "p_at_nr_by_class": {...}}`` and the numbers of items, queries and classes; a number that
        is not defined is None.

    Raises:
        StoreError: The record is of another task.
    """
    if record.task != "retrieval":
        raise StoreError(
            f"A {record.task!r} record has no retrieval summary: name a retrieval one."
        )
    values = {name: estimate.value for name, estimate in record.metrics.items()}
    ks = [str(k) for k in record.settings["ks"]]
    return {
        "nn_f1": values.get("nn_f1"),
        "p_at_nr": values.get("p_at_nr"),
        "pr_auc": values.get("pr_auc"),
        "precision_at": {k: values.get(f"precision_at_{k}") for k in ks},
        "recall_at": {k: values.get(f"recall_at_{k}") for k in ks},
        "p_at_nr_by_class": {
            str(row["class"]): row["p_at_nr"] for row in record.tables.get("per_class", ())
        },
        "n_items": record.data.n_labelled,
        "n_queries": record.data.n_queries,
        "n_classes": len(record.data.classes),
    }
