"""Boxes found against boxes that are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from georetrieve.types import FloatArray, Region

__all__ = ["BoxMatch", "box_iou", "match_boxes"]


@dataclass(frozen=True, slots=True)
class BoxMatch:
    """Which boxes belong together.

    Attributes:
        pairs: (position in found, position in truth), best overlap first.
        found: Number of boxes found.
        truth: Number of boxes that are there.
    """

    pairs: tuple[tuple[int, int], ...]
    found: int
    truth: int

    @property
    def precision(self) -> float:
        """Share of the boxes found that are right; 1 when nothing was found."""
        return len(self.pairs) / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """Share of the boxes there that were found; 1 when there are none."""
        return len(self.pairs) / self.truth if self.truth else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = self.found + self.truth
        return 2 * len(self.pairs) / total if total else 1.0


def box_iou(one: Sequence[Region], other: Sequence[Region]) -> FloatArray:
    """(len(one), len(other)) intersection over union of boxes, 0..1."""
    a = np.array([r.box for r in one], np.float64).reshape(-1, 1, 4)
    b = np.array([r.box for r in other], np.float64).reshape(1, -1, 4)
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    areas = [(box[..., 2:] - box[..., :2]).prod(axis=-1) for box in (a, b)]
    union = np.maximum(areas[0] + areas[1] - shared, 1e-12)
    return np.asarray(shared / union, np.float32)


def match_boxes(found: Sequence[Region], truth: Sequence[Region], *, iou: float = 0.5) -> BoxMatch:
    """Match boxes one to one, best overlap first, as far as they overlap by ``iou`` or more.

    Args:
        found: Boxes found.
        truth: Boxes that are there.
        iou: Least intersection over union, above 0.
    """
    overlap = box_iou(found, truth)
    pairs: list[tuple[int, int]] = []
    taken_found: set[int] = set()
    taken_truth: set[int] = set()
    candidates = np.argwhere(overlap >= iou)
    order = np.argsort(-overlap[overlap >= iou], kind="stable")
    for i, j in candidates[order].tolist():
        if i not in taken_found and j not in taken_truth:
            pairs.append((i, j))
            taken_found.add(i)
            taken_truth.add(j)
    return BoxMatch(tuple(pairs), len(found), len(truth))
