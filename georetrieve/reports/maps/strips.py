"""A map as it streams by: strips of a bounded number of pixels, from the top to the bottom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from georetrieve.errors import SourceError
from georetrieve.probes.segmentation.interface import Band
from georetrieve.probes.segmentation.modal import ClassMap, entropy, most_probable
from georetrieve.sources.masks.classes import VOID
from georetrieve.types import FloatArray

__all__ = ["Sample", "Strip", "map_strips"]

STRIP_PIXELS = 1 << 21


@dataclass(frozen=True, slots=True)
class Strip:
    """Some rows of a map.

    Attributes:
        top: Number of the first row, pixels.
        classes: (rows, width) class numbers, -1 void.
        uncertainty: (rows, width) entropy, 0 to 1.
    """

    top: int
    classes: ClassMap
    uncertainty: FloatArray


def map_strips(bands: Iterable[Band], size: tuple[int, int]) -> Iterator[Strip]:
    """Cut bands of any height into strips of about two million pixels.

    Args:
        bands: The map, from the top.
        size: (width, height) of it, pixels.

    Raises:
        SourceError: The bands leave gaps, overlap, or are not as wide or high as the image.
    """
    width, height = size
    below = 0
    for band in bands:
        rows = len(band.probabilities)
        if band.top != below or band.probabilities.shape[1] != width or below + rows > height:
            raise SourceError(
                f"The map has {band.probabilities.shape[1]}×{rows} pixels at row {band.top}, where "
                f"row {below} of an image of {width}×{height} follows; this is a fault of the "
                "method that made it."
            )
        step = max(1, STRIP_PIXELS // width)
        for start in range(0, rows, step):
            part = band.probabilities[start : start + step]
            yield Strip(below + start, most_probable(part), entropy(part))
        below += rows
    if below != height:
        raise SourceError(
            f"The map ends after {below} of {height} rows; this is a fault of the method."
        )


class Sample:
    """Every ``factor``-th pixel of a map, each the middle of a square; all of them at factor 1.

    Args:
        size: (width, height) of the map, pixels.
        most_pixels: The factor is the smallest whole one at which no more are kept.

    Attributes:
        factor: Pixels of the map a kept one stands for, along each side.
        classes: (height, width) kept class numbers, -1 void.
        uncertainty: (height, width) kept entropies, 0 to 255.
    """

    def __init__(self, size: tuple[int, int], most_pixels: int) -> None:
        width, height = size
        self.factor = 1
        while -(-width // self.factor) * -(-height // self.factor) > most_pixels:
            self.factor += 1
        self._columns, self._rows = self._middles(width), self._middles(height)
        shape = (len(self._rows), len(self._columns))
        self.classes: npt.NDArray[np.int32] = np.full(shape, VOID, np.int32)
        self.uncertainty: npt.NDArray[np.uint8] = np.full(shape, 255, np.uint8)

    def _middles(self, length: int) -> npt.NDArray[np.int64]:
        starts = np.arange(0, length, self.factor)
        return np.minimum(starts + self.factor // 2, length - 1)

    def add(self, strip: Strip) -> None:
        """Take what is kept from some rows."""
        end = strip.top + len(strip.classes)
        first, last = np.searchsorted(self._rows, [strip.top, end])
        rows = self._rows[first:last, None] - strip.top
        self.classes[first:last] = strip.classes[rows, self._columns]
        self.uncertainty[first:last] = np.rint(255 * strip.uncertainty[rows, self._columns])
