"""The methods that judge every pixel by its own features, as data: one line a method."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from georetrieve.baselines.forest import fit_forest, read_forest
from georetrieve.baselines.fuzzy import fit_fuzzy, read_fuzzy
from georetrieve.baselines.kmeans import fit_kmeans, read_kmeans
from georetrieve.baselines.otsu import fit_otsu, read_otsu
from georetrieve.baselines.pixel_features import PixelFeatures, PixelKind
from georetrieve.baselines.pixel_segmenter import PixelModel, PixelSegmenter
from georetrieve.baselines.training_pixels import TrainingPixels, draw_pixels, shared_view_names
from georetrieve.errors import SourceError, StoreError
from georetrieve.probes.segmentation.model_file import read_model
from georetrieve.protocols import Progress
from georetrieve.sources.fields import LabelledField
from georetrieve.sources.masks.classes import ClassTable

__all__ = ["PIXEL_METHODS", "PixelMethod", "fit_pixel_segmenter", "load_pixel_segmenter"]


@dataclass(frozen=True, slots=True)
class PixelMethod:
    """A method that judges pixels.

    Attributes:
        title: What it is, in a few words.
        kind: What it sees of a pixel.
        limit: Most labelled pixels it is fitted to.
        power: Classes are drawn by their pixels to this power; see :func:`draw_pixels`.
        fit: (training pixels, seed) → model.
        read: (tensors of a file, C, F) → model.
    """

    title: str
    kind: PixelKind
    limit: int
    power: float
    fit: Callable[[TrainingPixels, int], PixelModel]
    read: Callable[[Mapping[str, npt.NDArray[Any]], int, int], PixelModel]


PIXEL_METHODS: Mapping[str, PixelMethod] = {
    "otsu": PixelMethod(
        "multi-Otsu thresholds of the grey value", "grey", 1_000_000, 1, fit_otsu, read_otsu
    ),
    "otsu-nlm": PixelMethod(
        "multi-Otsu after non-local means", "denoised", 1_000_000, 1, fit_otsu, read_otsu
    ),
    "kmeans": PixelMethod(
        "k-means of colour or grey", "values", 200_000, 1, fit_kmeans, read_kmeans
    ),
    "fuzzy": PixelMethod(
        "fuzzy c-means of colour or grey", "values", 50_000, 1, fit_fuzzy, read_fuzzy
    ),
    "forest": PixelMethod(
        "random forest on a filter bank", "filters", 50_000, 0.5, fit_forest, read_forest
    ),
}


def fit_pixel_segmenter(
    method: str,
    fields: Sequence[LabelledField],
    classes: ClassTable,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> PixelSegmenter:
    """Fit one of :data:`PIXEL_METHODS` to labelled fields of view.

    Raises:
        SourceError: Nothing is labelled, or the fields cannot be fitted to together.
    """
    how = PIXEL_METHODS[method]
    names = shared_view_names(fields)
    pixels = draw_pixels(
        fields,
        how.kind,
        len(classes),
        limit=how.limit,
        power=how.power,
        seed=seed,
        progress=progress,
    )
    return PixelSegmenter(method, classes, names, pixels.features, how.fit(pixels, seed))


def load_pixel_segmenter(path: Path) -> PixelSegmenter:
    """Read what :meth:`PixelSegmenter.save` wrote.

    Raises:
        StoreError: The file is missing, damaged, or of another kind of method.
    """
    method, facts, tensors = read_model(path)
    if method not in PIXEL_METHODS:
        raise StoreError(f"{path} holds a model of {method!r}, not one that judges pixels.")
    try:
        classes = ClassTable.from_json(facts["classes"])
        view_names = tuple(map(str, facts["view_names"]))
        features = PixelFeatures.from_json(facts["features"])
    except (KeyError, TypeError, AttributeError, SourceError) as error:
        raise StoreError(f"The model {path} is damaged ({error}); fit it again.") from error
    model = PIXEL_METHODS[method].read(tensors, len(classes), features.width)
    return PixelSegmenter(method, classes, view_names, features, model)
