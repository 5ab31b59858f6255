"""How much memory a map of a large image takes: a made image, mapped in a process of its own."""

from __future__ import annotations

import functools
import multiprocessing
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import StoreError
from georetrieve.probes.segmentation.settings import PatchSettings
from georetrieve.sources.synthetic.pyramid import TILE, write_pyramid
from georetrieve.types import IntArray, Region

__all__ = ["run_segment_memory"]

COLOURS = np.array([[60, 50, 70], [200, 190, 170], [150, 90, 60], [90, 130, 110]])
VARIANTS = 8
GRAIN_PX = 12
NOISE = 8.0


def run_segment_memory(
    side_px: int,
    *,
    height_px: int | None = None,
    encoder: str = "bundled",
    settings: PatchSettings | None = None,
    runtime: Runtime | None = None,
) -> dict[str, Any]:
    """Write a tiled image of grains, learn one tile of it, map it all, and say what it took.

    Args:
        side_px: Side of the square image, pixels, at least a tile of 512.
        height_px: Only so many rows of it: the memory is that of the square, the time is not.
        encoder: Its name.
        settings: Of the patch segmenter.
        runtime: How the encoder runs.

    Returns:
        Named numbers: the peak of the resident memory of the process in GiB, that before it began
        to map, seconds, megapixels a second, and the share of pixels given their right class.

    Raises:
        StoreError: The side is less than a tile.
        EncoderError: The encoder cannot be loaded.
    """
    size = side_px, side_px if height_px is None else height_px
    if min(size) < TILE:
        raise StoreError(f"A side of {min(size)} px is less than a tile; use at least {TILE}.")
    with tempfile.TemporaryDirectory(prefix="georetrieve-segment-") as folder:
        path = Path(folder) / "grains.tif"
        write_pyramid(path, size, _tile, um_per_px=1.0)
        job = _Job(path, size, encoder, settings or PatchSettings(), runtime or Runtime())
        # A fresh process: its peak is that of mapping alone.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
            return alone.submit(_measure, job).result()


@dataclass(frozen=True, slots=True)
class _Job:
    path: Path
    size: tuple[int, int]
    encoder: str
    settings: PatchSettings
    runtime: Runtime


class _Tile:
    """The truth of one tile."""

    size = (TILE, TILE)

    def read(self, region: Region) -> IntArray:
        left, top, right, bottom = region.box
        return _classes(0)[top:bottom, left:right]


def _measure(job: _Job) -> dict[str, Any]:
    from georetrieve.probes.segmentation.fit import fit_patch_segmenter
    from georetrieve.sources.fields import FieldOfView, LabelledField
    from georetrieve.sources.masks.classes import ClassTable
    from georetrieve.sources.opening import open_raster

    tile = Image.fromarray(_tile(0, 0))
    known = FieldOfView(name="tile", size=tile.size, views=(lambda part: tile.crop(part.box),))
    segmenter = fit_patch_segmenter(
        [LabelledField(known, _Tile())],
        ClassTable.of_names([f"mineral {number}" for number in range(len(COLOURS))]),
        encoder=job.encoder,
        settings=job.settings,
        runtime=job.runtime,
    )
    before, right, started = _peak_gib(), 0, time.perf_counter()
    with open_raster(job.path) as raster:
        field = FieldOfView(name=job.path.name, size=raster.size, views=(raster.read,))
        for band in segmenter.segment(field):
            found = band.probabilities.argmax(axis=2)
            right += int((found == _truth(band.top, *found.shape)).sum())
    seconds = time.perf_counter() - started
    width, height = job.size
    pixels = width * height
    return {
        "width_px": width,
        "height_px": height,
        "encoder": job.encoder,
        "patches_remembered": len(segmenter.memory),
        "peak_gib": _peak_gib(),
        "peak_gib_before": before,
        "seconds": seconds,
        "megapixels_per_second": pixels / seconds / 1e6,
        "pixels_right": right / pixels,
    }


def _peak_gib() -> float:
    """Peak of the resident memory of this process."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says on Linux includes the process this one was made from
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**30 if sys.platform == "darwin" else 2**20)


def _truth(top: int, rows: int, width: int) -> IntArray:
    """Classes of some rows of the image."""
    parts: list[IntArray] = []
    for row in range(top // TILE, (top + rows - 1) // TILE + 1):
        tiles = [_classes(_variant(column, row)) for column in range(-(-width // TILE))]
        first = max(top - row * TILE, 0)
        parts.append(np.concatenate(tiles, axis=1)[first : top + rows - row * TILE, :width])
    return np.concatenate(parts)


def _variant(column: int, row: int) -> int:
    return (3 * column + 5 * row) % VARIANTS


@functools.cache
def _classes(variant: int) -> IntArray:
    """(512, 512) classes of a tile: where the largest of smooth random fields is which."""
    from scipy.ndimage import gaussian_filter

    fields = np.random.default_rng(variant).normal(size=(len(COLOURS), TILE, TILE))
    smooth = gaussian_filter(fields, (0, GRAIN_PX, GRAIN_PX), mode="wrap")
    classes: IntArray = smooth.argmax(axis=0)
    return classes


@functools.cache
def _tile_of(variant: int) -> npt.NDArray[np.uint8]:
    noise = np.random.default_rng(variant).normal(0, NOISE, (TILE, TILE, 3))
    values = np.clip(COLOURS[_classes(variant)] + noise, 0, 255)
    return values.astype(np.uint8)


def _tile(column: int, row: int) -> npt.NDArray[np.uint8]:
    return _tile_of(_variant(column, row))
