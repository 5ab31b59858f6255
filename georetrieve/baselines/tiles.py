"""Images cut into tiles, read with a margin so that a filter sees beyond a tile's edge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from georetrieve.types import Region

__all__ = ["TILE_PX", "WideTile", "tile_rows", "widen"]

TILE_PX = 512


@dataclass(frozen=True, slots=True)
class WideTile:
    """What is read for a tile.

    Attributes:
        region: The tile and its margin, within the image.
        inner: Rows and columns of the tile within what is read.
    """

    region: Region
    inner: tuple[slice, slice]


def tile_rows(size: tuple[int, int], tile_height: int | None = None) -> Iterator[list[Region]]:
    """Yield the tiles of a (width, height) image row by row; together they cover it once.

    Args:
        size: Of the image, pixels.
        tile_height: Of a tile, pixels; None: as it is wide.
    """
    width, height = size
    tall = tile_height or TILE_PX
    for top in range(0, height, tall):
        rows = min(tall, height - top)
        yield [
            Region(left, top, min(TILE_PX, width - left), rows) for left in range(0, width, TILE_PX)
        ]


def widen(tile: Region, size: tuple[int, int], margin_px: int) -> WideTile:
    """Add a margin to a tile, as far as the (width, height) image reaches."""
    left, top = max(0, tile.x - margin_px), max(0, tile.y - margin_px)
    right = min(tile.x + tile.width + margin_px, size[0])
    bottom = min(tile.y + tile.height + margin_px, size[1])
    rows = slice(tile.y - top, tile.y - top + tile.height)
    columns = slice(tile.x - left, tile.x - left + tile.width)
    return WideTile(Region(left, top, right - left, bottom - top), (rows, columns))
