"""What a map says in numbers: the share of every class, its area, and how sure the map is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from georetrieve.sources.masks.classes import VOID, ClassTable
from georetrieve.types import FloatArray

__all__ = ["ClassMap", "ClassShare", "ModalAnalysis", "entropy", "most_probable"]

ClassMap = npt.NDArray[np.int32]
"""(height, width) class numbers; -1 where nothing is known."""


def most_probable(probabilities: FloatArray) -> ClassMap:
    """Return the (rows, width) numbers of the likeliest classes; void where none has any share.

    Args:
        probabilities: (rows, width, C), of sum 1 or, where nothing is known, 0.
    """
    highest = probabilities[:, :, 0].copy()
    best: ClassMap = np.zeros(highest.shape, np.int32)
    for number in range(1, probabilities.shape[2]):  # four times as fast as argmax of few classes
        share = probabilities[:, :, number]
        higher = share > highest
        np.copyto(highest, share, where=higher)
        best[higher] = number
    best[~(highest > 0)] = VOID  # NaN is not known either
    return best


def entropy(probabilities: FloatArray) -> FloatArray:
    """Return the (rows, width) entropy of the classes over that of a guess, 0 to 1.

    −Σ p ln p / ln C: 0 where one class is certain, 1 where all are alike or nothing is known.

    Args:
        probabilities: (rows, width, C).
    """
    rows, width, classes = probabilities.shape
    total = np.zeros((rows, width), np.float32)
    known = np.zeros((rows, width), np.bool_)
    for number in range(classes):
        share = probabilities[:, :, number]
        some = share > 0
        known |= some
        total -= np.where(some, share, 0) * np.log(np.where(some, share, 1))
    if classes > 1:
        total /= np.log(np.float32(classes))
    total[~known] = 1
    return np.clip(total, 0, 1, out=total)


@dataclass(frozen=True, slots=True)
class ClassShare:
    """What of a map is one class.

    Attributes:
        name: The class.
        code: Its value in the index mask.
        pixels: How many it has.
        percent: Of the pixels that are not void.
        area_mm2: Square millimetres; None when the scale is unknown.
        uncertainty: Mean entropy of its pixels, 0 to 1; NaN where there are none.
    """

    name: str
    code: int
    pixels: int
    percent: float
    area_mm2: float | None
    uncertainty: float


class ModalAnalysis:
    """Counts a map that comes in parts.

    Args:
        classes: The C classes.
        um_per_px: Size of a pixel, micrometres; None when unknown.
    """

    def __init__(self, classes: ClassTable, um_per_px: float | None = None) -> None:
        self._classes, self._um_per_px = classes, um_per_px
        # One place more, the last, is void's: number -1.
        self._pixels = np.zeros(len(classes) + 1, np.int64)
        self._entropy = np.zeros(len(classes) + 1, np.float64)

    def update(self, classes: ClassMap, uncertainty: FloatArray) -> None:
        """Count some rows: their (rows, width) class numbers, and the entropies 0 to 1."""
        places = np.where(classes == VOID, len(self._classes), classes).ravel()
        size = len(self._pixels)
        self._pixels += np.bincount(places, minlength=size)
        self._entropy += np.bincount(places, uncertainty.ravel(), minlength=size)

    @property
    def pixels(self) -> int:
        """All that was counted, void pixels included."""
        return int(self._pixels.sum())

    @property
    def void_pixels(self) -> int:
        """Pixels of which nothing is known."""
        return int(self._pixels[-1])

    @property
    def uncertainty(self) -> float:
        """Mean entropy of the pixels that are not void, 0 to 1; NaN where there are none."""
        known = self.pixels - self.void_pixels
        return float(self._entropy[:-1].sum() / known) if known else float("nan")

    @property
    def shares(self) -> list[ClassShare]:
        """The C classes, in their order."""
        known = max(1, self.pixels - self.void_pixels)
        scale = self._um_per_px
        out = []
        for number, one in enumerate(self._classes.classes):
            count = int(self._pixels[number])
            area = None if scale is None else count * scale**2 / 1e6
            mean = float(self._entropy[number] / count) if count else float("nan")
            out.append(ClassShare(one.name, one.code, count, 100 * count / known, area, mean))
        return out
