"""Outlines of QuPath and other programs: GeoJSON polygons, with holes, rasterised by region."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from georetrieve.errors import SourceError, did_you_mean
from georetrieve.sources.annotations import parse_annotations
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
    try:
        read = parse_annotations(path.read_bytes(), str(path))
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror}).") from error
    left_out = Counter(read.left_out)
    for one in read.found:
        if not one.name:
            left_out["without a class"] += 1
            continue
        shapes.append(one.area)
        names.append(one.name)
        if one.colour is not None:
            colours.setdefault(one.name, one.colour)
    listed = ", ".join(f"{count} {why}" for why, count in sorted(left_out.items()))
    if not shapes:
        raise SourceError(
            f"{path} holds no area with a class ({listed or 'it is empty'}); draw outlines and "
            "give each a classification."
        )
    remarks = (f"{path.name}: outlines left out: {listed}",) if left_out else ()
    return Outlines(path, tuple(shapes), tuple(names), colours, remarks)
