"""The record of one method on one split, from the pixels that were counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from georetrieve.benchmarks.record import DataFacts, Estimate, RunRecord
from georetrieve.benchmarks.segmentation.data import Contender, MappedData
from georetrieve.benchmarks.segmentation.measure import Measured
from georetrieve.benchmarks.segmentation.splits import SplitPlan
from georetrieve.benchmarks.segmentation.tables import (
    confusion_rows,
    image_rows,
    no_skill_rows,
    per_class_rows,
    pixels_by_chance,
)
from georetrieve.benchmarks.tasks import Task
from georetrieve.metrics.bootstrap import percentile_interval
from georetrieve.metrics.segmentation import (
    SegmentationScores,
    bootstrap_segmentation,
    segmentation_scores,
)
from georetrieve.types import IntArray

__all__ = ["make_failure", "make_record"]

FEWEST_GROUPS = 10
"""Groups from which a cluster bootstrap is drawn; of fewer its intervals are erratic."""


_OVERALL = ("mean_iou", "pixel_accuracy", "frequency_weighted_iou", "mean_dice", "mean_recall")


def make_record(
    task: Task,
    data: MappedData,
    contender: Contender,
    plan: SplitPlan,
    measured: Measured,
    settings: Mapping[str, Any],
    *,
    seconds: float,
) -> RunRecord:
    """Everything a report may say of a method that was measured.

    Args:
        task: What was measured.
        data: On what.
        contender: Of whom.
        plan: What was trained on and tested.
        measured: Pixels and seconds.
        settings: ``draws`` and ``seed`` among them.
        seconds: How long it all took.
    """
    confusions = np.stack(measured.confusions)
    total = confusions.sum(axis=0)
    scores = segmentation_scores(total)
    chance = segmentation_scores(pixels_by_chance(data, plan))
    drawn, by_group = _bootstrap(data, measured, confusions, settings)
    metrics = {
        name: _estimate(name, None, scores, chance, drawn, int(total.sum())) for name in _OVERALL
    }
    for place, name in enumerate(data.classes.names):
        metrics[f"iou_{name}"] = _estimate("iou", place, scores, chance, drawn, int(total.sum()))
    metrics |= _times(measured)
    return RunRecord(
        task="segmentation",
        protocol=task.name,
        data=_facts(data, plan),
        encoder=contender.encoder,
        metrics=metrics,
        settings=_settings(contender, plan, data, settings) | {"bootstrap_by_group": by_group},
        tables={
            "per_class": per_class_rows(data, total, metrics, scores),
            "confusion": confusion_rows(data, total),
            "no_skill": no_skill_rows(data, plan),
        },
        queries=image_rows(data, plan, measured),
        notes=_notes(task, data, plan),
        seconds=seconds,
    )


def make_failure(
    task: Task,
    data: MappedData,
    contender: Contender,
    plan: SplitPlan,
    settings: Mapping[str, Any],
    reason: str,
) -> RunRecord:
    """The record of a method that could not be measured, and why."""
    return RunRecord(
        task="segmentation",
        protocol=task.name,
        data=_facts(data, plan),
        encoder=contender.encoder,
        metrics={"mean_iou": Estimate(None, reason=reason)},
        settings=_settings(contender, plan, data, settings),
        notes=_notes(task, data, plan),
    )


def _bootstrap(
    data: MappedData, measured: Measured, confusions: IntArray, settings: Mapping[str, Any]
) -> tuple[SegmentationScores | None, bool]:
    """Scores of bootstrap samples, and whether whole groups were drawn."""
    groups = data.groups[measured.places]
    by_group = len(np.unique(groups[groups >= 0])) >= FEWEST_GROUPS
    if not settings["draws"] or len(confusions) < 2:
        return None, False
    drawn = bootstrap_segmentation(
        confusions,
        draws=settings["draws"],
        seed=settings["seed"],
        clusters=groups if by_group else None,
    )
    return drawn, by_group


def _estimate(
    name: str,
    place: int | None,
    scores: SegmentationScores,
    chance: SegmentationScores,
    drawn: SegmentationScores | None,
    pixels: int,
) -> Estimate:
    """A score of a class or, without a place, of all."""
    at = () if place is None else (place,)
    value = float(getattr(scores, name)[at])
    if np.isnan(value):
        return Estimate(None, reason="Neither the truth nor the map has this class.")
    low = high = None
    samples = None if drawn is None else getattr(drawn, name)[(..., *at)]
    if samples is not None and not np.isnan(samples).all():
        low, high = percentile_interval(samples, around=value)
    expected = float(getattr(chance, name)[at])
    return Estimate(value, low, high, None if np.isnan(expected) else expected, pixels)


def _times(measured: Measured) -> dict[str, Estimate]:
    return {
        "fit_seconds": Estimate(measured.fit_seconds),
        "fit_megapixels_per_second": Estimate(
            measured.fit_pixels / 1e6 / max(measured.fit_seconds, 1e-9)
        ),
        "map_seconds": Estimate(measured.map_seconds),
        "map_megapixels_per_second": Estimate(
            measured.map_pixels / 1e6 / max(measured.map_seconds, 1e-9)
        ),
    }


def _facts(data: MappedData, plan: SplitPlan) -> DataFacts:
    names = [one.field.group for one in data.fields]
    total = data.pixels.sum(axis=0)
    return DataFacts(
        index=data.name,
        n_items=data.offered,
        n_labelled=len(data.fields),
        n_queries=plan.tested,
        classes={name: int(count) for name, count in zip(data.classes.names, total, strict=True)},
        groups={name: names.count(name) for name in sorted({name for name in names if name})},
        excluded=data.excluded,
    )


def _settings(
    contender: Contender, plan: SplitPlan, data: MappedData, settings: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "method": contender.method,
        "split": plan.name,
        "train": plan.train,
        "folds": [
            {
                "trained_on": [data.fields[place].field.name for place in fold.train],
                "tested": [data.fields[place].field.name for place in fold.test],
            }
            for fold in plan.folds
        ],
        **settings,
    }


def _notes(task: Task, data: MappedData, plan: SplitPlan) -> list[str]:
    notes = [*task.notes]
    groups = data.groups
    shared = any(
        set(groups[list(fold.train)]) & set(groups[list(fold.test)]) - {-1} for fold in plan.folds
    )
    if shared:
        notes.append(
            "Images of one slide, core or volume are both trained on and tested: this says how "
            "well the rest of a sample is mapped, not how well a new one is."
        )
    met = ((data.pixels_in(fold.train) > 0, data.pixels_in(fold.test) > 0) for fold in plan.folds)
    if any((tested & ~trained).any() for trained, tested in met):
        notes.append("Some tested images hold a class that the images trained on have not.")
    return notes
