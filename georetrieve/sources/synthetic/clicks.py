"""What a petrologist would click on a thin section: points well inside grains of each mineral."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

__all__ = ["CLICKS", "draw_clicks", "write_clicks"]

CLICKS = 30
FEWEST = 3
"""Clicks on a mineral there is little of."""
INSIDE_PX = 6.0
"""How deep inside its mineral a click lies, where there is such a place."""


def draw_clicks(
    minerals: npt.NDArray[np.uint8], rng: np.random.Generator, count: int = CLICKS
) -> list[tuple[int, int, int]]:
    """Draw clicks (x, y, mineral) on an (H, W) map of minerals, more where there is more of one.

    The same state of the generator gives the same clicks.
    """
    kinds, areas = np.unique(minerals, return_counts=True)
    wanted = count * np.sqrt(areas) / np.sqrt(areas).sum()
    clicks = []
    for kind, share in zip(kinds, wanted, strict=True):
        inside = ndimage.distance_transform_edt(np.pad(minerals == kind, 1))[1:-1, 1:-1]
        places = np.flatnonzero(inside >= min(INSIDE_PX, float(inside.max())))
        number = min(len(places), max(FEWEST, round(float(share))))
        for place in rng.choice(places, number, replace=False):
            y, x = divmod(int(place), minerals.shape[1])
            clicks.append((x, y, int(kind)))
    return clicks


def write_clicks(
    path: Path,
    image: str,
    clicks: list[tuple[int, int, int]],
    names: Mapping[int, str],
) -> Path:
    """Write clicks as a CSV ``path,x,y,class``, as ``georetrieve segment --clicks`` takes them."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "x", "y", "class"))
        writer.writerows((image, x, y, names[kind]) for x, y, kind in clicks)
    return path
