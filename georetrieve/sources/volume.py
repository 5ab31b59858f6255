"""CT volumes: stacks of TIFF pages, folders of slices, ``.npy`` and ``.raw``, read slice by slice.

A volume has axes (z, y, x). A slice across z is (width X, height Y), across y (X, Z), across x
(Y, Z): rows of the image run along z in the latter two. One map of intensities serves the whole
volume, so that grey values mean the same in every slice.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from georetrieve.errors import SourceError
from georetrieve.protocols import Raster
from georetrieve.sources.options import IntensityMode
from georetrieve.sources.pixels import fit_intensity
from georetrieve.sources.regions import BaseRaster, Box, Size, resample
from georetrieve.types import Axis, Region

__all__ = ["ArrayStack", "PlaneStack", "Stack", "VolumeRaster", "slice_count", "slice_size"]

Array = npt.NDArray[Any]

BLOCK_BYTES = 32 << 20
KEPT_BLOCKS = 4
SAMPLED_SLICES = 16
SAMPLED_SIDE = 256


def slice_count(raster: Raster, axis: Axis) -> int:
    """Number of slices of a volume across an axis."""
    return {"z": raster.depth, "y": raster.size[1], "x": raster.size[0]}[axis]


def slice_size(raster: Raster, axis: Axis) -> Size:
    """(width, height) of a slice of a volume across an axis."""
    (width, height), depth = raster.size, raster.depth
    return {"z": (width, height), "y": (width, depth), "x": (height, depth)}[axis]


class Stack(Protocol):
    """Where the voxels come from: rows of one z-slice at a time."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(Z, Y, X)."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the stored values."""
        ...

    def rows(self, z: int, start: int, stop: int) -> Array:
        """(stop - start, X) stored values; thread-safe."""
        ...

    def close(self) -> None:
        """Release files."""
        ...


class ArrayStack:
    """Voxels that lie in one file as they are, mapped anew for every read.

    A map that lived as long as the raster would count every page ever touched as this process's
    memory.

    Args:
        load: Gives a fresh (Z, Y, X) memory map.
    """

    def __init__(self, load: Callable[[], Array]) -> None:
        voxels = load()
        self._load = load
        self.shape: tuple[int, int, int] = voxels.shape
        self.dtype = voxels.dtype.newbyteorder("=")

    def rows(self, z: int, start: int, stop: int) -> Array:
        """(stop - start, X) stored values."""
        try:
            return np.array(self._load()[z, start:stop], dtype=self.dtype)
        except (ValueError, IndexError) as error:
            raise SourceError(
                f"Slice {z} cannot be read ({error}): the file was changed while it was open."
            ) from error

    def close(self) -> None:
        """Nothing is held."""


class PlaneStack:
    """Slices that have to be decoded whole, one at a time: TIFF pages, files of a folder.

    Args:
        planes: For each z a function that gives the (Y, X) slice.
        names: For each z what messages call it.
        close: Called when the volume is closed.

    Raises:
        SourceError: The first slice cannot be read.
    """

    def __init__(
        self,
        planes: Sequence[Callable[[], Array]],
        names: Sequence[str],
        close: Callable[[], None] = lambda: None,
    ) -> None:
        first = planes[0]()
        self.shape = (len(planes), first.shape[0], first.shape[1])
        self.dtype = first.dtype
        self._planes, self._names, self._close = planes, names, close
        self._lock = threading.Lock()
        self._last: tuple[int, Array] = (0, first)

    def rows(self, z: int, start: int, stop: int) -> Array:
        """(stop - start, X) stored values; the slice read last is kept."""
        with self._lock:
            kept = self._last
        if kept[0] != z:
            kept = (z, self._checked(z))
            with self._lock:
                self._last = kept
        return kept[1][start:stop]

    def _checked(self, z: int) -> Array:
        plane = self._planes[z]()
        if plane.shape != self.shape[1:]:
            found, expected = plane.shape[::-1], self.shape[:0:-1]
            raise SourceError(
                f"Slice {self._names[z]} has {found[0]}×{found[1]} pixels but {self._names[0]} "
                f"{expected[0]}×{expected[1]}; slices of one volume are of one size (take the odd "
                "one out, or read the files as images with volumes 'never')."
            )
        if plane.dtype != self.dtype:
            raise SourceError(
                f"Slice {self._names[z]} holds {plane.dtype} but {self._names[0]} {self.dtype}; "
                "slices of one volume are of one type."
            )
        return plane

    def close(self) -> None:
        """Release files."""
        self._close()


class VolumeRaster(BaseRaster):
    """A volume, read by slices across z, y or x.

    Slices across y and x are gathered for some neighbouring positions at once, which takes one pass
    over the volume each time and at most 32 MiB; the latest four such blocks are kept.
    """

    kind = "volume"

    def __init__(
        self,
        name: str,
        stack: Stack,
        intensity: IntensityMode,
        um_per_px: float | None,
        remarks: list[str],
    ) -> None:
        depth, height, width = stack.shape
        if min(stack.shape) < 1:
            raise SourceError(f"{name} has {depth} slices of {width}×{height} voxels: it is empty.")
        super().__init__(name, ((width, height),), um_per_px, remarks)
        self.depth = depth
        self._stack = stack
        self._lock = threading.Lock()
        self._blocks: OrderedDict[tuple[Axis, int], npt.NDArray[np.uint8]] = OrderedDict()
        self._closed = False
        self._intensity, remark = fit_intensity(stack.dtype, self._sample(), intensity)
        if remark:
            self._remarks.append(remark)

    def _sample(self) -> Array:
        """Values that stand for the volume: every few pixels of 16 slices, the ends among them."""
        chosen = np.unique(np.linspace(0, self.depth - 1, min(SAMPLED_SLICES, self.depth)).round())
        step = max(1, max(self.size) // SAMPLED_SIDE)
        planes = (self._stack.rows(int(z), 0, self.size[1])[::step, ::step] for z in chosen)
        return np.concatenate([plane.ravel() for plane in planes])

    def read(self, region: Region, size: Size | None = None) -> Image.Image:
        """Return a part of a slice as RGB (grey), resampled to ``size`` if given.

        Raises:
            SourceError: The region names no slice, lies outside, or cannot be decoded.
        """
        axis, index = region.axis, region.index
        if axis is None or index is None:
            raise SourceError(
                f"{self.name} is a volume of {self.depth} slices; say which: "
                "z=INDEX,x,y,width,height."
            )
        count = slice_count(self, axis)
        if index >= count:
            raise SourceError(
                f"Region {region} lies outside {self.name}, which has {count} slices across {axis}."
            )
        limits = slice_size(self, axis)
        self._check(region, limits)
        plane = self._plane(axis, index, region.box)
        left, top, right, bottom = region.box
        offset = (left, top) if axis == "z" else (0, 0)

        def fetch(box: Box) -> Image.Image:
            part = plane[
                box[1] - offset[1] : box[3] - offset[1], box[0] - offset[0] : box[2] - offset[0]
            ]
            return Image.fromarray(np.ascontiguousarray(part)).convert("RGB")

        return resample(
            fetch, (left, top, right, bottom), limits, size or (region.width, region.height)
        )

    def _plane(self, axis: Axis, index: int, box: Box) -> npt.NDArray[np.uint8]:
        """Of a slice across z the box alone; of the others the whole slice."""
        if self._closed:
            raise SourceError(f"{self.name} has been closed; open it again to read it.")
        if axis == "z":
            left, top, right, bottom = box
            return self._to_uint8(self._stack.rows(index, top, bottom)[:, left:right])
        thick = self._thickness(axis)
        with self._lock:
            key = (axis, index // thick)
            if key not in self._blocks:
                self._blocks[key] = self._gather(axis, key[1] * thick, thick)
                while len(self._blocks) > KEPT_BLOCKS:
                    self._blocks.popitem(last=False)
            self._blocks.move_to_end(key)
            block = self._blocks[key]
        return block[:, index % thick] if axis == "y" else block[:, :, index % thick]

    def _thickness(self, axis: Axis) -> int:
        across = self.depth * (self.size[0] if axis == "y" else self.size[1])
        return max(1, min(slice_count(self, axis), BLOCK_BYTES // across))

    def _gather(self, axis: Axis, start: int, thick: int) -> npt.NDArray[np.uint8]:
        """(Z, thick, X) or (Z, Y, thick) of 8-bit voxels, in one pass over the volume."""
        width, height = self.size
        stop = min(start + thick, slice_count(self, axis))
        if axis == "y":
            out = np.empty((self.depth, stop - start, width), np.uint8)
            for z in range(self.depth):
                out[z] = self._to_uint8(self._stack.rows(z, start, stop))
            return out
        out = np.empty((self.depth, height, stop - start), np.uint8)
        for z in range(self.depth):
            out[z] = self._to_uint8(self._stack.rows(z, 0, height)[:, start:stop])
        return out

    def _to_uint8(self, values: Array) -> npt.NDArray[np.uint8]:
        return values if self._intensity is None else self._intensity.to_uint8(values)

    def close(self) -> None:
        """Release files and blocks."""
        with self._lock:
            self._closed = True
            self._blocks.clear()
        self._stack.close()
