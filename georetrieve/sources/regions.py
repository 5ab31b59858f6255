"""What all readers share: checking a region, choosing a level, shrinking in bounded memory."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Self

from PIL import Image

from georetrieve.errors import SourceError
from georetrieve.types import Region

__all__ = ["BaseRaster", "Box", "PyramidRaster", "Size", "resample"]

Box = tuple[int, int, int, int]
Size = tuple[int, int]

BLOCK_PX = 4096
LEVEL_TOLERANCE = 1.02


class BaseRaster:
    """The facts every :class:`georetrieve.protocols.Raster` states.

    Attributes:
        kind: ``image``, ``slide`` or ``volume``.
        levels: (width, height) of every level, largest first.
        um_per_px: Micrometres a level-0 pixel, None when unknown.
        depth: Slices along z; 1 outside volumes.
    """

    kind: str
    levels: tuple[Size, ...]
    um_per_px: float | None
    depth: int = 1

    def __init__(
        self, name: str, levels: tuple[Size, ...], um_per_px: float | None, remarks: list[str]
    ) -> None:
        self.name, self.levels, self.um_per_px = name, levels, um_per_px
        self._remarks = remarks

    @property
    def size(self) -> Size:
        """(width, height) of level 0, pixels."""
        return self.levels[0]

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a user should know, one line each; may grow while pixels are read."""
        return tuple(dict.fromkeys(self._remarks))

    def _check(self, region: Region, size: Size) -> None:
        if region.axis is not None and self.kind != "volume":
            raise SourceError(
                f"Region {region} names a slice, but {self.name} is no volume; leave "
                f"{region.axis}={region.index} away."
            )
        _, _, right, bottom = region.box
        if right > size[0] or bottom > size[1]:
            raise SourceError(
                f"Region {region} lies outside {self.name}, which has {size[0]}×{size[1]} pixels."
            )

    def close(self) -> None:
        """Release files; closing twice is harmless."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class PyramidRaster(BaseRaster, ABC):
    """A raster with levels, whose sub-classes read whole-pixel boxes of one."""

    def read(self, region: Region, size: Size | None = None) -> Image.Image:
        """Return ``region`` as RGB, resampled (bicubic, box-filtered first) to ``size`` if given.

        Raises:
            SourceError: The region lies outside, or its pixels cannot be decoded.
        """
        self._check(region, self.size)
        wanted = size or (region.width, region.height)
        scale = min(region.width / wanted[0], region.height / wanted[1])
        level, (across, down) = self._choose(scale)
        fx, fy = across / self.size[0], down / self.size[1]
        left, top, right, bottom = region.box
        box = (left * fx, top * fy, right * fx, bottom * fy)
        return resample(lambda part: self._pixels(level, part), box, (across, down), wanted)

    def _choose(self, scale: float) -> tuple[int, Size]:
        """The coarsest level that is still as fine as ``scale`` level-0 pixels a pixel."""
        for level in range(len(self.levels) - 1, 0, -1):
            across, down = self.levels[level]
            step = max(self.size[0] / across, self.size[1] / down)
            if step <= scale * LEVEL_TOLERANCE:
                return level, self.levels[level]
        return 0, self.levels[0]

    @abstractmethod
    def _pixels(self, level: int, box: Box) -> Image.Image:
        """Decode a box (left, top, right, bottom) of a level, whole pixels inside it, as RGB."""


def resample(
    fetch: Callable[[Box], Image.Image], box: tuple[float, ...], limits: Size, size: Size
) -> Image.Image:
    """Bring a box of a level to ``size``.

    Shrinking by four and more is a box filter first, then bicubic; sources too large to hold pass
    block by block, so memory depends on ``size`` only. Pixels outside the box play no part.

    Args:
        fetch: Gives an RGB image of a whole-pixel box.
        box: (left, top, right, bottom) in pixels of the level, may be fractional.
        limits: (width, height) of the level.
        size: (width, height) wanted.
    """
    left, top = (
        min(math.floor(edge + 1e-6), limit - 1) for edge, limit in zip(box, limits, strict=False)
    )
    right, bottom = (
        max(start + 1, min(limit, math.ceil(edge - 1e-6)))
        for edge, limit, start in zip(box[2:], limits, (left, top), strict=True)
    )
    width, height = right - left, bottom - top
    if (width, height) == size:
        return fetch((left, top, right, bottom))
    factor = max(1, int(min(width / size[0], height / size[1]) / 2))
    if factor == 1 or width * height <= BLOCK_PX**2:
        image = fetch((left, top, right, bottom))
        image = image.reduce(factor) if factor > 1 else image
    else:
        image = _reduce_blocks(fetch, (left, top, right, bottom), factor)
    inner = (
        max(0.0, (box[0] - left) / factor),
        max(0.0, (box[1] - top) / factor),
        min(image.width, (box[2] - left) / factor),
        min(image.height, (box[3] - top) / factor),
    )
    return image.resize(size, Image.Resampling.BICUBIC, box=inner)


def _reduce_blocks(fetch: Callable[[Box], Any], box: Box, factor: int) -> Image.Image:
    """Box-filter a region too large to hold by a whole factor."""
    left, top, right, bottom = box
    step = max(1, BLOCK_PX // factor) * factor
    out = Image.new("RGB", (-(-(right - left) // factor), -(-(bottom - top) // factor)))
    for y in range(top, bottom, step):
        for x in range(left, right, step):
            block = fetch((x, y, min(x + step, right), min(y + step, bottom)))
            out.paste(block.reduce(factor), ((x - left) // factor, (y - top) // factor))
    return out
