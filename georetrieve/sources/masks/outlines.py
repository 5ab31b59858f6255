"""Outlines of QuPath and other programs: GeoJSON polygons, with holes, rasterised by region."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from georetrieve.errors import SourceError, did_you_mean
from georetrieve.sources.masks.classes import VOID, ClassTable, MapClass, distinct_colours
from georetrieve.types import IntArray, Region

__all__ = ["OutlineTruth", "Outlines", "read_outlines"]


@dataclass(frozen=True, slots=True)
class Outlines:
    """Areas with the names of their classes, as a file gives them.

    Attributes:
        path: The file.
        shapes: Polygons and multipolygons, pixels of level 0; a later one lies over earlier ones.
        names: Class of each.
        colours: Class → the colour the file gives it.
        remarks: What was left out, one line each.
    """

    path: Path
    shapes: tuple[BaseGeometry, ...]
    names: tuple[str, ...]
    colours: Mapping[str, tuple[int, int, int]]
    remarks: tuple[str, ...]

    def classes(self) -> ClassTable:
        """Its classes by name, in the colours of the file."""
        names = sorted(set(self.names))
        spare = distinct_colours(len(names))
        return ClassTable(
            tuple(
                MapClass(name, number, self.colours.get(name, spare[number]))
                for number, name in enumerate(names)
            )
        )


class OutlineTruth:
    """The pixels whose centres lie in outlines; void elsewhere.

    Args:
        outlines: What is known.
        classes: Their classes.
        size: (width, height) of the image they were drawn on, pixels.

    Raises:
        SourceError: A class is in no table, or all outlines lie outside the image.
    """

    def __init__(self, outlines: Outlines, classes: ClassTable, size: tuple[int, int]) -> None:
        self.size = size
        unknown = sorted(set(outlines.names) - set(classes.names))
        if unknown:
            raise SourceError(
                f"{outlines.path.name} has outlines of {unknown[0]!r}, which is in no table of "
                f"classes.{did_you_mean(unknown[0], classes.names)}"
            )
        self._shapes = outlines.shapes
        self._numbers = [classes.names.index(name) for name in outlines.names]
        self._tree = shapely.STRtree(self._shapes)
        if not len(self._tree.query(shapely.box(0, 0, *size), "intersects")):
            raise SourceError(
                f"All {len(self._shapes)} outlines of {outlines.path.name} lie outside the image "
                f"of {size[0]}×{size[1]} px; were they drawn on another one?"
            )

    def read(self, region: Region) -> IntArray:
        """Return the (height, width) class numbers of a region."""
        from rasterio.features import rasterize
        from rasterio.transform import Affine

        found = np.full((region.height, region.width), VOID, np.int64)
        inside = np.sort(self._tree.query(shapely.box(*region.box), "intersects"))
        if len(inside):
            # rasterio burns 32-bit numbers; void is -1 there as well.
            burnt = rasterize(
                [(self._shapes[place], self._numbers[place]) for place in inside],
                out_shape=found.shape,
                fill=VOID,
                transform=Affine.translation(region.x, region.y),
                dtype=np.int32,
            )
            found[:] = burnt
        return found


def read_outlines(path: Path) -> Outlines:
    """Read GeoJSON as QuPath writes it: a collection, a list of features, or a single one.

    The class of an outline is its ``classification`` (``name``, or ``names`` joined by ``: ``); its
    colour is ``color``, or ``colorRGB`` of older versions. Outlines without a class, and what is no
    area, are counted in the remarks.

    Raises:
        SourceError: It is no GeoJSON, or no area in it has a class.
    """
    shapes, names = [], []
    colours: dict[str, tuple[int, int, int]] = {}
    left_out: Counter[str] = Counter()
    for feature in _features(path):
        area, why = _area(feature.get("geometry"))
        name, colour = _classification(feature.get("properties"))
        if area is None or not name:
            left_out[why or "without a class"] += 1
            continue
        shapes.append(area)
        names.append(name)
        if colour is not None:
            colours.setdefault(name, colour)
    listed = ", ".join(f"{count} {why}" for why, count in sorted(left_out.items()))
    if not shapes:
        raise SourceError(
            f"{path} holds no area with a class ({listed or 'it is empty'}); draw outlines and "
            "give each a classification."
        )
    remarks = (f"{path.name}: outlines left out: {listed}",) if left_out else ()
    return Outlines(path, tuple(shapes), tuple(names), colours, remarks)


def _features(path: Path) -> list[Mapping[str, Any]]:
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise SourceError(f"{path} is not JSON ({error}); export it again as GeoJSON.") from error
    if isinstance(values, Mapping):
        values = values.get("features", [values] if "geometry" in values else None)
    if not isinstance(values, list) or not all(isinstance(one, Mapping) for one in values):
        raise SourceError(
            f"{path} is no GeoJSON of outlines: it has neither features nor a list of them."
        )
    return values


def _area(geometry: object) -> tuple[BaseGeometry | None, str]:
    """A valid area, or why there is none."""
    if not isinstance(geometry, Mapping):
        return None, "without a geometry"
    if geometry.get("type") not in ("Polygon", "MultiPolygon"):
        return None, f"no areas but {geometry.get('type')}"
    try:
        area = shape(geometry)
        if not area.is_valid:  # outlines drawn by hand cross themselves
            area = shapely.make_valid(area)
    except (ShapelyError, ValueError, TypeError, IndexError, KeyError, AttributeError):
        return None, "damaged"
    return (area, "") if area.area > 0 else (None, "without extent")


def _classification(properties: object) -> tuple[str, tuple[int, int, int] | None]:
    """Name and colour of a feature's class; "" without one."""
    said = properties.get("classification") if isinstance(properties, Mapping) else None
    if isinstance(said, str):
        return said.strip(), None
    if not isinstance(said, Mapping):
        return "", None
    names = said.get("names")
    name = ": ".join(map(str, names)) if isinstance(names, list) else said.get("name")
    return str(name or "").strip(), _colour(said)


def _colour(said: Mapping[str, Any]) -> tuple[int, int, int] | None:
    colour, packed = said.get("color"), said.get("colorRGB")
    if isinstance(packed, int):  # Java's signed alpha, red, green, blue
        return packed >> 16 & 255, packed >> 8 & 255, packed & 255
    whole = isinstance(colour, Sequence) and all(
        isinstance(part, int) and 0 <= part <= 255 for part in colour
    )
    if not whole or colour is None or len(colour) != 3:
        return None
    red, green, blue = colour
    return red, green, blue
