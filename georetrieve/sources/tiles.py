"""Tiles of an image or slide, those that show nothing left out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from georetrieve.errors import SourceError
from georetrieve.protocols import Raster
from georetrieve.sources.glass import overview
from georetrieve.types import FloatArray, Region

__all__ = ["known_scale", "plan_tiles"]

OVERVIEW_PX_A_TILE = 8
LARGEST_OVERVIEW_PX = 4096
# Glass is bright, nearly without colour, and flat.
BRIGHT, COLOURLESS, FLAT = 150.0, 24.0, 4.0


def known_scale(raster: Raster) -> float:
    """Micrometres a level-0 pixel.

    Raises:
        SourceError: The scale is unknown.
    """
    if raster.um_per_px is None:
        raise SourceError(
            "Its scale is unknown, so it cannot be read at a given one; state it with --um-per-px."
        )
    return raster.um_per_px


def plan_tiles(
    raster: Raster, *, side_px: int, overlap_px: int, um_per_px: float | None, min_content: float
) -> Iterator[tuple[Region, tuple[int, int] | None]]:
    """Yield tiles row by row: where they lie, and the (width, height) to read them at.

    The last tile of a row or column is moved back so that it ends at the border: nothing is lost
    there, and no tile is smaller than the others unless the image is.

    Args:
        raster: What is cut.
        side_px: Side of a tile as it is read, pixels.
        overlap_px: Pixels, as read, that a tile shares with the next.
        um_per_px: Scale at which tiles are read; None: level 0's.
        min_content: Least share of a tile, on an overview, that must not be empty glass.

    Raises:
        SourceError: A scale was asked for and the raster's is unknown, or it cannot be read.
    """
    shrink = 1.0 if um_per_px is None else um_per_px / known_scale(raster)
    side = max(1, round(side_px * shrink))
    step = max(1, round((side_px - overlap_px) * shrink))
    content = _Content(raster, side) if min_content > 0 else None
    for y, height in _spans(raster.size[1], side, step):
        for x, width in _spans(raster.size[0], side, step):
            region = Region(x, y, width, height)
            if content is None or content.share(region) >= min_content:
                size = (max(1, round(width / shrink)), max(1, round(height / shrink)))
                yield region, None if size == (width, height) else size


def _spans(length: int, side: int, step: int) -> list[tuple[int, int]]:
    """(start, length) of the tiles along an axis."""
    if length <= side:
        return [(0, length)]
    starts = [*range(0, length - side, step), length - side]
    return [(start, side) for start in starts]


class _Content:
    """Shares of content from an overview, as sums over rectangles."""

    def __init__(self, raster: Raster, side: int) -> None:
        tiles = max(raster.size) / side
        long_side = min(LARGEST_OVERVIEW_PX, max(512, round(tiles * OVERVIEW_PX_A_TILE)))
        shown = _shows_something(overview(raster, long_side))
        self.scale = (shown.shape[1] / raster.size[0], shown.shape[0] / raster.size[1])
        self.sums = np.pad(shown.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))

    def share(self, region: Region) -> float:
        """Share of a region, 0..1, that is not empty."""
        left, top, right, bottom = region.box
        x0, y0 = int(left * self.scale[0]), int(top * self.scale[1])
        x1 = min(self.sums.shape[1] - 1, max(x0 + 1, round(right * self.scale[0])))
        y1 = min(self.sums.shape[0] - 1, max(y0 + 1, round(bottom * self.scale[1])))
        x0, y0 = min(x0, x1 - 1), min(y0, y1 - 1)
        sums = self.sums
        total = int(sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0])
        return float(total / ((y1 - y0) * (x1 - x0)))


def _shows_something(seen: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """(h, w) what is neither empty glass nor area the scanner left blank.

    Empty is what is flat and also either bright without colour or pure black: a pale mineral that
    fills the view has colour, texture or a border; black between crossed polarisers has noise.
    """
    pixels = seen.astype(np.float32)
    grey = pixels.mean(axis=2)
    flat = _spread(grey) < FLAT
    colourless = np.ptp(pixels, axis=2) < COLOURLESS
    glass = flat & colourless & (pixels.min(axis=2) > BRIGHT)
    blank = (pixels.max(axis=2) == 0) & flat
    return np.asarray(~(glass | blank))


def _spread(grey: FloatArray) -> FloatArray:
    """(h, w) standard deviation of 3×3 neighbourhoods, grey levels."""
    mean = ndimage.uniform_filter(grey, 3, mode="nearest")
    square = ndimage.uniform_filter(grey**2, 3, mode="nearest")
    return np.asarray(np.sqrt(np.clip(square - mean**2, 0, None)), np.float32)
