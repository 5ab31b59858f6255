"""Volumes from a folder of slices, ``.npy`` and ``.raw`` files."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from georetrieve.errors import SourceError
from georetrieve.protocols import Raster
from georetrieve.sources.options import ReadOptions
from georetrieve.sources.pillow import read_grey_plane
from georetrieve.sources.raster import check_pixels, open_array_image
from georetrieve.sources.scale import SCALE_UNKNOWN
from georetrieve.sources.signatures import is_tiff
from georetrieve.sources.tiff_opening import file_scale, read_plane
from georetrieve.sources.volume import ArrayStack, PlaneStack, VolumeRaster

__all__ = ["open_npy", "open_raw", "open_slices", "raw_layout"]

Array = npt.NDArray[Any]

NAMED_LAYOUT = re.compile(
    r"(?<!\d)(\d+)[xX](\d+)[xX](\d+)(?!\d).*?(uint8|int8|uint16|int16|uint32|int32|float32)"
    r"(?:[_.-]?(le|be))?(?![a-z0-9])",
    re.IGNORECASE,
)
COMMON_TYPES = ("uint8", "uint16", "float32")


def open_slices(members: Sequence[Path], options: ReadOptions) -> Raster:
    """Open a folder of slices as one volume, the slices in the order given.

    Raises:
        SourceError: A slice cannot be read, is in colours, or differs from the first in size or
            type.
    """

    def plane(path: Path) -> Callable[[], Array]:
        return lambda: read_plane(path) if is_tiff(path) else read_grey_plane(path, options)

    stack = PlaneStack([plane(path) for path in members], [path.name for path in members])
    um_per_px, remarks = file_scale(members[0], options)
    name = f"{members[0].parent.name or members[0].parent}/{members[0].name} …"
    return VolumeRaster(name, stack, options.intensity, um_per_px, remarks)


def open_npy(path: Path, options: ReadOptions) -> Raster:
    """Open an array file: (Y, X) and (Y, X, 3 or 4) uint8 are images, (Z, Y, X) a volume.

    Raises:
        SourceError: It holds objects, has another number of axes, or is truncated.
    """

    def load() -> Array:
        try:
            return np.load(path, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
        except OSError:
            raise
        except Exception as error:
            # A damaged header can make NumPy's parser raise almost anything.
            raise SourceError(
                f"{path.name} cannot be mapped ({error}): it is truncated, or holds Python objects "
                "(which are never loaded); save a plain array with numpy.save."
            ) from error

    array = load()
    if array.size == 0:
        raise SourceError(f"{path.name} has shape {array.shape}: it is empty.")
    colours = array.ndim == 3 and array.shape[2] in (3, 4) and array.dtype == np.uint8
    if array.ndim == 2 or colours:
        check_pixels(path.name, (array.shape[1], array.shape[0]), options)
        return open_array_image(path.name, load, options)
    if array.ndim != 3:
        raise SourceError(
            f"{path.name} has {array.ndim} axes {array.shape}; save each volume by itself as "
            "(z, y, x)."
        )
    return VolumeRaster(
        path.name, ArrayStack(load), options.intensity, options.um_per_px, _no_scale(options)
    )


def open_raw(path: Path, options: ReadOptions) -> Raster:
    """Open a file of bare voxels, z slowest and x fastest.

    Raises:
        SourceError: Shape or type are unknown or do not fit the file's size.
    """
    shape, dtype, remarks = raw_layout(path, options)

    def load() -> Array:
        return np.memmap(path, dtype, "r", shape=shape)

    stack = ArrayStack(load)
    return VolumeRaster(
        path.name, stack, options.intensity, options.um_per_px, remarks + _no_scale(options)
    )


def _no_scale(options: ReadOptions) -> list[str]:
    return [] if options.um_per_px else [SCALE_UNKNOWN]


def raw_layout(
    path: Path, options: ReadOptions
) -> tuple[tuple[int, int, int], np.dtype[Any], list[str]]:
    """Shape (Z, Y, X) and type of a ``.raw`` file, and remarks.

    From the options; where they are silent from a name like ``core_110x110x110_uint8.raw``, if it
    is a cube (of other shapes a name does not tell which number is z). A shape alone is enough
    where it leaves one byte a voxel: two or four may be of several types.

    Raises:
        SourceError: They are unknown, or do not fit the file's size.
    """
    size = path.stat().st_size
    shape, named = options.raw_shape, options.raw_dtype
    remarks: list[str] = []
    if shape is None and named is None:
        found = NAMED_LAYOUT.search(path.stem)
        if found is not None and len(set(found.groups()[:3])) == 1:
            side = int(found[1])
            shape = (side, side, side)
            named = (">" if (found[5] or "le").lower() == "be" else "<") + np.dtype(
                found[4].lower()
            ).str[1:]
            remarks.append(
                f"shape {side}×{side}×{side} and type {found[4]} taken from the file name"
            )
    if shape is not None and named is None:
        if math.prod(shape) != size:
            raise SourceError(
                f"{path.name} has {size:,} bytes, and {_times(shape)} voxels of uint8 are "
                f"{math.prod(shape):,}; say raw_dtype (--raw-dtype uint16), or another raw_shape."
                f"{_fits(size, shape, np.dtype(np.uint8))}{_cubes(size)}"
            )
        named = "uint8"
        remarks.append("type uint8 taken: the file has one byte a voxel")
    if shape is None or named is None:
        raise SourceError(
            f"{path.name} has {size:,} bytes and no header; say raw_shape (--raw-shape Z,Y,X) and "
            f"raw_dtype (--raw-dtype uint8).{_cubes(size)}"
        )
    try:
        dtype = np.dtype(named)
    except TypeError as error:
        raise SourceError(
            f"Unknown raw_dtype {named!r}; give a NumPy type such as uint8, <u2 (16 bits, "
            "little-endian), >u2 or float32."
        ) from error
    if dtype.kind not in "buif":
        raise SourceError(f"raw_dtype {named!r} is no number; give uint8, uint16, float32 ...")
    expected = math.prod(shape) * dtype.itemsize
    if expected != size:
        raise SourceError(
            f"{path.name} has {size:,} bytes, but {_times(shape)} voxels of "
            f"{dtype} are {expected:,}.{_fits(size, shape, dtype)}{_cubes(size)}"
        )
    return shape, dtype, remarks


def _times(shape: tuple[int, int, int]) -> str:
    return "×".join(str(side) for side in shape)


def _fits(size: int, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> str:
    """What would fit with the given slices, or with the given type."""
    voxels = math.prod(shape)
    for name in COMMON_TYPES:
        if voxels * np.dtype(name).itemsize == size:
            return f" As {name} this shape would fit."
    depth, rest = divmod(size, shape[1] * shape[2] * dtype.itemsize)
    return f" {depth} slices of {shape[1]}×{shape[2]} would fit." if depth and not rest else ""


def _cubes(size: int) -> str:
    """Cubes that a file of this size may hold."""
    fits = []
    for name in COMMON_TYPES:
        voxels, rest = divmod(size, np.dtype(name).itemsize)
        side = round(voxels ** (1 / 3))
        if rest == 0 and side > 1 and side**3 == voxels:
            fits.append(f"{side}×{side}×{side} {name}")
    return f" A cube of {' or '.join(fits)} would fit." if fits else ""
