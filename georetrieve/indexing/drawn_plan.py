"""Which areas that somebody drew on a file of an index can become items, and which cannot."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from georetrieve.errors import SourceError
from georetrieve.indexing.drawn_cuts import canvas_of
from georetrieve.indexing.indexed_file import indexed_file, open_indexed
from georetrieve.indexing.pipeline import FileJob
from georetrieve.protocols import Raster
from georetrieve.sources.annotations import Annotation
from georetrieve.sources.cut import CutOptions, with_margin
from georetrieve.sources.tracing import simplified
from georetrieve.stores.drawn import DrawnOutline
from georetrieve.stores.items import Key
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.schema import sql_literal
from georetrieve.types import Axis, Region, item_id

__all__ = ["DrawnPlan", "labels_on", "plan_drawn"]

MOST_AT_ONCE = 10_000
LEAST_PX = 4
LEAST_INSIDE = 0.5
MOST_SHARE = 0.9
"""Of an image; what is larger is the whole image, which is an item, or can be, as it is."""


@dataclass(frozen=True, slots=True)
class DrawnPlan:
    """What areas that somebody drew would become.

    Attributes:
        file: That they were drawn on, as it is on disk.
        new: Outline by id of the item it would become.
        labels: Class by id of item: of the new ones, and of those that are items already but do
            not have this label; "" for none.
        passed_over: Reason → number of areas that become no item.
    """

    file: FileJob
    new: Mapping[str, DrawnOutline]
    labels: Mapping[str, str]
    passed_over: Mapping[str, int] = field(default_factory=dict)


def plan_drawn(
    store: IndexStore, key: Key, areas: Sequence[Annotation], *, at: tuple[Axis, int] | None = None
) -> DrawnPlan:
    """Tell which areas can become items, and of the others why not.

    Args:
        store: The index.
        key: Source and path of the file they were drawn on.
        areas: Of any shape, with their classes.
        at: Axis and number of the slice they were drawn on, where the file is a volume.

    Raises:
        SourceError: The file is gone, has changed since it was indexed, or cannot be read; or it is
            a volume and no slice is named.
    """
    file = indexed_file(store, key)
    with open_indexed(store, file) as raster:
        canvas = _canvas(raster, key[1], at)
    outlines, said, passed = _sorted_out(store, key, areas, canvas, at)
    before = labels_on(store, key)
    return DrawnPlan(
        file,
        {one: outline for one, outline in outlines.items() if one not in before},
        {one: label for one, label in said.items() if before.get(one) != label},
        passed,
    )


def labels_on(store: IndexStore, key: Key) -> dict[str, str | None]:
    """Label by id of every item of a file."""
    where = f"source = {sql_literal(key[0])} AND path = {sql_literal(key[1])}"
    table = store.scan(["id", "label"], where)
    return dict(zip(*(table.column(name).to_pylist() for name in ("id", "label")), strict=True))


def _sorted_out(
    store: IndexStore,
    key: Key,
    areas: Sequence[Annotation],
    canvas: tuple[int, int],
    at: tuple[Axis, int] | None,
) -> tuple[dict[str, DrawnOutline], dict[str, str], Counter[str]]:
    """Outlines and classes by the id of the item each is, and why others are none."""
    margin = CutOptions.from_json(store.manifest.cutting).margin
    passed: Counter[str] = Counter()
    outlines: dict[str, DrawnOutline] = {}
    said: dict[str, Counter[str]] = defaultdict(Counter)
    for number, area in enumerate(areas):
        if len(outlines) == MOST_AT_ONCE:
            reason = f"beyond the {MOST_AT_ONCE:,} that are added at once; import again"
            passed[reason] = len(areas) - number
            break
        one = _outline(area.area, canvas, at)
        if isinstance(one, str):
            passed[one] += 1
            continue
        name = item_id(key[1], with_margin(one.box, canvas, margin), source=key[0])
        outlines.setdefault(name, one)
        said[name][area.name] += 1
    for name in [name for name, names in said.items() if len(names) > 1]:
        passed["drawn twice, as different classes"] += said.pop(name).total()
        del outlines[name]
    return outlines, {name: next(iter(names)) for name, names in said.items()}, passed


def _canvas(raster: Raster, path: str, at: tuple[Axis, int] | None) -> tuple[int, int]:
    axis, number = at or (None, None)
    canvas = canvas_of(raster, None if at is None else Region(0, 0, 1, 1, number, axis))
    if canvas is not None:
        return canvas
    if at is None:
        raise SourceError(f"{path} is a volume; name the slice that the areas were drawn on.")
    raise SourceError(f"{path} has no slice {axis}={number}.")


def _outline(
    area: BaseGeometry, canvas: tuple[int, int], at: tuple[Axis, int] | None
) -> DrawnOutline | str:
    """What is kept of an area, or why it can be no item."""
    bodies = _inside(area, canvas)
    covered = sum(body.area for body in bodies)
    if covered < LEAST_INSIDE * area.area:
        return "more than half outside of the image"
    bounds = shapely.total_bounds(bodies)
    left, top = (int(side) for side in np.floor(bounds[:2]))
    right, bottom = (int(side) for side in np.ceil(bounds[2:]))
    width, height = right - left, bottom - top
    if min(width, height) < LEAST_PX:
        return f"narrower than {LEAST_PX} pixels"
    if width * height > MOST_SHARE * canvas[0] * canvas[1]:
        return "as large as the image"
    largest = max(bodies, key=lambda body: body.area)
    points = shapely.get_coordinates(simplified(shapely.Polygon(largest.exterior)).exterior)
    ring = tuple((float(x), float(y)) for x, y in points[:-1].round(1))
    axis, number = at or (None, None)
    box = Region(left, top, width, height, number, axis)
    return DrawnOutline(box, max(1, round(covered)), ring, canvas)


def _inside(area: BaseGeometry, canvas: tuple[int, int]) -> list[shapely.Polygon]:
    """The bodies of an area, as far as they lie on the image."""
    left, top, right, bottom = area.bounds
    if left < 0 or top < 0 or right > canvas[0] or bottom > canvas[1]:
        area = area.intersection(shapely.box(0, 0, *canvas))
    parts = shapely.get_parts(shapely.get_parts(area))  # what was mended may hold several of both
    return [one for one in parts if isinstance(one, shapely.Polygon) and one.area > 0]
