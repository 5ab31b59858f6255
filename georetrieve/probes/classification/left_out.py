"""Labelled items looked up among those of other groups: what k is chosen by, and "far" measured by.

A group (slide, well, specimen, volume) is the unit: an item finds nothing of its own group, for
neighbours there are near for reasons that a new group does not share. One search serves every k,
so that each item is classified by all others of other groups (leave one group out) at the cost of
a single fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from georetrieve.probes.classification.neighbours import Neighbours, find_neighbours
from georetrieve.types import FloatArray, IntArray, Metric

__all__ = ["LOOKED_UP", "LeftOut", "Units", "find_left_out"]

LOOKED_UP = 10_000  # labelled items at most; the others only answer


@dataclass(frozen=True, slots=True)
class Units:
    """What is left out together.

    Attributes:
        codes: (N,) unit of each labelled item.
        groups: Number of groups among them; 0 where single items are the units.
    """

    codes: IntArray
    groups: int

    @classmethod
    def of(cls, groups: Sequence[str | None]) -> Units:
        """Groups, and each item without one by itself; single items where that makes one unit."""
        known = {name: code for code, name in enumerate(sorted({one for one in groups if one}))}
        if not known or (len(known) == 1 and all(groups)):
            return cls.single(len(groups))
        codes = [known[one] if one else len(known) + row for row, one in enumerate(groups)]
        return cls(np.array(codes, np.int64), len(known))

    @classmethod
    def single(cls, count: int) -> Units:
        """Every item by itself."""
        return cls(np.arange(count, dtype=np.int64), 0)

    @property
    def others(self) -> str:
        """What an item is compared with, in words."""
        if self.groups:
            return f"the items of other groups ({self.groups:,} groups)"
        return "all other items (there are no two groups to leave out)"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Labelled items and their neighbours of other units.

    Attributes:
        rows: (M,) which labelled items were looked up.
        neighbours: (M, k) of them.
        units: What was left out.
    """

    rows: IntArray
    neighbours: Neighbours
    units: Units


def find_left_out(
    vectors: FloatArray, units: Units, k: int, metric: Metric, *, seed: int = 0
) -> LeftOut:
    """Look labelled items up among those of other units; 10,000 drawn at random if they are more.

    Args:
        vectors: (N, D).
        units: Of the N.
        k: Neighbours.
        metric: What they are ranked by.
        seed: Of the draw.
    """
    rows = np.arange(len(vectors))
    if len(rows) > LOOKED_UP:
        rows = np.sort(np.random.default_rng(seed).choice(rows, LOOKED_UP, replace=False))
    found = find_neighbours(
        vectors, vectors[rows], k, metric, gallery_units=units.codes, query_units=units.codes[rows]
    )
    return LeftOut(rows, found, units)
