"""How well a map agrees with the truth: intersection over union and its relatives, by pixels.

Everything is computed from a confusion matrix summed over all pixels of the data set, as PASCAL VOC
does it (M. Everingham et al., 2010), and not as a mean over images: a class that fills ten pixels
of one image would count there as much as in an image it fills. A pixel whose truth is void counts
nowhere. A score of a class without a denominator is nan, and takes no part in a mean: IoU and Dice
are missing only for a class that neither the truth nor the map has, recall for one that the truth
has not, precision for one that the map has not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from georetrieve.errors import StoreError
from georetrieve.metrics.bootstrap import resampling_counts
from georetrieve.metrics.ranking import DoubleArray
from georetrieve.types import IntArray

__all__ = [
    "ConfusionCounts",
    "SegmentationScores",
    "bootstrap_segmentation",
    "drawing_at_random",
    "segmentation_scores",
]

_BLOCK_BYTES = 64 * 2**20


@dataclass(slots=True)
class ConfusionCounts:
    """Pixels counted by their true and their predicted class, band after band.

    Attributes:
        n_classes: C.
        matrix: (C, C) pixels so far; rows are true classes, columns predicted ones.
        void: Pixels so far whose truth is void.
    """

    n_classes: int
    matrix: IntArray = field(init=False)
    void: int = 0

    def __post_init__(self) -> None:
        self.matrix = np.zeros((self.n_classes, self.n_classes), np.int64)

    def update(
        self, truth: npt.NDArray[np.integer], predicted: npt.NDArray[np.integer], *, void: int = -1
    ) -> None:
        """Count some pixels.

        Args:
            truth: Class numbers, 0..C-1 or ``void``, of any shape.
            predicted: Class numbers, 0..C-1, of the same shape.
            void: Number of pixels that are not judged.

        Raises:
            StoreError: The shapes differ, or a class is out of range.
        """
        if truth.shape != predicted.shape:
            raise StoreError(
                f"A truth of shape {truth.shape} and a map of shape {predicted.shape} are not of "
                "the same pixels; compare equal regions."
            )
        judged = truth != void
        true, called = truth[judged].astype(np.int64), predicted[judged].astype(np.int64)
        for what, classes in (("truth", true), ("map", called)):
            if classes.size and not (classes.min() >= 0 and classes.max() < self.n_classes):
                raise StoreError(
                    f"The {what} holds classes {classes.min()} to {classes.max()}; of "
                    f"{self.n_classes} classes the numbers are 0 to {self.n_classes - 1}."
                )
        cells = np.bincount(true * self.n_classes + called, minlength=self.n_classes**2)
        self.matrix += cells.reshape(self.matrix.shape)
        self.void += int(judged.size - judged.sum())


@dataclass(frozen=True, slots=True)
class SegmentationScores:
    """Scores of a map, or of many at once (leading dimensions are kept); nan where not defined.

    Attributes:
        iou: (..., C) intersection over union (Jaccard): TP / (TP + FP + FN).
        dice: (..., C) 2 TP / (2 TP + FP + FN), which is F1.
        recall: (..., C) TP / (TP + FN): share of a class's pixels that are found.
        precision: (..., C) TP / (TP + FP): share of the pixels called by its name that are.
        mean_iou: (...) mean of ``iou`` over the classes that the truth or the map has.
        mean_dice: (...) likewise of ``dice``.
        mean_recall: (...) mean of ``recall`` over the classes that the truth has, also called
            balanced or mean pixel accuracy.
        pixel_accuracy: (...) share of all pixels that are right.
        frequency_weighted_iou: (...) mean of ``iou``, classes weighed by their true pixels.
    """

    iou: DoubleArray
    dice: DoubleArray
    recall: DoubleArray
    precision: DoubleArray
    mean_iou: DoubleArray
    mean_dice: DoubleArray
    mean_recall: DoubleArray
    pixel_accuracy: DoubleArray
    frequency_weighted_iou: DoubleArray


def segmentation_scores(confusion: npt.NDArray[np.integer] | DoubleArray) -> SegmentationScores:
    """Scores from (..., C, C) pixels; rows are true classes, columns predicted ones."""
    pixels = confusion.astype(np.float64)
    hit = np.diagonal(pixels, axis1=-2, axis2=-1)
    true, called = pixels.sum(axis=-1), pixels.sum(axis=-2)
    total = pixels.sum(axis=(-2, -1))
    iou = _ratio(hit, true + called - hit)
    dice = _ratio(2 * hit, true + called)
    recall = _ratio(hit, true)
    return SegmentationScores(
        iou=iou,
        dice=dice,
        recall=recall,
        precision=_ratio(hit, called),
        mean_iou=_mean(iou),
        mean_dice=_mean(dice),
        mean_recall=_mean(recall),
        pixel_accuracy=_ratio(hit.sum(axis=-1), total),
        frequency_weighted_iou=_ratio((true * np.nan_to_num(iou)).sum(axis=-1), total),
    )


def bootstrap_segmentation(
    confusions: IntArray, *, draws: int = 1000, seed: int = 0, clusters: IntArray | None = None
) -> SegmentationScores:
    """Scores of bootstrap samples of whole images, each of (B, ...).

    Pixels of an image are not independent, images are, or their groups.

    Args:
        confusions: (N, C, C) pixels of each of N images.
        draws: B.
        seed: Seed of the draws.
        clusters: (N,) groups of images, drawn whole; -1 for an image that is its own.

    Raises:
        StoreError: There are no images or no draws.
    """
    images, classes, _ = confusions.shape
    flat = confusions.reshape(images, -1).astype(np.float64)
    step = max(1, _BLOCK_BYTES // (8 * classes**2))
    parts: list[SegmentationScores] = []
    for counts in resampling_counts(images, draws=draws, seed=seed, clusters=clusters):
        for start in range(0, len(counts), step):
            drawn = counts[start : start + step] @ flat
            parts.append(segmentation_scores(drawn.reshape(-1, classes, classes)))
    names = SegmentationScores.__dataclass_fields__
    return SegmentationScores(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    )


def drawing_at_random(shares: DoubleArray, truth: IntArray) -> DoubleArray:
    """(C, C) pixels expected of a map whose every pixel is drawn by the classes' shares.

    What no skill at all gives: its scores are the chance level of a benchmark.

    Args:
        shares: (C,) how often each class is drawn, of sum 1: its frequency in what was trained on.
        truth: (C,) true pixels of each class.
    """
    return np.outer(truth, shares)


def _ratio(part: DoubleArray, whole: DoubleArray) -> DoubleArray:
    out = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out


def _mean(values: DoubleArray) -> DoubleArray:
    """Mean over the last axis of what is not nan; nan where there is nothing."""
    there = ~np.isnan(values)
    return _ratio(np.where(there, values, 0.0).sum(axis=-1), there.sum(axis=-1).astype(np.float64))
