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


@dataclass(frozen=True, slots=True)
class Outlined:
    """What was written.

    Attributes:
        areas: Number of outlines.
        left_out: Number of areas that were too small.
        left_out_px: Their pixels, at full size.
    """

    areas: int
    left_out: int
    left_out_px: int


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
        least_px: Smaller areas are left out, pixels of level 0.
        simplify_px: How far a border may move, about, pixels of level 0; 0: not at all.
    """
    shapes: list[BaseGeometry] = []
    numbers: list[int] = []
    left_out, left_out_px = 0, 0.0
    for area, number in _areas(sampled, factor):
        if area.area < least_px:
            left_out += 1
            left_out_px += area.area
        else:
            shapes.append(area)
            numbers.append(number)
    if simplify_px and shapes:
        # Borders have to meet in their vertices: one at every corner of a pixel.
        noded = shapely.segmentize(np.array(shapes, object), float(factor))
        shapes = list(shapely.coverage_simplify(noded, simplify_px))
    if size[0] % factor or size[1] % factor:
        shapes = list(shapely.clip_by_rect(np.array(shapes, object), 0, 0, *size))
    _write(path, shapes, numbers, classes)
    return Outlined(len(shapes), left_out, round(left_out_px))


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
