"""Tiles of an image at every zoom, as a viewer asks for them.

The levels are those of Deep Zoom (Microsoft, 2009; as OpenSeadragon reads them): the last is the
image at full resolution, each one before it half as wide and high, the first a single pixel. Tiles
do not overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from georetrieve.errors import SourceError
from georetrieve.protocols import Raster
from georetrieve.types import Axis, Region

__all__ = ["DeepZoom"]


@dataclass(frozen=True, slots=True)
class DeepZoom:
    """The tiles of a raster.

    Attributes:
        raster: Open; read by region.
        tile_px: Side of a tile, pixels.
        index: Of a volume: which slice.
        axis: Of a volume: the axis the slice is perpendicular to.
    """

    raster: Raster
    tile_px: int = 256
    index: int | None = None
    axis: Axis | None = None

    @property
    def levels(self) -> int:
        """How many there are; numbered from 0."""
        longest: int = max(self.raster.size)
        return (longest - 1).bit_length() + 1

    def size(self, level: int) -> tuple[int, int]:
        """(width, height) of a level, pixels.

        Raises:
            SourceError: There is no such level.
        """
        if not 0 <= level < self.levels:
            raise SourceError(f"There is no level {level}; this image has 0 to {self.levels - 1}.")
        shrink = 1 << (self.levels - 1 - level)
        width, height = (-(-side // shrink) for side in self.raster.size)
        return width, height

    def tile(self, level: int, column: int, row: int) -> Image.Image:
        """An RGB tile; those at the right and lower edge are smaller.

        Raises:
            SourceError: There is no such tile, or its pixels cannot be decoded.
        """
        width, height = self.size(level)
        left, top = column * self.tile_px, row * self.tile_px
        if not (0 <= left < width and 0 <= top < height):
            raise SourceError(f"There is no tile {column}, {row} at level {level}.")
        size = (min(self.tile_px, width - left), min(self.tile_px, height - top))
        shrink = 1 << (self.levels - 1 - level)
        full_width, full_height = self.raster.size
        x, y = left * shrink, top * shrink
        box = (min(size[0] * shrink, full_width - x), min(size[1] * shrink, full_height - y))
        return self.raster.read(Region(x, y, *box, self.index, self.axis), size)
