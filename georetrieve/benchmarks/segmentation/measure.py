"""One method, measured on one split."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from georetrieve.benchmarks.segmentation.previews import Preview, PreviewMaker
from georetrieve.benchmarks.segmentation.splits import SplitPlan
from georetrieve.metrics.segmentation import ConfusionCounts
from georetrieve.probes.segmentation.interface import Segmenter
from georetrieve.protocols import Progress
from georetrieve.sources.fields import FieldOfView, LabelledField
from georetrieve.types import IntArray, Region

__all__ = ["Fit", "Measured", "class_pixels", "measure_method"]

Fit = Callable[[Sequence[LabelledField]], Segmenter]
"""Fits a method to labelled fields."""

_ROWS = 512


@dataclass(slots=True)
class Measured:
    """What came of it.

    Attributes:
        places: T places of the tested images among all, fold after fold.
        confusions: T (C, C) pixels: rows are true classes, columns predicted ones.
        previews: T small maps.
        fit_seconds: Over all folds.
        fit_pixels: Pixels of the images trained on, over all folds.
        map_seconds: Over all tested images; without reading their truth.
        map_pixels: Pixels mapped.
        facts: What the method says of itself.
    """

    places: list[int] = field(default_factory=list)
    confusions: list[IntArray] = field(default_factory=list)
    previews: list[Preview] = field(default_factory=list)
    fit_seconds: float = 0.0
    fit_pixels: int = 0
    map_seconds: float = 0.0
    map_pixels: int = 0


def measure_method(
    fit: Fit,
    plan: SplitPlan,
    fields: Sequence[LabelledField],
    n_classes: int,
    *,
    progress: Progress | None = None,
) -> Measured:
    """Fit a method to what each fold trains on, and map what it tests.

    Raises:
        GeoRetrieveError: An image cannot be read, or the method not be fitted.
    """
    measured = Measured()
    for fold in plan.folds:
        training = [fields[place] for place in fold.train]
        start = time.perf_counter()
        segmenter = fit(training)
        measured.fit_seconds += time.perf_counter() - start
        measured.fit_pixels += sum(_pixels(one.field) for one in training)
        if progress:
            progress.start("Mapping", len(fold.test), "images")
        for place in fold.test:
            _map(segmenter, place, fields[place], n_classes, measured)
            if progress:
                progress.advance()
        if progress:
            progress.finish()
    return measured


def class_pixels(fields: Sequence[LabelledField], n_classes: int) -> IntArray:
    """(N, C) labelled pixels of each class in each of N images."""
    counts = np.zeros((len(fields), n_classes), np.int64)
    for number, one in enumerate(fields):
        width, height = one.field.size
        for top in range(0, height, _ROWS):
            labels = one.truth.read(Region(0, top, width, min(_ROWS, height - top)))
            counts[number] += np.bincount(labels[labels >= 0], minlength=n_classes)
    return counts


def _map(
    segmenter: Segmenter, place: int, tested: LabelledField, n_classes: int, measured: Measured
) -> None:
    counts, preview = ConfusionCounts(n_classes), PreviewMaker(tested.field.size)
    start = time.perf_counter()
    for band in segmenter.segment(tested.field):
        measured.map_seconds += time.perf_counter() - start
        rows, width, _ = band.probabilities.shape
        truth = tested.truth.read(Region(0, band.top, width, rows))
        counts.update(truth, band.probabilities.argmax(axis=-1))
        preview.add(band)
        start = time.perf_counter()
    measured.map_seconds += time.perf_counter() - start
    measured.map_pixels += _pixels(tested.field)
    measured.places.append(place)
    measured.confusions.append(counts.matrix)
    measured.previews.append(preview.preview())


def _pixels(one: FieldOfView) -> int:
    width, height = one.size
    return width * height
