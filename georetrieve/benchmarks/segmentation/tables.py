"""Tables of a record of segmentation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from georetrieve.benchmarks.record import Estimate
from georetrieve.benchmarks.segmentation.data import MappedData
from georetrieve.benchmarks.segmentation.measure import Measured
from georetrieve.benchmarks.segmentation.splits import SplitPlan
from georetrieve.metrics.segmentation import (
    SegmentationScores,
    drawing_at_random,
    segmentation_scores,
)
from georetrieve.types import IntArray, Scalar

__all__ = ["confusion_rows", "image_rows", "no_skill_rows", "per_class_rows", "pixels_by_chance"]


def pixels_by_chance(data: MappedData, plan: SplitPlan) -> npt.NDArray[np.float64]:
    """(C, C) pixels expected when each is drawn by how often classes are in what is trained on."""
    expected = np.zeros((len(data.classes), len(data.classes)))
    for fold in plan.folds:
        expected += drawing_at_random(data.shares_in(fold.train), data.pixels_in(fold.test))
    return expected


def per_class_rows(
    data: MappedData,
    total: IntArray,
    metrics: Mapping[str, Estimate],
    scores: SegmentationScores,
) -> list[dict[str, Scalar]]:
    """A row for each class; ``metrics`` has its IoU as ``iou_NAME``."""
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


def confusion_rows(data: MappedData, total: IntArray) -> list[dict[str, Scalar]]:
    """A row for each true and predicted class that meet, and in how many pixels."""
    names = data.classes.names
    return [
        {"true": names[true], "predicted": names[called], "count": int(total[true, called])}
        for true, called in np.argwhere(total)
    ]


def no_skill_rows(data: MappedData, plan: SplitPlan) -> list[dict[str, Scalar]]:
    """Two ways to make a map without looking."""
    majority = np.zeros((len(data.classes), len(data.classes)))
    for fold in plan.folds:
        majority[:, data.shares_in(fold.train).argmax()] += data.pixels_in(fold.test)
    rows: list[dict[str, Scalar]] = []
    for what, pixels in (
        (
            "every pixel drawn by how often classes are in what was trained on",
            pixels_by_chance(data, plan),
        ),
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


def image_rows(data: MappedData, plan: SplitPlan, measured: Measured) -> list[dict[str, Scalar]]:
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


def _or_none(value: float | np.floating | npt.NDArray[np.float64]) -> float | None:
    return None if np.isnan(value) else float(value)
