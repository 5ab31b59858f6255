"""Items as objects of QuPath, and what people made of them there: GeoJSON both ways.

QuPath 0.4 and later read a class only together with its colour, and keep an object's id where it
is a UUID; 0.5 and later keep metadata of every object, 0.4 that of annotations.
"""

from __future__ import annotations

import json
import re
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from georetrieve.errors import SourceError
from georetrieve.search.outlines import ItemOutline
from georetrieve.sources.annotations import Annotation, parse_annotations, unpack_annotations
from georetrieve.sources.masks.classes import distinct_colours

__all__ = [
    "MatchedAnnotations",
    "UnmatchedAnnotation",
    "class_colours",
    "match_annotations",
    "object_id",
    "outlines_geojson",
]

ITEM = "georetrieve item"
PREDICTED = "predicted"
"""Second part of the class of what a probe named and nobody confirmed: ``Azolla: predicted``."""
LEAST_IOU = 0.5
MOST_TIMES = 2.0
"""An area this many times an item's is drawn around something else, though its middle may hit."""
MOST_ANNOTATIONS = 500_000
MOST_VERTICES = 1_000_000

_REGION = re.compile(r"#(?:[zyx]=\d+,)?\d+,\d+,\d+,\d+$")


@dataclass(frozen=True, slots=True)
class UnmatchedAnnotation:
    """An annotation that is of no item.

    Attributes:
        label: Its class.
        box: (x, y, width, height), level-0 pixels.
    """

    label: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class MatchedAnnotations:
    """What annotations say of items.

    Attributes:
        labels: Class by item id, of the items whose label it would change.
        unchanged: Number of items that have the label already.
        conflicts: Classes by item id, where there are several; none of them counts.
        unmatched: Of no item; they would have to be cut and encoded to become one.
        passed_over: Reason → number of annotations that say nothing of a class.
    """

    labels: dict[str, str]
    unchanged: int = 0
    conflicts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unmatched: tuple[UnmatchedAnnotation, ...] = ()
    passed_over: Mapping[str, int] = field(default_factory=dict)


# --- out ------------------------------------------------------------------------------------------


def object_id(one: str) -> str:
    """The UUID an item has in QuPath: of its id, so that it is the same at every export."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{ITEM}:{one}"))


def class_colours(labels: Iterable[str | None]) -> dict[str, str]:
    """``#rrggbb`` by label, colours that are told apart most easily for the most frequent."""
    counts = Counter(label for label in labels if label)
    names = sorted(counts, key=lambda name: (-counts[name], name))
    shades = distinct_colours(len(names))
    written = ("#{:02x}{:02x}{:02x}".format(*shade) for shade in shades)
    return dict(zip(names, written, strict=True))


def outlines_geojson(
    outlines: Sequence[ItemOutline],
    *,
    colours: Mapping[str, str] | None = None,
    detections: bool = False,
) -> str:
    """Items of one file as a FeatureCollection that QuPath 0.4 and later import.

    The class of an item is its label; of an unlabelled one that a probe has named it is
    ``Azolla: predicted``, a derived class in QuPath. The item's id is its object's metadata.

    Args:
        outlines: Of one file; of a volume those of one slice.
        colours: ``#rrggbb`` by label; by default such that classes are told apart.
        detections: As detections, which QuPath is quicker with where they are many, rather than
            annotations, which can be reshaped there.

    Raises:
        SourceError: They lie on several slices.
    """
    if len({(one.region.axis, one.region.index) for one in outlines}) > 1:
        raise SourceError(
            "QuPath has no volumes: it opens a slice as an image of its own; choose one slice."
        )
    if colours is None:
        colours = class_colours(one.label or one.predicted for one in outlines)
    kind = "detection" if detections else "annotation"
    lines = (
        json.dumps(_feature(one, colours, kind), ensure_ascii=False, allow_nan=False)
        for one in outlines
    )
    return '{"type": "FeatureCollection", "features": [\n' + ",\n".join(lines) + "\n]}\n"


