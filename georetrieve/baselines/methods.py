"""All methods of segmentation by name: patch neighbours, and what they are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from georetrieve.baselines.pixel_methods import (
    PIXEL_METHODS,
    fit_pixel_segmenter,
    load_pixel_segmenter,
)
from georetrieve.errors import StoreError, did_you_mean
from georetrieve.probes.segmentation.interface import Segmenter
from georetrieve.probes.segmentation.model_file import read_model
from georetrieve.probes.segmentation.settings import PatchSettings
from georetrieve.protocols import DensePatchEncoder, Progress
from georetrieve.sources.fields import LabelledField
from georetrieve.sources.masks.classes import ClassTable

if TYPE_CHECKING:
    from georetrieve.encoders.runtime import Runtime

__all__ = ["METHODS", "PATCH_METHOD", "fit_segmenter", "load_segmenter"]

PATCH_METHOD = "patch-nn"

METHODS: dict[str, str] = {
    PATCH_METHOD: "vote of the nearest labelled patches",
    **{name: method.title for name, method in PIXEL_METHODS.items()},
}
"""What each method is, by its name; all but the first do without an encoder."""


def fit_segmenter(
    method: str,
    fields: Sequence[LabelledField],
    classes: ClassTable,
    *,
    encoder: str | DensePatchEncoder = "bundled",
    settings: PatchSettings | None = None,
    runtime: Runtime | None = None,
    progress: Progress | None = None,
) -> Segmenter:
    """Fit a method to labelled fields of view.

    Args:
        method: One of :data:`METHODS`.
        fields: With the same views; their void pixels train nothing.
        classes: The C classes of their labels; one without a labelled pixel is never predicted.
        encoder: Whose patches; of ``patch-nn``.
        settings: How they are kept and vote; of ``patch-nn``. Every method takes its seed.
        runtime: How the encoder runs; of ``patch-nn``.
        progress: Told about it.

    Raises:
        StoreError: There is no such method.
        SourceError: Nothing is labelled, or the fields cannot be fitted to together.
    """
    chosen = PatchSettings() if settings is None else settings
    _known(method)
    if method != PATCH_METHOD:
        return fit_pixel_segmenter(method, fields, classes, seed=chosen.seed, progress=progress)
    # Imported here: the baselines need no network library.
    from georetrieve.probes.segmentation.fit import fit_patch_segmenter

    return fit_patch_segmenter(
        fields, classes, encoder=encoder, settings=chosen, runtime=runtime, progress=progress
    )


def load_segmenter(path: Path, *, runtime: Runtime | None = None) -> Segmenter:
    """Read a model of any method.

    Args:
        path: What :meth:`Segmenter.save` wrote.
        runtime: How an encoder runs, where the method has one.

    Raises:
        StoreError: The file is missing, damaged, or of a method this version does not know.
    """
    method, _, _ = read_model(path)
    _known(method)
    if method != PATCH_METHOD:
        return load_pixel_segmenter(path)
    from georetrieve.probes.segmentation.fit import load_patch_segmenter

    return load_patch_segmenter(path, runtime=runtime)


def _known(method: str) -> None:
    if method not in METHODS:
        raise StoreError(f"Unknown method {method!r}.{did_you_mean(method, METHODS)}")
