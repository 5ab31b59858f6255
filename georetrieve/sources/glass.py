"""The empty slide between the particles: its colour everywhere, and how much darker each pixel is.

Everything is anchored to the slide, never to the tile at hand: the light is measured once on an
overview, and pixels are read in blocks of a fixed lattice. So what a tile sees does not depend on
where tiles begin or end.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from georetrieve.protocols import Raster
from georetrieve.types import FloatArray, Region

__all__ = ["BLOCK_PX", "Darkness", "Glass", "overview"]

OVERVIEW_PX = 1536
BLOCK_PX = 512
"""Side of a block, working pixels."""
KEPT_BLOCKS = 192
SMOOTH_UM = 160.0
"""Illumination is taken to be even over this distance."""
CELLS_A_SMOOTH = 4
NEAR = 0.03
"""Share of the light by which a pixel may differ from its surroundings and still be glass."""


def overview(raster: Raster, long_side: int = OVERVIEW_PX) -> npt.NDArray[np.uint8]:
    """(h, w, 3) uint8, the whole raster with a long side of at most ``long_side`` pixels."""
    width, height = raster.size
    shrink = max(1.0, max(width, height) / long_side)
    size = (max(1, round(width / shrink)), max(1, round(height / shrink)))
    return np.asarray(raster.read(Region(0, 0, width, height), size))


@dataclass(frozen=True, slots=True)
class Glass:
    """The light that empty glass lets through.

    Attributes:
        colour: (rows, columns, 3) float32 on a coarse grid over the slide, 0..255.
        cell_px: (across, down) level-0 pixels of a grid cell.
        share: Share of the overview that is glass.
    """

    colour: FloatArray
    cell_px: tuple[float, float]
    share: float

    @classmethod
    def measure(cls, raster: Raster, um_per_px: float) -> Glass:
        """Measure it on an overview: a smooth surface through the pixels that lie near it.

        Args:
            raster: The slide.
            um_per_px: Scale of level 0.
        """
        seen = overview(raster).astype(np.float32)
        height, width = seen.shape[:2]
        shrink = raster.size[0] / width, raster.size[1] / height
        step = max(1, int(SMOOTH_UM / um_per_px / shrink[0] / CELLS_A_SMOOTH))
        cell_px = (step * shrink[0], step * shrink[1])
        x = (np.arange(width, dtype=np.float32) + np.float32(0.5)) * np.float32(shrink[0])
        y = (np.arange(height, dtype=np.float32) + np.float32(0.5)) * np.float32(shrink[1])
        glass = cls(_first_guess(seen, step), cell_px, 1.0)
        for _ in range(4):
            light = glass.at(x, y)
            off = np.abs(seen - light) / np.maximum(light, 1)
            near = (off.max(axis=2, keepdims=True) < NEAR).astype(np.float32)
            surface = _surface(seen, near, step, glass.colour)
            glass = cls(surface, cell_px, float(near.mean()))
        return glass

    @property
    def brightness(self) -> float:
        """Median grey level of the glass, 0..255."""
        return float(np.median(self.colour.mean(axis=2)))

    def at(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """(len(y), len(x), 3) colour at level-0 positions, interpolated."""
        above, below, down = _weights(y / self.cell_px[1] - 0.5, self.colour.shape[0])
        before, after, across = _weights(x / self.cell_px[0] - 0.5, self.colour.shape[1])
        rows = self.colour[above] * (1 - down)[:, None, None]
        rows += self.colour[below] * down[:, None, None]
        light = rows[:, before] * (1 - across)[:, None]
        light += rows[:, after] * across[:, None]
        return np.asarray(light, np.float32)


def _cells(values: FloatArray, step: int) -> FloatArray:
    """(rows, step, columns, step, channels) view of an overview, its border repeated to fit."""
    height, width, channels = values.shape
    lack = ((0, -height % step), (0, -width % step), (0, 0))
    padded = np.pad(values, lack, mode="edge")
    return padded.reshape(-1, step, padded.shape[1] // step, step, channels)


def _first_guess(seen: FloatArray, step: int) -> FloatArray:
    """Bright cells of every neighbourhood: particles are darker than glass."""
    cells = np.median(_cells(seen, step), axis=(1, 3))
    bright = ndimage.percentile_filter(cells, 75, size=(5, 5, 1), mode="nearest")
    return np.asarray(bright, np.float32)


def _surface(seen: FloatArray, near: FloatArray, step: int, before: FloatArray) -> FloatArray:
    """Weighted mean of the glass around every cell; ``before`` where there is none."""
    blur = (CELLS_A_SMOOTH / 2, CELLS_A_SMOOTH / 2, 0)
    weight = _cells(near, step).mean(axis=(1, 3))
    total = _cells(seen * near, step).mean(axis=(1, 3))
    weight = ndimage.gaussian_filter(weight, blur, mode="nearest")
    total = ndimage.gaussian_filter(total, blur, mode="nearest")
    little = np.float32(0.02)
    return np.asarray((total + little * before) / (weight + little), np.float32)


def _weights(
    position: FloatArray, count: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], FloatArray]:
    position = np.clip(position, 0, count - 1)
    low = np.floor(position).astype(np.intp)
    return low, np.minimum(low + 1, count - 1), (position - low).astype(np.float32)


class Darkness:
    """How much darker than glass a slide is, at the working scale.

    Args:
        raster: The slide.
        glass: Its glass.
        factor: Level-0 pixels a working pixel spans, a whole number.
    """

    def __init__(self, raster: Raster, glass: Glass, factor: int) -> None:
        self.raster, self.glass, self.factor = raster, glass, factor
        self.size = (-(-raster.size[0] // factor), -(-raster.size[1] // factor))
        self._block = functools.lru_cache(KEPT_BLOCKS)(self._read_block)

    def window(self, left: int, top: int, right: int, bottom: int) -> FloatArray:
        """(bottom - top, right - left) share of the light taken, about 0 on glass, at most 1.

        The strongest of the three colours counts: pale yellow walls take blue alone.
        """
        out = np.empty((bottom - top, right - left), np.float32)
        for row in range(top // BLOCK_PX, -(-bottom // BLOCK_PX)):
            for column in range(left // BLOCK_PX, -(-right // BLOCK_PX)):
                block = self._block(column, row)
                x, y = column * BLOCK_PX, row * BLOCK_PX
                x0, x1 = max(left, x), min(right, x + block.shape[1])
                y0, y1 = max(top, y), min(bottom, y + block.shape[0])
                out[y0 - top : y1 - top, x0 - left : x1 - left] = block[
                    y0 - y : y1 - y, x0 - x : x1 - x
                ]
        return out

    def _read_block(self, column: int, row: int) -> npt.NDArray[np.float16]:
        step = BLOCK_PX * self.factor
        x, y = column * step, row * step
        width = min(step, self.raster.size[0] - x)
        height = min(step, self.raster.size[1] - y)
        size = (-(-width // self.factor), -(-height // self.factor))
        seen = np.asarray(self.raster.read(Region(x, y, width, height), size), np.float32)
        half = np.float32(0.5)
        middles_x = x + (np.arange(size[0], dtype=np.float32) + half) * self.factor
        middles_y = y + (np.arange(size[1], dtype=np.float32) + half) * self.factor
        light = self.glass.at(middles_x, middles_y)
        return np.asarray((1 - seen / np.maximum(light, 1)).max(axis=2), np.float16)
