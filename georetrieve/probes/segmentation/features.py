"""Features of the patches of a field of view, in bands, whatever its size and number of views."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from georetrieve.encoders.windows import PatchGrids, window_bands, window_cells
from georetrieve.probes.segmentation.enlarging import enlarged
from georetrieve.probes.segmentation.resampling import resampled
from georetrieve.probes.segmentation.scaling import FeatureScaling
from georetrieve.probes.segmentation.settings import PatchSettings
from georetrieve.protocols import DensePatchEncoder, LocalPatchEncoder
from georetrieve.sources.fields import FieldOfView
from georetrieve.types import FloatArray, IntArray

__all__ = ["CellGrid", "cell_features", "cell_grid", "some_features", "unit_length"]

WINDOW_PX = 384
STRIP_VALUES = 1 << 22  # numbers given at once: 16 MiB, more than a row of a wide image has
SMALLEST = 1e-12
BATCH_VALUES = 1 << 24  # features of windows held at once


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
    side = encoder.patch_px * settings.pool
    columns, rows = (math.ceil(length / side) for length in new_size)
    width, height = (side * old / new for old, new in zip(size, new_size, strict=True))
    return CellGrid(columns, rows, (width, height))


def cell_features(
    encoder: DensePatchEncoder,
    field: FieldOfView,
    settings: PatchSettings,
    scaling: FeatureScaling | None = None,
) -> Iterator[tuple[int, FloatArray]]:
    """Yield the features of a field's cells from the top, in bands.

    Each view's are brought to length 1 before they are joined, so that none outweighs another.
    Scaled features are few, and made so window by window, so that no more is held.

    Yields:
        Number of a band's first row of cells, and its (rows, columns, views × D) features, of
        length 1; with a scaling (rows, columns, K + 1).

    Raises:
        SourceError: A region of the field cannot be read.
        EncoderError: Window or stride do not suit the encoder.
    """
    count = len(field.views)
    seen: list[PatchGrids] = [encoder] * count
    if scaling is not None:
        seen = [_Placed(encoder, axes) for axes in scaling.of_views(count)]
    window, stride = _window(encoder, settings)
    batch = _batch(encoder, window, settings)
    views = [
        _view_features(one, field, view, settings, (window, stride, batch))
        for view, one in enumerate(seen)
    ]
    for parts in zip(*views, strict=True):
        top, band = parts[0]
        step = max(1, STRIP_VALUES // (band[0].size * len(parts)))
        for first in range(0, len(band), step):
            some = [features[first : first + step] for _, features in parts]
            yield top + first, _joined(some) if scaling is None else scaling.lifted(some)


def some_features(
    encoder: DensePatchEncoder, field: FieldOfView, cells: IntArray, settings: PatchSettings
) -> Iterator[FloatArray]:
    """Yield the features of some cells of a field, the same as :func:`cell_features` gives.

    Where cells are patches, only the windows that show one of them are read and encoded: a few
    clicks on a whole slide cost no more than on a photograph.

    Args:
        encoder: Whose.
        field: The image.
        cells: (M,) row × columns + column, rising.
        settings: How.

    Yields:
        (n, views × D) features of length 1 of the next n cells.

    Raises:
        SourceError: A region of the field cannot be read.
        EncoderError: Window or stride do not suit the encoder.
    """
    if settings.cells is None and settings.pool == 1:
        new_size, (window, stride) = _new_size(field.size, settings), _window(encoder, settings)
        views = [
            window_cells(
                encoder,
                resampled(read, field.size, new_size),
                new_size,
                cells,
                window_px=window,
                stride_px=stride,
                batch_size=_batch(encoder, window, settings),
            )
            for read in field.views
        ]
        for parts in zip(*views, strict=True):
            yield _joined([features for _, features in parts])
        return
    columns = cell_grid(encoder, field.size, settings).columns
    for top, band in cell_features(encoder, field, settings):
        first, last = np.searchsorted(cells, np.array([top, top + len(band)]) * columns)
        yield band.reshape(-1, band.shape[2])[cells[first:last] - top * columns]
        if last == len(cells):
            return


def unit_length(features: FloatArray) -> FloatArray:
    """Divide by the length along the last axis; zeros stay zeros."""
    unit: FloatArray = features / _lengths(features)
    return unit


def _lengths(features: FloatArray) -> FloatArray:
    """(..., 1) lengths along the last axis, as good as 0 at least."""
    lengths = np.sqrt(np.einsum("...d,...d->...", features, features))[..., None]
    some: FloatArray = np.maximum(lengths, SMALLEST)
    return some


def _batch(encoder: DensePatchEncoder, window: int, settings: PatchSettings) -> int:
    """Windows encoded at once: fewer where each has many features."""
    values = (window // encoder.patch_px) ** 2 * encoder.patch_dim
    return max(1, min(settings.batch_size, BATCH_VALUES // values))


def _joined(views: Sequence[FloatArray]) -> FloatArray:
    return unit_length(np.concatenate([unit_length(view) for view in views], axis=-1))


@dataclass(frozen=True, slots=True)
class _Placed:
    """Features of length 1 along the axes of one view, which add up over the views."""

    encoder: DensePatchEncoder
    axes: FloatArray

    @property
    def patch_px(self) -> int:
        return self.encoder.patch_px

    @property
    def patch_dim(self) -> int:
        return len(self.axes.T)

    def patch_grids(self, windows: npt.NDArray[Any]) -> FloatArray:
        features = self.encoder.patch_grids(windows)
        placed: FloatArray = features @ self.axes
        placed /= _lengths(features)  # afterwards: there are fewer numbers
        return placed


def _view_features(
    encoder: PatchGrids,
    field: FieldOfView,
    view: int,
    settings: PatchSettings,
    windows: tuple[int, int, int],
) -> Iterator[tuple[int, FloatArray]]:
    new_size = _new_size(field.size, settings)
    window, stride, batch = windows
    bands = window_bands(
        encoder,
        resampled(field.views[view], field.size, new_size),
        new_size,
        window_px=window,
        stride_px=stride,
        batch_size=batch,
    )
    if settings.cells is None:
        return bands if settings.pool == 1 else _pooled(bands, settings.pool)
    columns, rows = (math.ceil(length / encoder.patch_px) for length in new_size)
    cell = settings.cells * encoder.patch_px / new_size[0]
    cells = (settings.cells, settings.cells)
    return enlarged(bands, (columns, rows), (cell, cell), cells)


def _pooled(bands: Iterable[tuple[int, FloatArray]], side: int) -> Iterator[tuple[int, FloatArray]]:
    """Means over squares of patches; over what there is of them at the right and at the bottom."""
    kept: FloatArray | None = None
    first = 0
    for _, band in bands:
        kept = band if kept is None else np.concatenate([kept, band])
        whole = len(kept) // side * side
        if whole:
            yield first, _means(kept[:whole], side)
            kept, first = kept[whole:], first + whole // side
    if kept is not None and len(kept):
        yield first, _means(kept, side)


def _means(patches: FloatArray, side: int) -> FloatArray:
    rows, columns = (np.arange(0, length, side) for length in patches.shape[:2])
    sums = np.add.reduceat(np.add.reduceat(patches, rows, axis=0), columns, axis=1)
    heights, widths = (
        np.minimum(starts + side, length) - starts
        for starts, length in zip((rows, columns), patches.shape[:2], strict=True)
    )
    means: FloatArray = (sums / np.outer(heights, widths)[..., None]).astype(np.float32)
    return means


def _new_size(size: tuple[int, int], settings: PatchSettings) -> tuple[int, int]:
    if settings.side_px is not None:
        return settings.side_px, settings.side_px
    width, height = (max(1, round(length * settings.scale)) for length in size)
    return width, height


def _window(encoder: DensePatchEncoder, settings: PatchSettings) -> tuple[int, int]:
    """Window and stride, in whole patches.

    Networks see everything in their window, so windows are as large as the images they were trained
    on, and overlap by half. Where an encoder says how far it looks, that much is enough.
    """
    patch = encoder.patch_px
    if isinstance(encoder, LocalPatchEncoder):
        native, reach = WINDOW_PX, encoder.reach_px
    else:
        native = reach = int(encoder.spec.transform.get("crop", WINDOW_PX))
    window = settings.window_px or max(patch, native // patch * patch)
    overlap = min(reach, window // 2)
    return window, settings.stride_px or max(patch, (window - overlap) // patch * patch)
