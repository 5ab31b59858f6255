"""Smoothing of a map along its image: the guided filter (K. He, J. Sun and X. Tang, ECCV 2010).

Around every pixel the probability of a class is taken to be a linear function of the image's
colours, of all views at once. So it is evened out inside a grain, whose colours are alike, and
steps where the image does. What a few clicks leave speckled becomes whole; what is thinner than the
filter and of its surroundings' colour is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from georetrieve.sources.fields import FieldOfView
from georetrieve.types import FloatArray, Region

__all__ = ["guided", "guided_bands"]

EVEN = 0.01
"""Variance of colours, of 0 to 1, that counts as even: ε of the paper."""
SMALLEST = np.float32(1e-12)
ROWS, COLUMNS = 256, 512
"""Of what is filtered at once."""


def guided_bands(
    bands: Iterator[tuple[int, FloatArray]], field: FieldOfView, radius: int
) -> Iterator[tuple[int, FloatArray]]:
    """Smooth a map band by band; the same whatever the bands.

    What is held are some hundred rows of the map.

    Args:
        bands: First row, and (rows, width, C) probabilities, from the top without gaps.
        field: The image they are of.
        radius: Half the side of the squares that are averaged over, pixels, ≥ 1.

    Yields:
        The same for other bands.
    """
    height, reach = field.size[1], 2 * radius
    held = np.empty((0, 0, 0), np.float32)
    start = done = 0
    for top, band in bands:
        held = np.concatenate([held, band]) if held.size else band
        end = top + len(band)
        while done < end and (end == height or end - done >= ROWS + reach):
            last = min(done + ROWS, end)
            first, after = max(0, done - reach), min(end, last + reach)
            part = held[first - start : after - start]
            yield done, _smoothed(part, field, first, done, last, radius)
            done = last
            held, start = held[max(0, done - reach) - start :], max(0, done - reach)


def guided(probabilities: FloatArray, image: FloatArray, radius: int) -> FloatArray:
    """Return (height, width, C) probabilities smoothed along a (height, width, channels) image.

    Args:
        probabilities: Rows of sum 1 along the last axis.
        image: 0..1.
        radius: Pixels, ≥ 1.
    """
    planes = np.ascontiguousarray(np.moveaxis(image, 2, 0))
    shares = np.ascontiguousarray(np.moveaxis(probabilities, 2, 0))
    colours = _Colours.of(planes, radius)
    smooth = np.zeros_like(shares)
    present = [number for number, share in enumerate(shares) if share.any()]
    for number in present[:-1]:
        smooth[number] = colours.smoothed(shares[number])
    if present:  # what is linear in shares of sum 1 has sum 1 again: the last is what is left
        smooth[present[-1]] = 1 - smooth.sum(axis=0)
    np.maximum(smooth, 0, out=smooth)
    smooth /= np.maximum(smooth.sum(axis=0), SMALLEST)
    evened: FloatArray = np.ascontiguousarray(np.moveaxis(smooth, 0, 2))
    return evened


@dataclass(frozen=True, slots=True)
class _Colours:
    """What of the filter depends on the image alone; (height, width) planes throughout.

    Attributes:
        planes: The K channels.
        radius: Of the squares.
        mean: Channels' means over squares.
        inverse: 1 / D of the channels' covariances over squares, = L D Lᵀ.
        lower: [i][j], j < i: L of the same.
    """

    planes: FloatArray
    radius: int
    mean: list[FloatArray]
    inverse: list[FloatArray]
    lower: list[list[FloatArray]]

    @classmethod
    def of(cls, planes: FloatArray, radius: int) -> _Colours:
        """Of (K, height, width) channels, 0..1."""
        mean = [_boxed(plane, radius) for plane in planes]
        inverse: list[FloatArray] = []
        lower: list[list[FloatArray]] = []
        for i, plane in enumerate(planes):
            # Row i of L D Lᵀ (G. Golub and C. Van Loan, Matrix Computations, section 4.1.2).
            scaled: list[FloatArray] = []  # L_ij D_j
            row: list[FloatArray] = []
            for j in range(i + 1):
                left = _boxed(plane * planes[j], radius)
                left -= mean[i] * mean[j]
                for above, one in enumerate(scaled[:j]):
                    left -= one * (row[above] if j == i else lower[j][above])
                if j < i:
                    scaled.append(left)
                    row.append(left * inverse[j])
            left += np.float32(EVEN)
            inverse.append(np.reciprocal(left))
            lower.append(row)
        return cls(planes, radius, mean, inverse, lower)

    def smoothed(self, share: FloatArray) -> FloatArray:
        """One class, where it is about a linear function of the channels."""
        average = _boxed(share, self.radius)
        slopes: list[FloatArray] = []
        for plane, mean, row in zip(self.planes, self.mean, self.lower, strict=True):
            right = _boxed(plane * share, self.radius)
            right -= mean * average
            for known, one in zip(row, slopes, strict=True):
                right -= known * one
            slopes.append(right)
        for i in reversed(range(len(slopes))):
            slopes[i] *= self.inverse[i]
            for below in range(i + 1, len(slopes)):
                slopes[i] -= self.lower[below][i] * slopes[below]
        for mean, slope in zip(self.mean, slopes, strict=True):
            average -= mean * slope
        smooth = _boxed(average, self.radius)
        for plane, slope in zip(self.planes, slopes, strict=True):
            smooth += plane * _boxed(slope, self.radius)
        return smooth


def _smoothed(
    part: FloatArray, field: FieldOfView, first: int, top: int, bottom: int, radius: int
) -> FloatArray:
    """Rows ``top`` to ``bottom`` of a map whose rows from ``first`` on are given, in columns."""
    width, reach = field.size[0], 2 * radius
    columns = []
    for left in range(0, width, COLUMNS):
        right = min(left + COLUMNS, width)
        begin, end = max(0, left - reach), min(width, right + reach)
        seen = field.read(Region(begin, first, end - begin, len(part)))
        channels = [np.asarray(view) for view in seen]
        image = np.concatenate(channels, axis=2).astype(np.float32)
        image /= 255
        smooth = guided(part[:, begin:end], image, radius)
        columns.append(smooth[top - first : bottom - first, left - begin : right - begin])
    return np.concatenate(columns, axis=1)


def _boxed(plane: FloatArray, radius: int) -> FloatArray:
    """Means of (height, width) over squares; beyond an edge what lies before it is seen again."""
    means: FloatArray = ndimage.uniform_filter(plane, 2 * radius + 1, mode="reflect")
    return means
