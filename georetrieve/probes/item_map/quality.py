"""How far a map can be believed: whether neighbours in it are neighbours of the vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from georetrieve.probes.item_map.nearest import compared, nearest_to
from georetrieve.types import FloatArray, Metric

__all__ = ["MapQuality", "neighbours_kept"]

NEIGHBOURS = 10
ASKED = 1000


@dataclass(frozen=True, slots=True)
class MapQuality:
    """Of the k nearest items by the vectors, how many are among the k nearest on the map.

    J. Lee & M. Verleysen (Neurocomputing 2009) call it Q_NX(k).

    Attributes:
        kept: Mean share, 0..1.
        chance: The share if points were dealt out at random.
        k: Neighbours.
        asked: Items that were asked for theirs.
    """

    kept: float
    chance: float
    k: int
    asked: int

    def told(self) -> str:
        """A sentence."""
        return (
            f"Of the {self.k} nearest items by the vectors, {self.kept:.0%} are among the {self.k} "
            f"nearest on the map (by chance {100 * self.chance:.2g} %)."
        )


def neighbours_kept(
    vectors: FloatArray,
    places: FloatArray,
    *,
    metric: Metric = "euclidean",
    k: int = NEIGHBOURS,
    asked: int = ASKED,
    seed: int = 0,
) -> MapQuality | None:
    """Measure a map; None where it has fewer than three items.

    Args:
        vectors: (N, D).
        places: (N, 2).
        metric: What the vectors are compared with.
        k: Neighbours, fewer of few items.
        asked: At most so many items, drawn at random, are asked.
        seed: Of the drawing.
    """
    count = len(vectors)
    k = min(k, (count - 1) // 2)
    if k < 1:
        return None
    points = compared(vectors, metric)
    rows = np.sort(np.random.default_rng(seed).choice(count, min(asked, count), replace=False))
    by_vectors, on_map = (
        _others(nearest_to(some[rows], some, k + 1)[0], rows, k) for some in (points, places)
    )
    same = [len(np.intersect1d(one, other)) for one, other in zip(by_vectors, on_map, strict=True)]
    return MapQuality(kept=float(np.mean(same)) / k, chance=k / (count - 1), k=k, asked=len(rows))


def _others(found: np.ndarray, rows: np.ndarray, k: int) -> list[np.ndarray]:
    return [one[one != row][:k] for one, row in zip(found, rows, strict=True)]