def _feature(one: ItemOutline, colours: Mapping[str, str], kind: str) -> dict[str, Any]:
    rings = [[[round(x, 1), round(y, 1)] for x, y in (*ring, ring[0])] for ring in one.rings]
    region = _REGION.search(one.id)
    properties: dict[str, Any] = {
        "objectType": kind,
        "name": region[0][1:] if region else one.id.rpartition("/")[2],
        "metadata": {ITEM: one.id},
        "measurements": dict(one.measures),
    }
    if one.label:
        colour = _rgb(colours.get(one.label))
        properties["classification"] = {"name": one.label, "color": list(colour)}
    elif one.predicted:
        colour = _rgb(colours.get(one.predicted))
        pale = [(part + 255) // 2 for part in colour]
        properties["classification"] = {"names": [one.predicted, PREDICTED], "color": pale}
    return {
        "type": "Feature",
        "id": object_id(one.id),
        "geometry": {"type": "Polygon", "coordinates": rings},
        "properties": properties,
    }


def _rgb(colour: str | None) -> tuple[int, int, int]:
    if colour is None:
        return 154, 166, 162
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue


# --- in -------------------------------------------------------------------------------------------


def match_annotations(
    data: str | bytes, outlines: Sequence[ItemOutline], *, name: str = "The file"
) -> MatchedAnnotations:
    """Tell which item each annotation is of, and what label it gives.

    An annotation that was exported from here is known by its id. Any other one is of the item with
    whose outline or box it agrees best (intersection over union of at least 0.5), else of the item
    that alone holds its middle, unless it is more than twice as large.

    Nothing is said by annotations without a class, by classes that QuPath ignores (``Ignore*``,
    ``Region*``), and by classes that are still ``predicted``.

    Args:
        data: GeoJSON, as it is or packed by QuPath as a zip.
        outlines: Of the file that the annotations were drawn on.
        name: What ``data`` is called in messages.

    Raises:
        SourceError: It is no GeoJSON, or too much of it.
    """
    packed = data.encode() if isinstance(data, str) else data
    read = parse_annotations(unpack_annotations(packed, name), name, most_vertices=MOST_VERTICES)
    if len(read.found) > MOST_ANNOTATIONS:
        raise SourceError(
            f"{name} holds {len(read.found):,} annotations; at most {MOST_ANNOTATIONS:,} are read, "
            "so export fewer at once."
        )
    passed = Counter(read.left_out)
    said: dict[str, set[str]] = defaultdict(set)
    unmatched: list[UnmatchedAnnotation] = []
    places = _Places(outlines)
    spelt = {
        _as_class(name): name for one in outlines for name in (one.predicted, one.label) if name
    }
    for annotation in read.found:
        label = _as_class(annotation.name)
        label = spelt.get(label, label)
        why = _silent(label) or places.foreign(annotation)
        if why:
            passed[why] += 1
            continue
        one = places.item(annotation)
        if one is None:
            unmatched.append(UnmatchedAnnotation(label, _box(annotation.area)))
        else:
            said[one].add(label)
    return _result(outlines, said, tuple(unmatched), passed)


def _silent(label: str) -> str:
    if not label:
        return "without a class"
    if label.endswith("*"):
        return "of a class that QuPath ignores (…*)"
    if label.endswith(f": {PREDICTED}"):
        return "still predicted"
    return ""


def _box(area: BaseGeometry) -> tuple[float, float, float, float]:
    left, top, right, bottom = (round(side, 1) for side in area.bounds)
    return left, top, round(right - left, 1), round(bottom - top, 1)


def _result(
    outlines: Sequence[ItemOutline],
    said: Mapping[str, set[str]],
    unmatched: tuple[UnmatchedAnnotation, ...],
    passed: Mapping[str, int],
) -> MatchedAnnotations:
    before = {one.id: one.label for one in outlines}
    conflicts = {one: tuple(sorted(said[one])) for one in before if len(said.get(one, ())) > 1}
    agreed = {one: next(iter(names)) for one, names in said.items() if len(names) == 1}
    labels = {one: agreed[one] for one in before if one in agreed and agreed[one] != before[one]}
    return MatchedAnnotations(labels, len(agreed) - len(labels), conflicts, unmatched, dict(passed))


class _Places:
    """The items of a file, found by id and by place.

    Args:
        outlines: Theirs.
    """

    def __init__(self, outlines: Sequence[ItemOutline]) -> None:
        self._ids = [one.id for one in outlines]
        self._numbers = {one: number for number, one in enumerate(self._ids)}
        self._objects = {object_id(one): number for number, one in enumerate(self._ids)}
        self._files = {_file(one) for one in self._ids}
        self._outlines = [shapely.Polygon(one.rings[0], one.rings[1:]) for one in outlines]
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
        around = [int(n) for n in near if self._outlines[n].intersects(middle)]
        if len(around) == 1 and area.area <= MOST_TIMES * self._outlines[around[0]].area:
            return around[0]
        return None


def _file(one: str) -> str:
    """An id without its region; the name of a file may hold a ``#`` as well."""
    return _REGION.sub("", one)


def _as_class(label: str) -> str:
    """A label as QuPath spells it, which takes what colons part for classes within classes."""
    return ": ".join(" ".join(part.split()) for part in label.split(":"))


def _iou(one: BaseGeometry, other: BaseGeometry) -> float:
    both = one.intersection(other).area
    return float(both / (one.area + other.area - both))
