"""Features of the patches of a field of view, in bands, whatever its size and number of views."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from georetrieve.encoders.windows import window_bands
from georetrieve.probes.segmentation.enlarging import enlarged
from georetrieve.probes.segmentation.resampling import resampled
from georetrieve.probes.segmentation.settings import PatchSettings
from georetrieve.protocols import DensePatchEncoder
from georetrieve.sources.fields import FieldOfView
from georetrieve.types import FloatArray

__all__ = ["CellGrid", "cell_features", "cell_grid", "unit_length"]

WINDOW_PX = 512
SMALLEST = 1e-12


@dataclass(frozen=True, slots=True)
class CellGrid:
    """Where the cells that features belong to lie in a field: patches, or what they are made into.

    Attributes:
        columns: Cells across.
        rows: Cells down; the last row and column may reach beyond the field.
        cell_px: (width, height) of a cell, pixels of the field.
    """

    columns: int
    rows: int
    cell_px: tuple[float, float]


def cell_grid(
    encoder: DensePatchEncoder, size: tuple[int, int], settings: PatchSettings
) -> CellGrid:
    """The cells of a field of (width, height) pixels."""
    if settings.cells is not None:
        side = settings.cells
        return CellGrid(side, side, (size[0] / side, size[1] / side))
    new_size = _new_size(size, settings)
    columns, rows = (math.ceil(length / encoder.patch_px) for length in new_size)
    width, height = (encoder.patch_px * old / new for old, new in zip(size, new_size, strict=True))
    return CellGrid(columns, rows, (width, height))


def cell_features(
    encoder: DensePatchEncoder, field: FieldOfView, settings: PatchSettings
) -> Iterator[tuple[int, FloatArray]]:
    """Yield the features of a field's cells from the top, in bands.

    Each view's are brought to length 1 before they are joined, so that none outweighs another.

    Yields:
        Number of a band's first row of cells, and its (rows, columns, views × D) features, of
        length 1.

    Raises:
        SourceError: A region of the field cannot be read.
        EncoderError: Window or stride do not suit the encoder.
    """
    views = [_view_features(encoder, field, view, settings) for view in range(len(field.views))]
    for parts in zip(*views, strict=True):
        joined = np.concatenate([unit_length(features) for _, features in parts], axis=2)
        yield parts[0][0], unit_length(joined)


def unit_length(features: FloatArray) -> FloatArray:
    """Divide by the length along the last axis; zeros stay zeros."""
    lengths = np.sqrt(np.einsum("...d,...d->...", features, features))[..., None]
    unit: FloatArray = features / np.maximum(lengths, SMALLEST)
    return unit


def _view_features(
    encoder: DensePatchEncoder, field: FieldOfView, view: int, settings: PatchSettings
) -> Iterator[tuple[int, FloatArray]]:
    new_size = _new_size(field.size, settings)
    window, stride = _window(encoder, settings)
    bands = window_bands(
        encoder,
        resampled(field.views[view], field.size, new_size),
        new_size,
        window_px=window,
        stride_px=stride,
        batch_size=settings.batch_size,
    )
    if settings.cells is None:
        return bands
    columns, rows = (math.ceil(length / encoder.patch_px) for length in new_size)
    cell = settings.cells * encoder.patch_px / new_size[0]
    cells = (settings.cells, settings.cells)
    return enlarged(bands, (columns, rows), (cell, cell), cells)


def _new_size(size: tuple[int, int], settings: PatchSettings) -> tuple[int, int]:
    if settings.side_px is not None:
        return settings.side_px, settings.side_px
    width, height = (max(1, round(length * settings.scale)) for length in size)
    return width, height


def _window(encoder: DensePatchEncoder, settings: PatchSettings) -> tuple[int, int]:
    """Window and stride, in whole patches."""
    patch = encoder.patch_px
    native = encoder.spec.transform.get("crop", WINDOW_PX)  # what a network was trained on
    window = settings.window_px or max(patch, int(native) // patch * patch)
    stride = settings.stride_px or max(patch, window // 2 // patch * patch)
    return window, stride
