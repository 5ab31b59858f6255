"""Outlines of the specimens on a slide, traced by the very steps that cut them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from georetrieve.protocols import Progress, Raster
from georetrieve.sources.cut import CutOptions, with_margin
from georetrieve.sources.particles import Component, Mask
from georetrieve.sources.specimens import look_for, working_factor
from georetrieve.types import Region

__all__ = ["Ring", "Trace", "match_traces", "simplified", "trace_mask", "trace_specimens"]

Ring: TypeAlias = tuple[tuple[float, float], ...]

MOST_POINTS = 60
TOLERANCE_PX = 0.25
"""How far an outline may move when points are left out, pixels of the mask; doubled until few
enough are left."""
SET_BACK_PX = 1.08
"""How far outside a specimen its mask ends, working pixels: it goes on to where a seventh of the
darkness is left (CONTRAST), which a blur of one pixel (SMOOTH_PX) carries 1.08 pixels outward."""
LEAST_LEFT = 0.5
LEAST_IOU = 0.5


@dataclass(frozen=True, slots=True)
class Trace:
    """A specimen's outline.

    Attributes:
        region: The box it is cut with, margin included, level-0 pixels.
        ring: (x, y), level-0 pixels; the first point is not repeated at the end.
    """

    region: Region
    ring: Ring


def trace_specimens(
    raster: Raster, options: CutOptions, *, progress: Progress | None = None
) -> list[Trace]:
    """Find the specimens of a slide again, with their outlines.

    They are found as :func:`~georetrieve.sources.specimens.find_specimens` finds them, so that the
    boxes are those of the items, to the pixel.

    Args:
        raster: The slide.
        options: How it was cut.
        progress: Told how far it is.

    Raises:
        SourceError: The slide cannot be read, or holds no specimens on bright glass.
    """
    factor = working_factor(raster.um_per_px or 1.0, options.min_um)
    found = look_for(raster, min_um=options.min_um, max_um=options.max_um, progress=progress)
    return [
        Trace(
            with_margin(one.region, raster.size, options.margin),
            _on_slide(component, part, factor, raster.size),
        )
        for one, component, part in found
    ]


def _on_slide(component: Component, part: Mask, factor: int, size: tuple[int, int]) -> Ring:
    corner = np.array([component.x, component.y])
    points = (trace_mask(part, set_back_px=SET_BACK_PX) + corner) * factor
    # The last working pixel may reach beyond the slide.
    inside = np.clip(points, 0, size).round(1)
    return tuple((float(x), float(y)) for x, y in inside)


def trace_mask(
    mask: Mask, *, set_back_px: float = 0.0, most_points: int = MOST_POINTS
) -> npt.NDArray[np.float64]:
    """The outline of a mask; of several bodies, that of the largest.

    It runs between the centres of the pixels inside and those outside (marching squares, Lorensen
    and Cline 1987), and is simplified (Douglas and Peucker 1973).

    Args:
        mask: (h, w), something in it.
        set_back_px: How far it is drawn inside that, pixels of the mask, unless half of what it
            encloses were lost.
        most_points: Bound of the number of points, at least 4.

    Returns:
        (n, 2) float64: x and y, where a pixel reaches from its number to the next.
    """
    from skimage.measure import find_contours

    contours = find_contours(  # type: ignore[no-untyped-call]
        np.pad(mask, 1).astype(np.float32), 0.5, fully_connected="high"
    )
    outline = max((shapely.Polygon(one[:, ::-1]) for one in contours), key=lambda one: one.area)
    inner = _largest(outline.buffer(-set_back_px)) if set_back_px else outline
    if inner.area >= LEAST_LEFT * outline.area:
        outline = inner
    # Contours run through pixel middles of a mask padded by one pixel.
    points = shapely.get_coordinates(simplified(outline, most_points).exterior) - 0.5
    return np.asarray(points[:-1], np.float64)


def _largest(area: BaseGeometry) -> Any:  # noqa: ANN401 - a polygon, shapely is untyped
    return max(shapely.get_parts(area), key=lambda one: one.area, default=area)


def simplified(polygon: shapely.Polygon, most_points: int = MOST_POINTS) -> shapely.Polygon:
    """A polygon without holes, of few points (Douglas and Peucker 1973).

    Args:
        polygon: Without holes.
        most_points: Bound of their number, at least 4.
    """
    tolerance = TOLERANCE_PX
    simple: Any = shapely.simplify(polygon, tolerance)
    while shapely.get_num_coordinates(simple.exterior) > most_points + 1:
        tolerance *= 2
        simple = shapely.simplify(polygon, tolerance)
    return simple


def match_traces(regions: Sequence[Region], traces: Sequence[Trace]) -> list[Ring | None]:
    """The outline of each box: of the trace that was cut alike, else of the one most like it.

    Args:
        regions: Boxes of items.
        traces: Of the slide they are on.

    Returns:
        One each; None where no trace's box has an intersection over union of at least 0.5.
    """
    alike = {trace.region: trace.ring for trace in traces}
    boxes = shapely.box(*np.reshape([trace.region.box for trace in traces], (-1, 4)).T)
    tree = shapely.STRtree(boxes)
    rings: list[Ring | None] = []
    for region in regions:
        ring = alike.get(region)
        if ring is None:
            box = shapely.box(*region.box)
            near = tree.query(box, "intersects")
            both = shapely.area(shapely.intersection(boxes[near], box))
            ious = both / (shapely.area(boxes[near]) + box.area - both)
            if len(near) and ious.max() >= LEAST_IOU:
                ring = traces[int(near[int(ious.argmax())])].ring
        rings.append(ring)
    return rings
