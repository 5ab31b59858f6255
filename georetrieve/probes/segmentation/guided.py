"""Smoothing of a map along its image: the guided filter (K. He, J. Sun and X. Tang, ECCV 2010).

Around every pixel the probability of a class is taken to be a linear function of the image's
colours, of all views at once. So it is evened out inside a grain, whose colours are alike, and
steps where the image does. What a few clicks leave speckled becomes whole; what is thinner than the
filter and of its surroundings' colour is lost.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from georetrieve.sources.fields import FieldOfView
from georetrieve.types import FloatArray, Region

__all__ = ["guided", "guided_bands"]

EVEN = 0.01
"""Variance of colours, of 0 to 1, that counts as even: ε of the paper."""
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
    channels = image.shape[2]
    mean = _boxed(image, radius)
    pairs = [(i, j) for i in range(channels) for j in range(i, channels)]
    spread = np.empty((*image.shape[:2], channels, channels), np.float32)
    products = np.stack([image[..., i] * image[..., j] for i, j in pairs], axis=-1)
    for place, (i, j) in enumerate(pairs):
        covariance = _boxed(products[..., place], radius) - mean[..., i] * mean[..., j]
        spread[..., i, j] = spread[..., j, i] = covariance
    spread[..., range(channels), range(channels)] += EVEN
    averages = _boxed(probabilities, radius)
    together = np.stack(
        [
            _boxed(image[..., i, None] * probabilities, radius) - mean[..., i, None] * averages
            for i in range(channels)
        ],
        axis=-2,
    )
    slopes = np.linalg.solve(spread, together)
    offsets = averages - np.einsum("hwi,hwic->hwc", mean, slopes)
    smooth = np.einsum("hwi,hwic->hwc", image, _boxed(slopes, radius)) + _boxed(offsets, radius)
    smooth = np.maximum(smooth, 0)
    total = smooth.sum(axis=2, keepdims=True)
    evened: FloatArray = np.divide(smooth, total, out=np.array(probabilities), where=total > 0)
    return evened


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


def _boxed(values: FloatArray, radius: int) -> FloatArray:
    """Means over squares; beyond an edge what lies before it is seen again."""
    sides = (2 * radius + 1, 2 * radius + 1) + (1,) * (values.ndim - 2)
    means: FloatArray = ndimage.uniform_filter(values, sides, mode="reflect")
    return means
