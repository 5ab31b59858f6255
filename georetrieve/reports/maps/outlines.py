"""Outlines of a map's areas as GeoJSON that QuPath opens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from georetrieve.probes.segmentation.modal import ClassMap
from georetrieve.sources.masks.classes import VOID, ClassTable

__all__ = ["Outlined", "save_outlines"]


MOST_AREAS = 50_000
"""More make a file of hundreds of megabytes that no program likes to open."""


@dataclass(frozen=True, slots=True)
class Outlined:
    """What was written.

    Attributes:
        areas: Number of outlines.
        least_px: Smaller areas were joined to a neighbour, pixels of level 0.
    """

    areas: int
    least_px: float


def save_outlines(
    path: Path,
    sampled: ClassMap,
    classes: ClassTable,
    *,
    factor: int = 1,
    size: tuple[int, int],
    least_px: float = 0,
    simplify_px: float = 0,
) -> Outlined:
    """Write the areas of a map as polygons with holes, in pixels of level 0.

    Areas are joined across sides, not corners. Simplified, neighbours keep one border between them
    (coverage simplification, GEOS 3.12), so that neither gaps nor overlaps arise.

    Args:
        path: The file.
        sampled: (height, width) class numbers; void has no outlines.
        classes: Names and colours.
        factor: Pixels of level 0 a sampled one stands for, along each side.
        size: (width, height) of level 0; the last sampled ones may reach beyond it.
        least_px: Smaller areas are joined to their largest neighbour, or left out where there is
            none, pixels of level 0; it is doubled until at most 50,000 areas remain.
        simplify_px: How far a border may move, about, pixels of level 0; 0: not at all.
    """
    kept, least = _without_small(sampled, max(1, round(least_px / factor**2)))
    found = list(_areas(kept, factor))
    shapes, numbers = [area for area, _ in found], [number for _, number in found]
    if simplify_px and shapes:
        # Borders have to meet in their vertices: one at every corner of a pixel.
        noded = shapely.segmentize(np.array(shapes, object), float(factor))
        shapes = list(shapely.coverage_simplify(noded, simplify_px))
    if size[0] % factor or size[1] % factor:
        shapes = [shapely.clip_by_rect(area, 0, 0, *size) for area in shapes]
    _write(path, shapes, numbers, classes)
    return Outlined(len(shapes), least * factor**2 if least > 1 else 0)


def _without_small(sampled: ClassMap, least: int) -> tuple[ClassMap, int]:
    """Areas of fewer than ``least`` pixels joined to neighbours; and the least that was used."""
    from rasterio.features import sieve
    from skimage.measure import label

    while True:
        kept = sampled
        if 1 < least < sampled.size:  # as GDAL demands
            kept = sieve(sampled, least, mask=sampled != VOID, connectivity=4).astype(np.int32)
        labels = label(kept, background=VOID, connectivity=1)  # type: ignore[no-untyped-call]
        areas = np.bincount(labels.ravel())
        small = areas < least
        small[0] = False  # void
        kept = np.where(small[labels], VOID, kept)
        if np.count_nonzero(areas[1:] >= least) <= MOST_AREAS:
            return kept, least
        least *= 2


def _areas(sampled: ClassMap, factor: int) -> Iterator[tuple[BaseGeometry, int]]:
    from rasterio.features import shapes
    from rasterio.transform import Affine

    found = shapes(
        sampled, mask=sampled != VOID, connectivity=4, transform=Affine.scale(float(factor))
    )
    for geometry, value in found:
        yield shape(geometry), int(value)


def _write(path: Path, shapes: list[BaseGeometry], numbers: list[int], classes: ClassTable) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        for place, (area, number) in enumerate(zip(shapes, numbers, strict=True)):
            file.write(",\n" if place else "\n")
            json.dump(_feature(area, number, classes), file, ensure_ascii=False)
        file.write("\n]}\n")


def _feature(area: BaseGeometry, number: int, classes: ClassTable) -> dict[str, Any]:
    one = classes.classes[number]
    return {
        "type": "Feature",
        "geometry": mapping(area),
        "properties": {
            "objectType": "annotation",
            "classification": {"name": one.name, "color": list(one.colour)},
            "measurements": {"Area px^2": round(area.area, 2)},
        },
    }
