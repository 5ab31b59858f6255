"""The classification benchmark on arrays: how well labelled items are called by their like."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from georetrieve.benchmarks.classification import report
from georetrieve.benchmarks.classification.calls import estimates
from georetrieve.benchmarks.classification.found import classify_all, draw_per_class
from georetrieve.benchmarks.classification.scampi import scampi_files
from georetrieve.benchmarks.classification.settings import task_settings
from georetrieve.benchmarks.details import curve, example_rows, query_rows
from georetrieve.benchmarks.item_map import item_map
from georetrieve.benchmarks.labelled import LabelledVectors
from georetrieve.benchmarks.measure import Bootstrap
from georetrieve.benchmarks.record import RunRecord, encoder_facts
from georetrieve.benchmarks.run import BenchmarkRun
from georetrieve.benchmarks.tasks import Task
from georetrieve.types import EncoderSpec, Scalar

__all__ = ["ClassificationRun", "run_classification"]

GROUPS_TO_DRAW = 10
"""Fewest groups a cluster bootstrap is drawn from; fewer make its intervals erratic."""


@dataclass(frozen=True, slots=True)
class ClassificationRun(BenchmarkRun):
    """A run, and tables that are written beside its record as CSV files.

    Attributes:
        files: Rows by the path of the file below the run's folder.
    """

    files: Mapping[str, Sequence[Mapping[str, Scalar]]] = field(default_factory=dict, repr=False)


def run_classification(
    task: Task,
    offered: LabelledVectors,
    *,
    index: str = "",
    version: str = "",
    encoder: EncoderSpec | None = None,
    draws: int = 1000,
    seed: int = 0,
    with_map: bool = True,
) -> ClassificationRun:
    """Measure how well labelled items are called, and record it.

    What takes no part, and why, is in the record's notes.

    Args:
        task: What is measured; a task of kind ``classification``.
        offered: Labelled items, from :func:`~georetrieve.benchmarks.labelled.labelled_vectors`.
            Slices of volumes are known by their ids.
        index: Name of the index, for the record.
        version: Version of the index, for the record.
        encoder: What made the vectors, for the record.
        draws: Bootstrap samples of the intervals; 0: none.
        seed: Seed of the bootstrap and of the map.
        with_map: Whether a map of the items is made, which takes the longest.

    Raises:
        StoreError: Nothing can be measured: a task that is not usable, too few items or classes,
            or vectors that are not finite.
    """
    start = time.perf_counter()
    settings = task_settings(task)
    data = draw_per_class(offered, settings.data.per_class)
    by_group = data.has_groups and len(data.group_names) >= GROUPS_TO_DRAW
    bootstrap = Bootstrap(draws=draws, seed=seed, by_group=by_group)
    found = classify_all(data, settings, bootstrap)
    scores = {
        plan.kind: estimates(data, calls, bootstrap)
        for plan, calls in zip(found.plans, found.calls, strict=True)
        if calls
    }
    curves = {"precision_recall": curve(found.ranking)}
    if with_map:
        names = [data.classes[code] for code in data.labels]
        curves["item_map"] = item_map(data.vectors, names, data.ids, seed=seed)
    record = RunRecord(
        task="classification",
        protocol=task.name,
        data=report.facts(offered, found, index, version),
        encoder=None if encoder is None else encoder_facts(encoder),
        metrics=report.metrics(found, scores),
        settings=report.settings_of(task, settings, bootstrap, found),
        tables=report.tables(found, scores, settings),
        curves=curves,
        examples={
            "best": example_rows(data, found.ranking, best=True),
            "worst": example_rows(data, found.ranking, best=False),
        },
        queries=query_rows(data, found.ranking),
        notes=report.notes(task, encoder, found, scores, bootstrap),
        seconds=time.perf_counter() - start,
    )
    files = scampi_files(found) if settings.probe.scampi_files else {}
    return ClassificationRun(record, files={f"scampi/{name}": rows for name, rows in files.items()})
