"""Writes a pyramidal TIFF tile by tile, so that the disk bounds its size and memory does not."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

__all__ = ["TILE", "write_pyramid"]

TILE = 512
SMALLEST_LEVEL = 512
JPEG_QUALITY = 90
UM_PER_CM = 10_000

Pixels = npt.NDArray[np.uint8]


def write_pyramid(
    path: Path,
    size: tuple[int, int],
    tile_at: Callable[[int, int], Pixels],
    *,
    um_per_px: float,
    ome: bool = False,
) -> None:
    """Write a tiled JPEG pyramid whose levels halve.

    Args:
        path: The file; OME-TIFF when ``ome``, else a TIFF with resolution tags (OpenSlide's
            generic format).
        size: (width, height) of level 0, pixels.
        tile_at: Gives the (512, 512, 3) pixels of the tile in a column and row; asked once for
            each, row by row. What reaches beyond the border is ignored.
        um_per_px: Scale of level 0.
        ome: Write OME-XML and the levels as SubIFDs.
    """
    sizes = _levels(size)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".pyramid-") as folder:
        reduced: list[npt.NDArray[Any]] = [
            np.memmap(Path(folder) / str(i), np.uint8, "w+", shape=(height, width, 3))
            for i, (width, height) in enumerate(sizes[1:])
        ]
        with tifffile.TiffWriter(path, bigtiff=size[0] * size[1] > 2**30, ome=ome) as file:
            first = _first_level(size, tile_at, reduced[0] if reduced else None)
            sub = len(reduced) if ome else 0
            metadata = _ome_metadata(path, um_per_px) if ome else None
            _write_level(file, first, size, um_per_px, 0, subifds=sub, metadata=metadata)
            for number, level in enumerate(reduced, 1):
                if number > 1:
                    _halve(reduced[number - 2], level)
                scale = um_per_px * 2**number
                tiles = _tiles_of(level)
                _write_level(file, tiles, sizes[number], scale, 1, subifds=0, metadata=None)


def _levels(size: tuple[int, int]) -> list[tuple[int, int]]:
    sizes = [size]
    while max(sizes[-1]) > SMALLEST_LEVEL:
        width, height = sizes[-1]
        sizes.append((max(1, width // 2), max(1, height // 2)))
    return sizes


def _ome_metadata(path: Path, um_per_px: float) -> dict[str, Any]:
    return {
        "axes": "YXS",
        "PhysicalSizeX": um_per_px,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": um_per_px,
        "PhysicalSizeYUnit": "µm",
        # Random otherwise, and then the same seed would not give the same file.
        "UUID": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, path.name)}",
    }


def _write_level(
    file: tifffile.TiffWriter,
    tiles: Iterator[Pixels],
    size: tuple[int, int],
    um_per_px: float,
    subfiletype: int,
    *,
    subifds: int,
    metadata: dict[str, Any] | None,
) -> None:
    file.write(
        tiles,
        shape=(size[1], size[0], 3),
        dtype=np.uint8,
        tile=(TILE, TILE),
        photometric="rgb",
        compression="jpeg",
        compressionargs={"level": JPEG_QUALITY},
        resolution=(UM_PER_CM / um_per_px, UM_PER_CM / um_per_px),
        resolutionunit="CENTIMETER",
        subfiletype=subfiletype,
        subifds=subifds,
        metadata=metadata,
        software="georetrieve",
    )


def _first_level(
    size: tuple[int, int], tile_at: Callable[[int, int], Pixels], half: npt.NDArray[Any] | None
) -> Iterator[Pixels]:
    width, height = size
    for row in range(-(-height // TILE)):
        for column in range(-(-width // TILE)):
            tile = tile_at(column, row)
            if half is not None:
                x, y = column * TILE // 2, row * TILE // 2
                part = half[y : y + TILE // 2, x : x + TILE // 2]
                part[:] = _mean4(tile)[: part.shape[0], : part.shape[1]]
            yield tile


def _tiles_of(level: npt.NDArray[Any]) -> Iterator[Pixels]:
    height, width, _ = level.shape
    for y in range(0, height, TILE):
        for x in range(0, width, TILE):
            part = np.asarray(level[y : y + TILE, x : x + TILE])
            lack = ((0, TILE - part.shape[0]), (0, TILE - part.shape[1]), (0, 0))
            yield np.pad(part, lack, mode="edge")


def _halve(fine: npt.NDArray[Any], coarse: npt.NDArray[Any]) -> None:
    for y in range(0, coarse.shape[0], TILE):
        band = coarse[y : y + TILE]
        source = fine[2 * y : 2 * (y + len(band)), : 2 * coarse.shape[1]]
        band[:] = _mean4(source)


def _mean4(pixels: npt.NDArray[Any]) -> Pixels:
    total = pixels[::2, ::2].astype(np.uint16) + pixels[1::2, ::2]
    total += pixels[::2, 1::2]
    total += pixels[1::2, 1::2]
    return np.asarray((total + 2) // 4, np.uint8)
