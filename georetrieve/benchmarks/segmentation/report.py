"""The record of one method on one split, from the pixels that were counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from georetrieve.benchmarks.record import DataFacts, EncoderFacts, Estimate, RunRecord
from georetrieve.benchmarks.segmentation.measure import Measured
from georetrieve.benchmarks.segmentation.splits import SplitPlan
from georetrieve.benchmarks.tasks import Task
from georetrieve.metrics.bootstrap import percentile_interval
from georetrieve.metrics.segmentation import (
    SegmentationScores,
    bootstrap_segmentation,
    drawing_at_random,
    segmentation_scores,
)
from georetrieve.sources.fields import LabelledField
from georetrieve.sources.masks.classes import ClassTable
from georetrieve.types import IntArray, Scalar

__all__ = ["Contender", "MappedData", "make_failure", "make_record"]

_OVERALL = ("mean_iou", "pixel_accuracy", "frequency_weighted_iou", "mean_dice", "mean_recall")


@dataclass(frozen=True, slots=True)
class Contender:
    """A method, and the encoder it has."""

    method: str
    encoder: EncoderFacts | None = None

    @property
    def name(self) -> str:
        """``patch-nn · bundled``."""
        return self.method if self.encoder is None else f"{self.method} · {self.encoder.name}"


@dataclass(frozen=True, slots=True)
class MappedData:
    """Images with their truth.

    Attributes:
        name: What they are called.
        fields: N images.
        classes: C classes.
        pixels: (N, C) labelled pixels of each class.
        offered: Images offered, with those that could not be used.
        excluded: Why images were left out, and how many.
    """

    name: str
    fields: Sequence[LabelledField]
    classes: ClassTable
    pixels: IntArray
    offered: int
    excluded: Mapping[str, int]

    @property
    def groups(self) -> IntArray:
        """(N,) number of each image's group, -1 for an image without one."""
        names = [one.field.group for one in self.fields]
        known = sorted({name for name in names if name})
        return np.array([known.index(name) if name else -1 for name in names], np.int64)


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
    chance = segmentation_scores(_chance(data, plan))
    drawn, by_group = _bootstrap(data, measured, confusions, settings)
    metrics = {
        name: _estimate(name, None, scores, chance, drawn, int(total.sum())) for name in _OVERALL
    }
    for place, name in enumerate(data.classes.names):
        metrics[f"iou_{name}"] = _estimate("iou", place, scores, chance, drawn, int(total.sum()))
    metrics |= _times(measured)
    images = _images(data, plan, measured)
    return RunRecord(
        task="segmentation",
        protocol=task.name,
        data=_facts(data, plan),
        encoder=contender.encoder,
        metrics=metrics,
        settings=_settings(contender, plan, data, settings) | {"bootstrap_by_group": by_group},
        tables={
            "per_class": _per_class(data, total, metrics, scores),
            "confusion": _confusion(data, total),
            "no_skill": _no_skill(data, plan),
        },
        queries=images,
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


def _chance(data: MappedData, plan: SplitPlan) -> npt.NDArray[np.float64]:
    """(C, C) pixels expected when each is drawn by how often classes are in what is trained on."""
    expected = np.zeros((len(data.classes), len(data.classes)))
    for fold in plan.folds:
        expected += drawing_at_random(_shares(data, fold.train), _sum(data, fold.test))
    return expected


def _shares(data: MappedData, places: Sequence[int]) -> npt.NDArray[np.float64]:
    counts = _sum(data, places)
    shares: npt.NDArray[np.float64] = counts / max(1, counts.sum())
    return shares


def _sum(data: MappedData, places: Sequence[int]) -> IntArray:
    counts: IntArray = data.pixels[list(places)].sum(axis=0)
    return counts


def _bootstrap(
    data: MappedData, measured: Measured, confusions: IntArray, settings: Mapping[str, Any]
) -> tuple[SegmentationScores | None, bool]:
    """Scores of bootstrap samples, and whether whole groups were drawn."""
    groups = data.groups[measured.places]
    by_group = len(np.unique(groups[groups >= 0])) > 1
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
    if drawn is not None:
        low, high = percentile_interval(getattr(drawn, name)[(..., *at)], around=value)
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


def _per_class(
    data: MappedData,
    total: IntArray,
    metrics: Mapping[str, Estimate],
    scores: SegmentationScores,
) -> list[dict[str, Scalar]]:
    rows: list[dict[str, Scalar]] = []
    for place, name in enumerate(data.classes.names):
        iou = metrics[f"iou_{name}"]
        rows.append(
            {
                "class": name,
                "pixels": int(total[place].sum()),
                "mapped": int(total[:, place].sum()),
                "iou": iou.value,
                "iou_low": iou.low,
                "iou_high": iou.high,
                "iou_chance": iou.chance,
                "dice": _or_none(scores.dice[place]),
                "recall": _or_none(scores.recall[place]),
                "precision": _or_none(scores.precision[place]),
            }
        )
    return rows


def _confusion(data: MappedData, total: IntArray) -> list[dict[str, Scalar]]:
    names = data.classes.names
    return [
        {"true": names[true], "predicted": names[called], "count": int(total[true, called])}
        for true, called in np.argwhere(total)
    ]


def _no_skill(data: MappedData, plan: SplitPlan) -> list[dict[str, Scalar]]:
    """Two ways to make a map without looking."""
    majority = np.zeros((len(data.classes), len(data.classes)))
    for fold in plan.folds:
        majority[:, _shares(data, fold.train).argmax()] += _sum(data, fold.test)
    rows: list[dict[str, Scalar]] = []
    for what, pixels in (
        ("every pixel drawn by how often classes are in what was trained on", _chance(data, plan)),
        ("every pixel of the commonest class", majority),
    ):
        scores = segmentation_scores(pixels)
        rows.append(
            {
                "map": what,
                "mean_iou": _or_none(scores.mean_iou),
                "pixel_accuracy": _or_none(scores.pixel_accuracy),
            }
        )
    return rows


def _images(data: MappedData, plan: SplitPlan, measured: Measured) -> list[dict[str, Scalar]]:
    """A row for each tested image."""
    fold_of = {place: number for number, fold in enumerate(plan.folds) for place in fold.test}
    rows: list[dict[str, Scalar]] = []
    for place, confusion in zip(measured.places, measured.confusions, strict=True):
        scores = segmentation_scores(confusion)
        named = zip(data.classes.names, scores.iou, strict=True)
        rows.append(
            {
                "image": data.fields[place].field.name,
                "group": data.fields[place].field.group,
                "fold": fold_of[place],
                "pixels": int(confusion.sum()),
                "mean_iou": _or_none(scores.mean_iou),
                "pixel_accuracy": _or_none(scores.pixel_accuracy),
                **{f"iou_{name}": _or_none(value) for name, value in named},
            }
        )
    return rows


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
    if any((_sum(data, fold.train) == 0)[_sum(data, fold.test) > 0].any() for fold in plan.folds):
        notes.append("Some tested images hold a class that the images trained on have not.")
    return notes


def _or_none(value: float | np.floating | npt.NDArray[np.float64]) -> float | None:
    return None if np.isnan(value) else float(value)
