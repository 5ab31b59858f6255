"""Particles found on a palynology or strew slide."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from georetrieve.errors import SourceError
from georetrieve.protocols import Progress, Raster
from georetrieve.sources.glass import Darkness, Glass
from georetrieve.sources.particles import Component, Mask, Thresholds, components, draw_masks
from georetrieve.sources.touching import split_touching
from georetrieve.types import Region

__all__ = ["Specimen", "find_specimens", "look_for", "working_factor"]

WORKING_UM = 1.0
PX_ACROSS_SMALLEST = 10
CLUSTER = 3
"""Touching specimens are looked at together up to this many times the largest length."""
DARKEST_GLASS = 60.0


@dataclass(frozen=True, slots=True)
class Specimen:
    """A particle on a slide.

    Attributes:
        region: Bounding box, level-0 pixels.
        area_px: Covered area, level-0 pixels.
        area_um2: Covered area, µm²; None when the scale is unknown.
        centroid: (x, y), level-0 pixels.
        touching: It was parted from another that it touches.
    """

    region: Region
    area_px: int
    area_um2: float | None
    centroid: tuple[float, float]
    touching: bool


def working_factor(um_per_px: float, min_um: float) -> int:
    """Level-0 pixels a working pixel spans: about 1 µm, finer when specimens are tiny."""
    working_um = min(WORKING_UM, min_um / PX_ACROSS_SMALLEST)
    return max(1, math.floor(working_um / um_per_px + 0.01))


def find_specimens(
    raster: Raster, *, min_um: float = 10.0, max_um: float = 250.0, tile_px: int = 2048
) -> list[Specimen]:
    """Find the particles on a bright slide; the same ones whatever the tile size.

    The light is corrected for uneven illumination, thresholded against the measured noise of the
    glass, thin walls are closed and filled, touching particles are parted by a watershed. Memory
    grows with ``tile_px`` and, by a small fraction of a bit a pixel, with the slide.

    Args:
        raster: The slide; where its scale is unknown, ``min_um`` and ``max_um`` are pixels.
        min_um: Smallest specimen: diameter of the circle of equal area, µm.
        max_um: Largest specimen: longer side of the bounding box, µm.
        tile_px: Side of the tiles processed at once, working pixels (about 1 µm).

    Returns:
        From the top down, then from the left.

    Raises:
        SourceError: Limits are no limits, the slide is dark, or cannot be read.
    """
    found = [one for one, _, _ in look_for(raster, min_um=min_um, max_um=max_um, tile_px=tile_px)]
    return sorted(found, key=lambda one: (one.region.y, one.region.x, one.region.width))


def look_for(
    raster: Raster,
    *,
    min_um: float,
    max_um: float,
    tile_px: int = 2048,
    progress: Progress | None = None,
) -> Iterator[tuple[Specimen, Component, Mask]]:
    """The same one after the other, each with its component and its (h, w) part of that.

    Args:
        raster: See :func:`find_specimens`.
        min_um: Likewise.
        max_um: Likewise.
        tile_px: Likewise.
        progress: Told of two stages: looking at the slide, outlining what lies on it.

    Raises:
        SourceError: See :func:`find_specimens`.
    """
    if not 0 < min_um < max_um or tile_px < 64:
        raise SourceError(
            f"Specimens of {min_um}–{max_um} µm in tiles of {tile_px} px cannot be looked for: the "
            "limits must rise from above 0, and a tile has at least 64 px."
        )
    um_per_px = raster.um_per_px or 1.0
    glass = Glass.measure(raster, um_per_px)
    if glass.brightness < DARKEST_GLASS:
        raise SourceError(
            f"The background is dark (grey level {glass.brightness:.0f} of 255), but specimens are "
            "found as dark on bright; use --items tiles or whole."
        )
    factor = working_factor(um_per_px, min_um)
    darkness = Darkness(raster, glass, factor)
    masks = draw_masks(darkness, Thresholds.measure(darkness), tile_px, progress=progress)
    px = factor * um_per_px
    for component in components(masks, math.ceil(CLUSTER * max_um / px), progress=progress):
        if component.mask.sum() < np.pi / 4 * (min_um / px) ** 2:
            continue
        parts = split_touching(component.mask, component.solid, min_um / px)
        for part in parts:
            one = _measure(raster, component, part, factor, touching=len(parts) > 1)
            if _fits(one, um_per_px, min_um, max_um):
                yield one, component, part


def _measure(
    raster: Raster, component: Component, part: Mask, factor: int, *, touching: bool
) -> Specimen:
    rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
    x, y = (component.x + int(columns[0])) * factor, (component.y + int(rows[0])) * factor
    right = min((component.x + int(columns[-1]) + 1) * factor, raster.size[0])
    bottom = min((component.y + int(rows[-1]) + 1) * factor, raster.size[1])
    row, column = ndimage.center_of_mass(part)
    middle = (component.x + column + 0.5) * factor, (component.y + row + 0.5) * factor
    area = int(part.sum()) * factor**2
    scale = raster.um_per_px
    area_um2 = None if scale is None else area * scale**2
    centroid = (round(float(middle[0]), 1), round(float(middle[1]), 1))
    return Specimen(Region(x, y, right - x, bottom - y), area, area_um2, centroid, touching)


def _fits(one: Specimen, um_per_px: float, min_um: float, max_um: float) -> bool:
    diameter = math.sqrt(one.area_px * 4 / math.pi) * um_per_px
    length = max(one.region.width, one.region.height) * um_per_px
    return diameter >= min_um and length <= max_um
