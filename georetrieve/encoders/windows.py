"""Patch features of images of any size: windows that overlap, blended where they do.

A network sees a window at a time, and what it says of a patch depends on the window around it.
Towards the edge of a window a patch has less around it, so it counts less there: weights rise from
the edges of a window to its middle, and no seam shows where the next begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from georetrieve.errors import EncoderError
from georetrieve.protocols import RegionReader
from georetrieve.types import FloatArray, IntArray, Region

__all__ = ["PatchGrids", "window_bands", "window_cells", "window_patches"]


class PatchGrids(Protocol):
    """What windows need: a :class:`~georetrieve.protocols.DensePatchEncoder`, or a part of one."""

    @property
    def patch_px(self) -> int:
        """Side of the square of pixels a patch covers."""
        ...

    @property
    def patch_dim(self) -> int:
        """Width of a patch's features."""
        ...

    def patch_grids(self, windows: npt.NDArray[Any]) -> FloatArray:
        """Return (N, rows, columns, D) features of (N, height, width, 3) bytes."""
        ...


def window_patches(
    encoder: PatchGrids,
    image: Image.Image,
    *,
    window_px: int,
    stride_px: int,
    batch_size: int = 8,
) -> FloatArray:
    """Return the (rows, columns, D) patch features of an image at its own resolution.

    Sides that are no whole patches are filled up by reflection, so there are ⌈height / patch⌉ rows.
    An image that one window covers is seen at once.

    Args:
        encoder: Whose features.
        image: RGB, of any size.
        window_px: Side of a window, pixels, whole patches.
        stride_px: From a window to the next, pixels, whole patches, at most a window; half a window
            blends well.
        batch_size: Windows encoded at once.

    Raises:
        EncoderError: Window or stride do not suit the encoder.
    """
    bands = window_bands(
        encoder,
        lambda region: image.crop(region.box),
        image.size,
        window_px=window_px,
        stride_px=stride_px,
        batch_size=batch_size,
    )
    return np.concatenate([band for _, band in bands])


def window_bands(
    encoder: PatchGrids,
    read: RegionReader,
    size: tuple[int, int],
    *,
    window_px: int,
    stride_px: int,
    batch_size: int = 8,
) -> Iterator[tuple[int, FloatArray]]:
    """Yield the same from the top in bands of rows, for images that do not fit into memory.

    What is held are a batch of windows and the features of one row of windows.

    Args:
        encoder: Whose features.
        read: Gives the pixels of a region of the image.
        size: (width, height) of the image, pixels.
        window_px: See :func:`window_patches`.
        stride_px: See :func:`window_patches`.
        batch_size: Windows encoded at once.

    Yields:
        Number of a band's first row of patches, and its (rows, columns, D) features.

    Raises:
        EncoderError: Window or stride do not suit the encoder.
    """
    windows = _Windows.over(encoder, read, size, window_px, stride_px, batch_size)
    height, width, weights = windows.height, windows.width, windows.weights[..., None]
    total = np.zeros((height, windows.columns, encoder.patch_dim), np.float32)
    share = np.zeros((height, windows.columns, 1), np.float32)
    for top, following in pairwise((*windows.tops, windows.rows)):
        for left, grid in windows.grids(top, windows.lefts):
            total[:, left : left + width] += weights * grid
            share[:, left : left + width] += weights
        done = following - top
        yield top, total[:done] / share[:done]
        for kept in (total, share):
            kept[: height - done] = kept[done:].copy()
            kept[height - done :] = 0


def window_cells(
    encoder: PatchGrids,
    read: RegionReader,
    size: tuple[int, int],
    cells: IntArray,
    *,
    window_px: int,
    stride_px: int,
    batch_size: int = 8,
) -> Iterator[tuple[IntArray, FloatArray]]:
    """Yield the same features for some patches; only windows that show one are encoded.

    What is held are a batch of windows, and the features asked for.

    Args:
        encoder: Whose features.
        read: Gives the pixels of a region of the image.
        size: (width, height) of the image, pixels.
        cells: (M,) row × columns + column of the patches, rising.
        window_px: See :func:`window_patches`.
        stride_px: See :func:`window_patches`.
        batch_size: Windows encoded at once.

    Yields:
        Places in ``cells``, rising, and the (n, D) features of these patches.

    Raises:
        EncoderError: Window or stride do not suit the encoder.
    """
    windows = _Windows.over(encoder, read, size, window_px, stride_px, batch_size)
    height, width = windows.height, windows.width
    down, across = np.divmod(cells, windows.columns)
    total = np.zeros((len(cells), encoder.patch_dim), np.float32)
    share = np.zeros((len(cells), 1), np.float32)
    done = 0
    for top, following in pairwise((*windows.tops, windows.rows)):
        inside = np.flatnonzero((down >= top) & (down < top + height))
        shown = {
            left: found
            for left in (windows.lefts if len(inside) else ())
            if len(found := inside[(across[inside] >= left) & (across[inside] < left + width)])
        }
        for left, grid in windows.grids(top, list(shown)):
            places = shown[left]
            where = down[places] - top, across[places] - left
            weights = windows.weights[where][:, None]
            total[places] += weights * grid[where]
            share[places] += weights
        end = int(np.searchsorted(down, following))
        if end > done:
            yield np.arange(done, end), total[done:end] / share[done:end]
            done = end


