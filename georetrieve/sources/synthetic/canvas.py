"""A small canvas on which one specimen is drawn as optical density, as light that passes sees it.

Walls absorb; what lies one behind the other adds up. So a taxon is a sum of layers (shells, folds,
processes), and a shell is darker along its limb because light crosses more of it there.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from georetrieve.types import FloatArray

__all__ = ["Canvas", "Plane", "Point", "limb", "smooth_noise", "sphere_points", "star"]

Point: TypeAlias = tuple[float, float]
Plane: TypeAlias = npt.NDArray[np.floating[Any]]

EXTENT = 1.3
"""The canvas spans -1.3 to 1.3 in both directions; a specimen spans about -1 to 1."""
MAX_LIMB = 3.2


def smooth_noise(
    rng: np.random.Generator, shape: tuple[int, int], cells: float, octaves: int = 1
) -> FloatArray:
    """(rows, columns) float32 smooth noise of about zero mean and unit spread.

    Args:
        rng: Source of randomness.
        shape: Rows and columns.
        cells: Bumps along the longer side.
        octaves: Finer layers added, each of half the size and half the height.
    """
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        count = cells * 2**octave
        grid = [max(2, round(count * side / max(shape))) + 2 for side in shape]
        coarse = Image.fromarray(rng.standard_normal(grid).astype(np.float32))
        inner = (1.0, 1.0, grid[1] - 1.0, grid[0] - 1.0)
        layer = np.asarray(coarse.resize(shape[::-1], Image.Resampling.BICUBIC, box=inner))
        total += layer * np.float32(1.3 / 2**octave)
    return total


def sphere_points(rng: np.random.Generator, count: int, jitter: float = 0.0) -> FloatArray:
    """(count, 3) evenly spread unit vectors (Fibonacci lattice) in a random orientation."""
    index = np.arange(count) + 0.5
    height = 1 - 2 * index / count
    angle = np.pi * (1 + 5**0.5) * index
    ring = np.sqrt(1 - height**2)
    points = np.stack([ring * np.cos(angle), ring * np.sin(angle), height], axis=1)
    turn, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    points = points @ turn + rng.normal(0, jitter, (count, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return np.asarray(points, np.float32)


@dataclass(slots=True)
class Canvas:
    """Coordinates to draw in, and what has been drawn.

    Attributes:
        x: (S, S) abscissa of every pixel in the specimen's own frame.
        y: (S, S) ordinate, growing downwards.
        pixel: Width of a pixel in these units; edges are softened over one pixel.
        rng: Source of randomness.
        density: (S, S) optical density drawn so far, in walls.
        cover: (S, S) in 0..1, how much of the pixel the specimen covers.
    """

    x: FloatArray
    y: FloatArray
    pixel: float
    rng: np.random.Generator
    density: FloatArray
    cover: FloatArray

    @classmethod
    def blank(cls, size_px: int, rng: np.random.Generator, *, wobble: float = 0.05) -> Canvas:
        """A canvas turned, stretched and dented at random, as specimens are."""
        axis = np.linspace(-EXTENT, EXTENT, size_px, dtype=np.float32)
        x, y = np.meshgrid(axis, axis)
        x = x + wobble * smooth_noise(rng, x.shape, 3.0)
        y = y + wobble * smooth_noise(rng, x.shape, 3.0)
        turn = rng.uniform(0, 2 * np.pi)
        stretch = rng.uniform(1.0, 1.14)
        across, along = np.cos(turn) * x + np.sin(turn) * y, -np.sin(turn) * x + np.cos(turn) * y
        # Flattened along a direction of its own, as burial flattens.
        squash = rng.uniform(0, np.pi)
        u = np.cos(squash) * across + np.sin(squash) * along
        v = -np.sin(squash) * across + np.cos(squash) * along
        v = v * stretch
        x, y = np.cos(squash) * u - np.sin(squash) * v, np.sin(squash) * u + np.cos(squash) * v
        if rng.random() < 0.5:
            x = -x
        empty = np.zeros(x.shape, np.float32)
        return cls(x, y, float(axis[1] - axis[0]), rng, empty, empty.copy())

    def add(self, cover: Plane, density: Plane | float) -> None:
        """Lay material over what is there: ``density`` walls where ``cover`` (0..1) says."""
        self.density += cover * density
        np.maximum(self.cover, cover, out=self.cover)

    def soft(self, inside: Plane) -> FloatArray:
        """0..1 cover from a signed distance, positive inside, softened over a pixel."""
        return np.asarray(np.clip(inside / self.pixel + 0.5, 0.0, 1.0), np.float32)

    def shell(self, rho: Plane, thickness: float, *, unit: float = 1.0) -> None:
        """Add a hollow body.

        Args:
            rho: (S, S) position in the body, 0 in the middle and 1 on the outline.
            thickness: Of the wall, as a share of the radius.
            unit: Radius of the body in canvas units, for the soft edge.
        """
        self.add(self.soft((1 - rho) * unit), limb(rho, thickness))

    def stroke(
        self, line: Sequence[Point], widths: tuple[float, float], density: float | None = 1.0
    ) -> FloatArray:
        """Draw a line that tapers; return its (S, S) cover.

        Args:
            line: Its points in canvas units.
            widths: Full width at the start and at the end, canvas units.
            density: Walls; None leaves the drawing to the caller.
        """
        cover = np.zeros_like(self.x)
        pieces = len(line) - 1
        for number, (start, end) in enumerate(itertools.pairwise(line)):
            near = widths[0] + (widths[1] - widths[0]) * number / pieces
            far = widths[0] + (widths[1] - widths[0]) * (number + 1) / pieces
            box = self._near(start, end, max(near, far))
            if box is None:
                continue
            x, y = self.x[box] - start[0], self.y[box] - start[1]
            dx, dy = end[0] - start[0], end[1] - start[1]
            along = np.clip((x * dx + y * dy) / max(dx * dx + dy * dy, 1e-9), 0, 1)
            away = np.hypot(x - along * dx, y - along * dy)
            half = (near + (far - near) * along) / 2
            # A line thinner than a pixel still darkens it in proportion.
            thin = np.minimum(1.0, 2 * half / self.pixel)
            piece = self.soft(np.maximum(half, self.pixel / 2) - away) * thin
            cover[box] = np.maximum(cover[box], piece)
        if density is not None:
            self.add(cover, density)
        return cover

    def _near(self, start: Point, end: Point, width: float) -> tuple[slice, slice] | None:
        """The part of the canvas a stroke can touch."""
        margin = width / 2 + 2 * self.pixel
        hit = (
            (self.x >= min(start[0], end[0]) - margin)
            & (self.x <= max(start[0], end[0]) + margin)
            & (self.y >= min(start[1], end[1]) - margin)
            & (self.y <= max(start[1], end[1]) + margin)
        )
        rows, columns = np.flatnonzero(hit.any(1)), np.flatnonzero(hit.any(0))
        if not len(rows):
            return None
        return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)

    def on_sphere(self, radius: float) -> tuple[FloatArray, FloatArray]:
        """(S, S, 3) unit vectors of a sphere's near side, and (S, S) rho (0 middle, 1 limb)."""
        x, y = self.x / radius, self.y / radius
        rho = np.hypot(x, y)
        z = np.sqrt(np.clip(1 - rho**2, 0, 1))
        scale = np.maximum(rho, 1)
        return np.stack([x / scale, y / scale, z], axis=-1), rho

    def cells(self, points: FloatArray, where: FloatArray) -> FloatArray:
        """(S, S) distance, in radians or so, from the borders between the cells of ``points``.

        Args:
            points: (n, 3) unit vectors, the middles of the cells.
            where: (S, S, 3) unit vectors, from :meth:`on_sphere`.
        """
        nearness = where.reshape(-1, 3) @ points.T
        best = np.partition(nearness, -2, axis=1)[:, -2:]
        gap = np.arccos(np.clip(best[:, 0], -1, 1)) - np.arccos(np.clip(best[:, 1], -1, 1))
        return np.asarray((gap / 2).reshape(self.x.shape), np.float32)

    def fold(self, reach: float, density: float = 0.9) -> None:
        """Crease the wall: a curved double thickness across what has been drawn."""
        rng = self.rng
        middle = rng.uniform(-0.35, 0.35, 2) * reach
        angle = rng.uniform(0, np.pi)
        half = rng.uniform(0.3, 0.65) * reach
        bend = rng.uniform(-0.35, 0.35)
        steps = np.linspace(-1, 1, 7)
        side = np.array([-np.sin(angle), np.cos(angle)])
        ahead = np.array([np.cos(angle), np.sin(angle)])
        line = [tuple(middle + half * (s * ahead + bend * (1 - s * s) * side)) for s in steps]
        width = rng.uniform(0.03, 0.07) * reach
        crease = self.stroke(line, (width, width * 0.3), None)
        inside = np.clip(self.cover, 0, 1) > 0.9
        self.density += crease * inside * density


