"""A map of items: a point each, near each other where their vectors are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from georetrieve.probes.item_map.layout import MapOptions, lay_out
from georetrieve.types import IntArray

__all__ = ["LARGEST_MAP", "item_map"]

LARGEST_MAP = 3000
"""Items drawn at most; more cannot be told apart on a page."""


def item_map(
    vectors: npt.NDArray[np.floating],
    labels: Sequence[str],
    ids: Sequence[str],
    *,
    seed: int = 0,
    most: int = LARGEST_MAP,
) -> dict[str, list[float | str]]:
    """A map of some of the items of a run; see :func:`~georetrieve.probes.item_map.layout.lay_out`.

    Distances between far groups and the sizes of groups mean nothing in such a map; what lies side
    by side in it is near in the vectors.

    Args:
        vectors: (N, D), finite.
        labels: N labels.
        ids: N item ids.
        seed: Of the drawing of items and of the map.
        most: Items drawn; of more, as many of them at random.

    Returns:
        ``x``, ``y``, ``label`` and ``id`` of each item drawn, in the order given; nothing for fewer
        than four items or where all vectors are one.
    """
    rows = _rows(len(ids), seed, most)
    points = np.asarray(vectors[rows], np.float32)
    if len(rows) < 4 or not np.ptp(points, axis=0).any():
        return {}
    places = lay_out(points, options=MapOptions(seed=seed))
    return {
        "x": [round(float(x), 3) for x in places[:, 0]],
        "y": [round(float(y), 3) for y in places[:, 1]],
        "label": [labels[row] for row in rows],
        "id": [ids[row] for row in rows],
    }


def _rows(count: int, seed: int, most: int) -> IntArray:
    if count <= most:
        return np.arange(count)
    drawn = np.random.default_rng(seed).choice(count, most, replace=False)
    rows: IntArray = np.sort(drawn).astype(np.int64)
    return rows
