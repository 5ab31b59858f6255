"""Annotations of QuPath and programs like it: areas with classes, as GeoJSON."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from georetrieve.errors import SourceError

__all__ = ["MOST_BYTES", "Annotation", "Annotations", "parse_annotations", "unpack_annotations"]

MOST_BYTES = 100 * 1000**2
"""Of an export that is read back; that of 80,000 specimens has 90."""
FARTHEST_PX = 1e8
MENDED_VERTICES, FEWEST_VERTICES = 300, 6
"""Kept of an outline that crosses itself, where it is from elsewhere, and least of a ring: mending
takes a time that goes with the square of the crossings."""
SHAPES = ("Point", "MultiPoint", "LineString", "MultiLineString", "GeometryCollection")


@dataclass(frozen=True, slots=True)
class Annotation:
    """An area that somebody drew.

    Attributes:
        area: Polygon or multipolygon, valid, pixels of level 0.
        name: Of its class, parts joined by ``: ``; "" without one.
        colour: Of its class, 0..255; None where the file gives none.
        id: The program's own id of it; "" without one.
        metadata: What was noted with it.
    """

    area: BaseGeometry
    name: str
    colour: tuple[int, int, int] | None = None
    id: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(x, y, width, height), level-0 pixels, in tenths."""
        left, top, right, bottom = (round(side, 1) for side in self.area.bounds)
        return left, top, round(right - left, 1), round(bottom - top, 1)


@dataclass(frozen=True, slots=True)
class Annotations:
    """What a file holds.

    Attributes:
        found: The areas.
        left_out: Reason → number of features that are none.
    """

    found: tuple[Annotation, ...]
    left_out: Mapping[str, int]


def unpack_annotations(data: bytes, name: str, *, most_bytes: int = MOST_BYTES) -> bytes:
    """The GeoJSON of an export, which QuPath may have packed as a zip; gzip is unpacked too.

    Args:
        data: The file.
        name: What it is called in messages.
        most_bytes: Bound of the text, however small it is packed.

    Raises:
        SourceError: It is larger, or the packing is damaged or holds no GeoJSON.
    """
    try:
        if data.startswith(b"PK\x03\x04"):
            data = _zipped(data, name, most_bytes)
        elif data.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
                data = packed.read(most_bytes + 1)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
        # RuntimeError: of a zip that is encrypted, or packed in a way that zipfile does not know.
        raise SourceError(
            f"{name} cannot be unpacked ({error}); export it again as GeoJSON."
        ) from error
    if len(data) > most_bytes:
        raise SourceError(
            f"{name} holds more than {most_bytes / 1000**2:.0f} MB of GeoJSON; export fewer "
            "objects at once."
        )
    return data


def _zipped(data: bytes, name: str, most_bytes: int) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [
            one
            for one in archive.namelist()
            if one.lower().endswith((".geojson", ".json")) and not one.startswith("__MACOSX")
        ]
        if len(members) != 1:
            raise SourceError(
                f"{name} is a zip with {len(members)} GeoJSON files in it; unpack it and name one."
            )
        with archive.open(members[0]) as packed:
            return packed.read(most_bytes + 1)


def parse_annotations(data: bytes, name: str, *, most_vertices: int | None = None) -> Annotations:
    """Read GeoJSON as QuPath writes it: a collection, a list of features, or a single one.

    The class of an area is its ``classification`` (``name``, or ``names`` joined by ``: ``); its
    colour is ``color``, or ``colorRGB`` of versions before 0.4.

    Args:
        data: The file.
        name: What it is called in messages.
        most_vertices: Areas of more are left out, where given; those that cross themselves are
            then mended coarsely, since a hostile one would take hours.

    Raises:
        SourceError: It is no GeoJSON.
    """
    found: list[Annotation] = []
    left_out: Counter[str] = Counter()
    for feature in _features(data, name):
        area, why = _area(feature.get("geometry"), most_vertices)
        if area is None:
            left_out[why] += 1
            continue
        properties = feature.get("properties")
        properties = properties if isinstance(properties, Mapping) else {}
        class_name, colour = _classification(properties.get("classification"))
        own = feature.get("id")
        found.append(
            Annotation(
                area,
                class_name,
                colour,
                own if isinstance(own, str) else "",
                _metadata(properties.get("metadata")),
            )
        )
    return Annotations(tuple(found), left_out)


def _features(data: bytes, name: str) -> list[Mapping[str, Any]]:
    try:
        values = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise SourceError(f"{name} is not JSON ({why}); export it again as GeoJSON.") from error
    if isinstance(values, Mapping):
        values = values.get("features", [values] if "geometry" in values else None)
    if not isinstance(values, list) or not all(isinstance(one, Mapping) for one in values):
        raise SourceError(
            f"{name} is no GeoJSON of outlines: it has neither features nor a list of them."
        )
    return values


def _area(geometry: object, most_vertices: int | None) -> tuple[BaseGeometry | None, str]:
    """A valid area, or why there is none."""
    if not isinstance(geometry, Mapping):
        return None, "without a geometry"
    kind = geometry.get("type")
    if kind not in ("Polygon", "MultiPolygon"):
        return None, f"no areas but {kind if kind in SHAPES else 'something else'}"
    try:
        with np.errstate(invalid="ignore"):  # what is no number is found below
            area = _shape(kind, geometry["coordinates"])
        if most_vertices is not None and shapely.get_num_coordinates(area) > most_vertices:
            return None, f"with more than {most_vertices:,} vertices"
        points = shapely.get_coordinates(area)
        if not (np.abs(points) <= FARTHEST_PX).all():  # false for what is no number, too
            return None, "damaged"
        if not area.is_valid:  # outlines drawn by hand cross themselves
            area = shapely.make_valid(area) if most_vertices is None else _mended(area)
    except (ShapelyError, ValueError, TypeError, IndexError, KeyError, AttributeError):
        return None, "damaged"
    return (area, "") if area.area > 0 else (None, "without extent")


def _shape(kind: str, coordinates: Any) -> BaseGeometry:  # noqa: ANN401 - of a file
    """As shapely's own ``shape``, but rings at once rather than point by point."""
    if kind == "MultiPolygon":
        return shapely.MultiPolygon([_shape("Polygon", part) for part in coordinates])
    rings = [np.asarray(ring, np.float64)[:, :2] for ring in coordinates]
    return shapely.Polygon(rings[0], rings[1:])


def _mended(area: Any) -> BaseGeometry:  # noqa: ANN401 - polygon or multipolygon
    """About the same area without crossings, in a time that is bounded however many there are.

    Raises:
        ValueError: It has too many rings.
    """
    parts = shapely.get_parts(area)
    few = MENDED_VERTICES // sum(1 + len(part.interiors) for part in parts)
    if few < FEWEST_VERTICES:
        raise ValueError("an area that crosses itself has too many rings")

    def thinned(ring: BaseGeometry) -> npt.NDArray[np.float64]:
        points: npt.NDArray[np.float64] = shapely.get_coordinates(ring)[:-1]
        return points[:: -(-len(points) // few)]

    whole = [
        shapely.Polygon(thinned(part.exterior), [thinned(hole) for hole in part.interiors])
        for part in parts
    ]
    mended: BaseGeometry = shapely.make_valid(
        shapely.MultiPolygon(whole), method="structure", keep_collapsed=False
    )
    return mended


def _classification(said: object) -> tuple[str, tuple[int, int, int] | None]:
    """Name and colour of a feature's class; "" without one."""
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


def _metadata(said: object) -> dict[str, str]:
    if not isinstance(said, Mapping):
        return {}
    return {str(one): value for one, value in said.items() if isinstance(value, str)}
