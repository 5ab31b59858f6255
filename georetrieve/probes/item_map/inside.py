"""Which items of a map lie inside a line drawn round them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from georetrieve.errors import StoreError
from georetrieve.types import FloatArray, IntArray

__all__ = ["rows_inside"]

MOST_CORNERS = 10_000


def rows_inside(places: FloatArray, corners: Sequence[tuple[float, float]]) -> IntArray:
    """Rows of the places inside a closed line, rising; where it crosses itself, inside any loop.

    Args:
        places: (N, 2).
        corners: (x, y) in turn; the last is joined with the first.

    Raises:
        StoreError: It has fewer than three corners or too many, or one that is not finite.
    """
    line = np.asarray(corners, np.float64)
    if line.ndim != 2 or line.shape[1:] != (2,) or not 3 <= len(line) <= MOST_CORNERS:
        raise StoreError(
            f"A line round items has 3 to {MOST_CORNERS:,} corners (x, y), not {len(line):,}."
        )
    if not np.isfinite(line).all():
        raise StoreError("A corner of the line round the items is not finite; draw it again.")
    low, high = line.min(axis=0), line.max(axis=0)
    near = np.flatnonzero(((places >= low) & (places <= high)).all(axis=1))
    area = shapely.make_valid(shapely.Polygon(line))
    shapely.prepare(area)
    inside: IntArray = near[shapely.contains_xy(area, places[near, 0], places[near, 1])]
    return inside
