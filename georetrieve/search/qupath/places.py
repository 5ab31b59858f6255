"""Items of a file, found by id and by place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from georetrieve.search.outlines import ItemOutline
from georetrieve.search.qupath.objects import ITEM, REGION, object_id
from georetrieve.sources.annotations import Annotation

__all__ = ["Places"]

LEAST_IOU = 0.5
MOST_TIMES = 2.0
"""An area this many times an item's is drawn around something else, though its middle may hit."""


class Places:
    """The items of a file, found by id and by place.

    Args:
        outlines: Theirs.
    """

    def __init__(self, outlines: Sequence[ItemOutline]) -> None:
        self._ids = [one.id for one in outlines]
        self._numbers = {one: number for number, one in enumerate(self._ids)}
        self._objects = {object_id(one): number for number, one in enumerate(self._ids)}
        self._files = {_file(one) for one in self._ids}
        self._specimens = [one.kind == "specimen" for one in outlines]
        self._outlines = [
            shapely.Polygon(np.array(one.rings[0]), [np.array(hole) for hole in one.rings[1:]])
            for one in outlines
        ]
        self._boxes = [shapely.box(*one.region.box) for one in outlines]
        self._tree = shapely.STRtree(self._boxes)
        self._largest = max((box.area for box in self._boxes), default=0.0)

    def foreign(self, annotation: Annotation) -> str:
        """Why an annotation that was exported from here says nothing of this file; "" otherwise."""
        item = annotation.metadata.get(ITEM)
        known = item is None or _file(item) in self._files
        return "" if known else "exported from another file"

    def item(self, annotation: Annotation) -> str | None:
        """The item an annotation is of."""
        area = annotation.area
        number = self._numbers.get(annotation.metadata.get(ITEM, ""))
        if number is None:
            number = self._objects.get(annotation.id.lower())
        # A copy that was moved elsewhere is of what lies there.
        if number is not None and self._boxes[number].intersects(area):
            return self._ids[number]
        number = self._at(area)
        return None if number is None else self._ids[number]

    def _at(self, area: BaseGeometry) -> int | None:
        if area.area > MOST_TIMES * self._largest:
            return None  # it would be compared with every item it holds
        near = self._tree.query(area, "intersects")
        if not len(near):
            return None
        ious = np.array(
            [max(_iou(area, self._outlines[n]), _iou(area, self._boxes[n])) for n in near]
        )
        if ious.max() >= LEAST_IOU:
            return int(near[int(ious.argmax())])
        middle = area.centroid
        # Something small in the middle of a tile or a whole image is not what these show.
        around = [
            int(n) for n in near if self._specimens[n] and self._outlines[n].intersects(middle)
        ]
        if len(around) == 1 and area.area <= MOST_TIMES * self._outlines[around[0]].area:
            return around[0]
        return None


def _file(one: str) -> str:
    """An id without its region; the name of a file may hold a ``#`` as well."""
    return REGION.sub("", one)


def _iou(one: BaseGeometry, other: BaseGeometry) -> float:
    both = one.intersection(other).area
    return float(both / (one.area + other.area - both))