@dataclass(frozen=True, slots=True)
class _Windows:
    """Overlapping windows over an image; all lengths in patches.

    Attributes:
        encoder: Describes them.
        read: Gives the pixels of a region of the image.
        size: (width, height) of the image, pixels.
        batch_size: Windows encoded at once.
        columns: Of the image.
        rows: Of the image.
        height: Of a window.
        width: Of a window.
        tops: Where rows of windows begin.
        lefts: Where windows of a row begin.
        weights: (height, width) of a window's patches, largest in its middle.
    """

    encoder: PatchGrids
    read: RegionReader
    size: tuple[int, int]
    batch_size: int
    columns: int
    rows: int
    height: int
    width: int
    tops: Sequence[int]
    lefts: Sequence[int]
    weights: FloatArray

    @classmethod
    def over(
        cls,
        encoder: PatchGrids,
        read: RegionReader,
        size: tuple[int, int],
        window_px: int,
        stride_px: int,
        batch_size: int,
    ) -> _Windows:
        window, stride = _in_patches(encoder.patch_px, window_px, stride_px)
        columns, rows = (-(-side // encoder.patch_px) for side in size)
        height, width = min(window, rows), min(window, columns)
        tops, lefts = _starts(rows, height, stride), _starts(columns, width, stride)
        weights = np.outer(_weights(height, tops), _weights(width, lefts))
        return cls(
            encoder, read, size, batch_size, columns, rows, height, width, tops, lefts, weights
        )

    def grids(self, top: int, lefts: Sequence[int]) -> Iterator[tuple[int, FloatArray]]:
        """Where windows of a row begin, and their (height, width, D) features."""
        for at in range(0, len(lefts), self.batch_size):
            some = lefts[at : at + self.batch_size]
            boxes = [(left, top, self.width, self.height) for left in some]
            pixels = [_pixels(self.read, self.size, box, self.encoder.patch_px) for box in boxes]
            yield from zip(some, self.encoder.patch_grids(np.stack(pixels)), strict=True)


def _in_patches(patch_px: int, window_px: int, stride_px: int) -> tuple[int, int]:
    for what, side in (("window", window_px), ("stride", stride_px)):
        if side < patch_px or side % patch_px:
            raise EncoderError(
                f"A {what} of {side} px is not whole patches of {patch_px} px; use "
                f"{max(1, round(side / patch_px)) * patch_px}."
            )
    if stride_px > window_px:
        raise EncoderError(
            f"A stride of {stride_px} px leaves gaps between windows of {window_px} px; use at "
            f"most {window_px}."
        )
    return window_px // patch_px, stride_px // patch_px


def _starts(length: int, window: int, stride: int) -> Sequence[int]:
    """First patches of the windows along a side; the last window ends with the image."""
    return [*range(0, length - window, stride), length - window]


def _weights(length: int, starts: Sequence[int]) -> FloatArray:
    """(length,) weights that rise from both ends to the middle; all 1 where one window suffices."""
    places = np.arange(length)
    rising = np.minimum(places + 1, length - places) / ((length + 1) // 2)
    return (rising if len(starts) > 1 else np.ones(length)).astype(np.float32)


def _pixels(
    read: RegionReader, size: tuple[int, int], place: tuple[int, int, int, int], patch_px: int
) -> npt.NDArray[np.uint8]:
    """The (height, width, 3) bytes of a window given in patches, reflected beyond the image."""
    left, top, width, height = (side * patch_px for side in place)
    region = Region(left, top, min(width, size[0] - left), min(height, size[1] - top))
    inside = np.asarray(read(region))
    missing = ((0, height - region.height), (0, width - region.width), (0, 0))
    return np.pad(inside, missing, mode="reflect")