def limb(rho: Plane, thickness: float) -> FloatArray:
    """(S, S) walls crossed by light at ``rho`` of a spherical shell; 1 in the middle."""
    outer = np.sqrt(np.clip(1 - rho**2, 0, None))
    inner = np.sqrt(np.clip((1 - thickness) ** 2 - rho**2, 0, None))
    return np.asarray(np.minimum((outer - inner) / thickness, MAX_LIMB), np.float32)


def star(corners: Plane, angle: Plane, rounding: float) -> FloatArray:
    """Radius of a star-shaped polygon (corners: (n, 2) of angle and radius) at every angle."""
    order = np.argsort(corners[:, 0])
    at, radius = corners[order, 0], corners[order, 1]
    steps = np.linspace(-np.pi, np.pi, 1440, endpoint=False)
    x, y = radius * np.cos(at), radius * np.sin(at)
    table = np.full(steps.size, 1e-3)
    for i in range(len(at)):
        x1, y1, x2, y2 = x[i], y[i], x[(i + 1) % len(at)], y[(i + 1) % len(at)]
        cross = x1 * y2 - x2 * y1
        along = np.cos(steps) * (y2 - y1) - np.sin(steps) * (x2 - x1)
        gone = (steps - at[i]) % (2 * np.pi)
        span = (at[(i + 1) % len(at)] - at[i]) % (2 * np.pi)
        table = np.where((gone <= span) & (along > 1e-6), cross / np.maximum(along, 1e-6), table)
    table = ndimage.gaussian_filter1d(table, rounding * 1440 / (2 * np.pi), mode="wrap")
    return np.asarray(np.interp(angle, steps, table, period=2 * np.pi), np.float32)
