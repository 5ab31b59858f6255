"""Paints a laid-out slide, tile by tile."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from georetrieve.sources.synthetic.layout import SlidePlan
from georetrieve.sources.synthetic.pyramid import TILE, write_pyramid
from georetrieve.sources.synthetic.specimen import GLASS
from georetrieve.types import FloatArray

__all__ = ["write_slide"]

FINES_PER_MM2 = 60.0
"""Specks too small to be counted as particles."""


class _Painter:
    """Gives the pixels of any tile of a slide; keeps only drawings that are still needed."""

    def __init__(self, plan: SlidePlan) -> None:
        self.plan = plan
        self.by_tile: dict[tuple[int, int], list[int]] = defaultdict(list)
        self.last_row: dict[int, int] = {}
        for number, one in enumerate(plan.specimens):
            x, y, side = *one.corner, one.canvas_px
            columns = range(max(0, x) // TILE, (x + side - 1) // TILE + 1)
            rows = range(max(0, y) // TILE, (y + side - 1) // TILE + 1)
            for key in itertools.product(columns, rows):
                self.by_tile[key].append(number)
            self.last_row[number] = rows[-1]
        self.drawn: dict[int, npt.NDArray[np.float16]] = {}
        rng = np.random.default_rng(plan.seed)
        self.waves = rng.uniform(0.3, 1.0, (3, 2)), rng.uniform(0, 2 * np.pi, 3)
        self.glass = np.asarray(GLASS) + rng.normal(0, 1.5, 3)

    def tile(self, column: int, row: int) -> npt.NDArray[np.uint8]:
        """(512, 512, 3) pixels."""
        if column == 0:
            gone = [number for number in self.drawn if self.last_row[number] < row]
            for number in gone:
                del self.drawn[number]
        rng = np.random.default_rng((self.plan.seed, 1, column, row))
        light = self._light(column * TILE, row * TILE)[..., None] * self.glass.astype(np.float32)
        light *= self._fines(rng)[..., None]
        for number in self.by_tile.get((column, row), ()):
            self._lay(light, number, column * TILE, row * TILE)
        noise = rng.standard_normal((TILE, TILE, 3), np.float32) * self.plan.noise
        return np.clip(light + noise + 0.5, 0, 255).astype(np.uint8)

    def _light(self, x0: int, y0: int) -> FloatArray:
        """(512, 512) share of the full light: slow waves over the whole slide."""
        (slopes, phases), (width, height) = self.waves, self.plan.size
        x = (x0 + np.arange(TILE, dtype=np.float32)) / width
        y = (y0 + np.arange(TILE, dtype=np.float32)) / height
        total = np.zeros((TILE, TILE), np.float32)
        for (fx, fy), phase in zip(slopes, phases, strict=True):
            total += np.cos(2 * np.pi * (fx * x[None, :] + fy * y[:, None]) + phase) / 3
        return np.asarray(1 - self.plan.unevenness * (0.5 - total / 2), np.float32)

    def _fines(self, rng: np.random.Generator) -> FloatArray:
        """(512, 512) light let through by specks of dust and debris, up to a few µm across."""
        light = np.ones((TILE, TILE), np.float32)
        scale = self.plan.um_per_px
        count = rng.poisson(FINES_PER_MM2 * (TILE * scale / 1000) ** 2)
        for _ in range(count):
            half = rng.uniform(0.4, 2.0) / scale
            reach = math.ceil(half * 2) + 3
            x, y = rng.integers(reach, TILE - reach, 2)
            grid = np.mgrid[-reach : reach + 1, -reach : reach + 1]
            tilt = rng.uniform(0.6, 1.4)
            away = np.hypot(grid[0] * tilt, grid[1] / tilt)
            speck = np.clip(half - away + 0.5, 0, 1) * rng.uniform(0.15, 0.8)
            speck = ndimage.gaussian_filter(speck, rng.uniform(0.5, 1.0))
            light[y - reach : y + reach + 1, x - reach : x + reach + 1] *= 1 - speck
        return light

    def _lay(self, light: FloatArray, number: int, x0: int, y0: int) -> None:
        one = self.plan.specimens[number]
        if number not in self.drawn:
            self.drawn[number] = one.draw().light.astype(np.float16)
        x, y, side = one.corner[0] - x0, one.corner[1] - y0, one.canvas_px
        left, top = max(0, x), max(0, y)
        right, bottom = min(TILE, x + side), min(TILE, y + side)
        piece = self.drawn[number][top - y : bottom - y, left - x : right - x]
        light[top:bottom, left:right] *= piece


def write_slide(path: Path, plan: SlidePlan, *, ome: bool = False) -> None:
    """Write a slide as a pyramidal TIFF, tile by tile.

    Args:
        path: The file.
        plan: What is on it.
        ome: Write an OME-TIFF with its levels as SubIFDs, not a TIFF that OpenSlide opens.
    """
    write_pyramid(path, plan.size, _Painter(plan).tile, um_per_px=plan.um_per_px, ome=ome)
