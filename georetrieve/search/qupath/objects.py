"""Items as QuPath's objects."""

from __future__ import annotations

import json
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from georetrieve.errors import SourceError
from georetrieve.search.outlines import ItemOutline
from georetrieve.sources.masks.classes import distinct_colours

__all__ = ["ITEM", "PREDICTED", "REGION", "class_colours", "object_id", "outlines_geojson"]

ITEM = "georetrieve item"
"""Key of an object's metadata that holds the id of its item."""
PREDICTED = "predicted"
"""Second part of the class of what a probe named and nobody confirmed: ``Azolla: predicted``."""
REGION = re.compile(r"#(?:[zyx]=\d+,)?\d+,\d+,\d+,\d+$")
"""The end of the id of an item that is no whole image."""


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
    region = REGION.search(one.id)
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
