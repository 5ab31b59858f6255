"""An image at another size, read by region: what a region shows does not depend on the region."""

from __future__ import annotations

import numpy as np
from PIL import Image

from georetrieve.protocols import RegionReader
from georetrieve.types import FloatArray, Region

__all__ = ["resampled"]

CUBIC = -0.5  # R. Keys' parameter, as in Pillow


def resampled(read: RegionReader, size: tuple[int, int], new_size: tuple[int, int]) -> RegionReader:
    """A reader of an image brought to another size, as ``Image.resize`` with ``BICUBIC`` does.

    Only the pixels that a region needs are read, so an image of any size can be resampled.

    Args:
        read: Gives the pixels of a region of the image.
        size: (width, height) of the image.
        new_size: (width, height) it is to have.
    """

    def read_resampled(region: Region) -> Image.Image:
        left, across = _taps(region.x, region.width, size[0], new_size[0])
        top, down = _taps(region.y, region.height, size[1], new_size[1])
        source = Region(left, top, across.shape[1], down.shape[1])
        pixels = np.asarray(read(source), np.float32)
        wide = np.tensordot(down, pixels, axes=(1, 0))
        values = np.tensordot(across, wide, axes=(1, 1)).transpose(1, 0, 2)
        return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))

    return read if size == new_size else read_resampled


def _taps(start: int, count: int, length: int, new_length: int) -> tuple[int, FloatArray]:
    """What each of ``count`` new pixels takes of the old: the first old one, and (count, M) shares.

    The cubic of R. Keys (1981), made wider where an image is made smaller.
    """
    step = length / new_length
    wide = max(step, 1.0)
    centres = (np.arange(start, start + count) + 0.5) * step
    first = max(0, int(centres[0] - 2 * wide))
    last = min(length, int(centres[-1] + 2 * wide) + 1)
    away = np.abs(np.arange(first, last) + 0.5 - centres[:, None]) / wide
    near = ((CUBIC + 2) * away - (CUBIC + 3)) * away**2 + 1
    far = CUBIC * (((away - 5) * away + 8) * away - 4)
    shares = np.where(away < 1, near, np.where(away < 2, far, 0.0))
    shares /= shares.sum(axis=1, keepdims=True)
    return first, shares.astype(np.float32)
