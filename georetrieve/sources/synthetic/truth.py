"""What is on a synthetic slide, written for people, programs and QuPath."""

from __future__ import annotations

import csv
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from skimage import measure

from georetrieve.errors import SourceError
from georetrieve.sources.masks.classes import distinct_colours
from georetrieve.sources.synthetic.layout import PlacedSpecimen, SlidePlan
from georetrieve.types import Region

__all__ = ["read_truth", "write_truth"]

COLUMNS = ("taxon", "x", "y", "width", "height", "area_px", "area_um2", "touching")


def write_truth(stem: Path, plan: SlidePlan) -> tuple[Path, Path]:
    """Write ``stem.csv`` (a row a specimen, level-0 pixels) and ``stem.geojson`` (for QuPath)."""
    table = stem.with_name(stem.name + ".csv")
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for one in plan.specimens:
            box = one.region
            writer.writerow(
                {
                    "taxon": one.taxon,
                    "x": box.x,
                    "y": box.y,
                    "width": box.width,
                    "height": box.height,
                    "area_px": one.area_px,
                    "area_um2": round(one.area_px * plan.um_per_px**2, 1),
                    "touching": int(one.touching),
                }
            )
    shapes = stem.with_name(stem.name + ".geojson")
    features = list(_features(plan))
    shapes.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    return table, shapes


def read_truth(path: Path) -> list[tuple[str, Region]]:
    """Read the (taxon, bounding box) of every specimen.

    Args:
        path: A table or a GeoJSON file as :func:`write_truth` writes them; QuPath's export of
            annotations is such a file, too.

    Raises:
        SourceError: The file cannot be read, or is neither.
    """
    try:
        if path.suffix.lower() in (".geojson", ".json"):
            return _from_geojson(path)
        return _from_table(path)
    except OSError as error:
        raise SourceError(f"Truth {path} cannot be read ({error.strerror}).") from error
    except (KeyError, TypeError, ValueError) as error:
        raise SourceError(
            f"Truth {path} holds no specimens ({type(error).__name__}: {error}); it is a table "
            "with the columns taxon, x, y, width and height in whole level-0 pixels, or a GeoJSON "
            "file of polygons."
        ) from error


def _from_table(path: Path) -> list[tuple[str, Region]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [
            (
                row["taxon"],
                Region(int(row["x"]), int(row["y"]), int(row["width"]), int(row["height"])),
            )
            for row in csv.DictReader(file)
        ]


def _from_geojson(path: Path) -> list[tuple[str, Region]]:
    found = []
    for feature in json.loads(path.read_text("utf-8"))["features"]:
        name = feature["properties"].get("classification", {}).get("name", "")
        ring = np.array(feature["geometry"]["coordinates"][0], float)
        left, top = np.maximum(np.rint(ring.min(axis=0)), 0).astype(int).tolist()
        right, bottom = np.rint(ring.max(axis=0)).astype(int).tolist()
        found.append((name, Region(left, top, right - left, bottom - top)))
    return found


def _features(plan: SlidePlan) -> Iterator[dict[str, Any]]:
    taxa = sorted({one.taxon for one in plan.specimens})
    # QuPath 0.4 and later refuse a class without a colour.
    colours = dict(zip(taxa, distinct_colours(len(taxa)), strict=True))
    for number, one in enumerate(plan.specimens):
        named = {"name": one.taxon, "color": list(colours[one.taxon])}
        yield {
            "type": "Feature",
            "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{plan.seed}-{number}")),
            "geometry": {"type": "Polygon", "coordinates": [_outline(one)]},
            "properties": {"objectType": "annotation", "classification": named},
        }


def _outline(one: PlacedSpecimen) -> list[list[float]]:
    """The longest outline of the mask, closed, in level-0 pixels."""
    padded = np.pad(one.mask, 1).astype(np.float32)
    contours = measure.find_contours(padded, 0.5)  # type: ignore[no-untyped-call]
    longest = measure.approximate_polygon(  # type: ignore[no-untyped-call]
        max(contours, key=len), 0.7
    )
    # Contours run through pixel middles of a mask padded by one pixel.
    ring = longest[:, ::-1] - 0.5 + (one.region.x, one.region.y)
    return [[round(float(x), 1), round(float(y), 1)] for x, y in ring]
