"""Values of a mask file as they are stored: codes, or colours as one number each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from georetrieve.errors import GeoRetrieveError, SourceError
from georetrieve.sources.options import ReadOptions
from georetrieve.sources.pillow import read_stored
from georetrieve.sources.raster import check_pixels
from georetrieve.sources.signatures import NPY_MAGIC, is_tiff
from georetrieve.types import IntArray, Region

__all__ = ["MaskValues", "StoredMask", "colour_name", "open_stored", "pack_colours"]

MaskValues = Literal["auto", "codes", "colours"]
"""What stands for a class: the stored number, or the colour it is drawn in."""
Array = npt.NDArray[Any]
STRIP_PIXELS = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMask:
    """An open mask file.

    Attributes:
        name: What messages call it.
        size: (width, height), pixels.
        colours: Whether values are colours, ``red << 16 | green << 8 | blue``; else codes.
        palette: (N, 3) colours its codes are drawn in; None where it has no palette.
    """

    name: str
    size: tuple[int, int]
    colours: bool
    palette: npt.NDArray[np.uint8] | None
    _box: Callable[[tuple[int, int, int, int]], Array]
    _close: Callable[[], None]

    def read(self, region: Region) -> IntArray:
        """Return the (height, width) values of a region.

        Raises:
            SourceError: It lies outside, or a value is no whole number.
        """
        left, top, right, bottom = region.box
        if right > self.size[0] or bottom > self.size[1]:
            raise SourceError(
                f"Region {region} lies outside {self.name}, which has {self.size[0]}×"
                f"{self.size[1]} pixels."
            )
        stored = self._box((left, top, right, bottom))
        if self.palette is not None and self.colours:
            stored = self.palette[np.minimum(stored, len(self.palette) - 1)]
        if self.colours:
            return pack_colours(stored)
        values = stored.astype(np.int64)
        if stored.dtype.kind == "f" and not np.array_equal(values, stored):
            raise SourceError(
                f"{self.name} holds numbers that are not whole; a mask holds codes or colours."
            )
        return values

    def strips(self) -> Iterator[Region]:
        """Regions that cover it, from the top down, of some million pixels each."""
        width, height = self.size
        rows = max(1, STRIP_PIXELS // width)
        for top in range(0, height, rows):
            yield Region(0, top, width, min(rows, height - top))

    def close(self) -> None:
        """Release the file."""
        self._close()


def pack_colours(pixels: Array) -> IntArray:
    """(…, 3) bytes → (…) numbers ``red << 16 | green << 8 | blue``."""
    parts = pixels.astype(np.int64)
    packed: IntArray = parts[..., 0] << 16 | parts[..., 1] << 8 | parts[..., 2]
    return packed


def colour_name(value: int) -> str:
    """A packed colour as ``#rrggbb``."""
    return f"#{value:06x}"


def open_stored(path: Path, options: ReadOptions, values: MaskValues = "auto") -> StoredMask:
    """Open a mask: PNG, TIFF and what else images are stored in, or a ``.npy`` array.

    TIFFs and arrays are read by region; of other formats the one plane is kept while it is open.

    Args:
        path: The file.
        options: How files are read.
        values: ``auto``: colours of RGB files, codes of all others, palettes among them.

    Raises:
        SourceError: It cannot be decoded, or has neither one channel nor colours.
    """
    try:
        if is_tiff(path):
            return _open_tiff(path, options, values)
        with path.open("rb") as file:
            is_array = file.read(len(NPY_MAGIC)) == NPY_MAGIC
        if is_array:
            return _of_array(path.name, _mapped(path), None, options, values)
        stored, palette = read_stored(path, options)
    except OSError as error:
        raise SourceError(
            f"Mask {path} cannot be read ({error.strerror or error}); check the file."
        ) from error
    return _of_array(path.name, stored, palette, options, values)


def _mapped(path: Path) -> Array:
    try:
        array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise SourceError(
            f"{path.name} cannot be mapped ({error}); save a plain array with numpy.save."
        ) from error
    return array


def _of_array(
    name: str,
    stored: Array,
    palette: npt.NDArray[np.uint8] | None,
    options: ReadOptions,
    values: MaskValues,
) -> StoredMask:
    if stored.ndim not in (2, 3) or (stored.ndim == 3 and stored.shape[2] != 3):
        raise SourceError(
            f"{name} has the shape {stored.shape}; a mask is (height, width) or (height, width, 3)."
        )
    size = (stored.shape[1], stored.shape[0])
    check_pixels(name, size, options)

    def box(edges: tuple[int, int, int, int]) -> Array:
        left, top, right, bottom = edges
        return stored[top:bottom, left:right]

    return StoredMask(
        name=name,
        size=size,
        colours=_are_colours(name, stored.ndim == 3, palette is not None, values),
        palette=palette,
        _box=box,
        _close=lambda: None,
    )


def _are_colours(name: str, rgb: bool, palette: bool, values: MaskValues) -> bool:
    if values == "codes" and rgb:
        raise SourceError(
            f"{name} is an RGB image, which has colours and no codes; leave --mask-values away, or "
            "save the mask as grey."
        )
    if values == "colours" and not (rgb or palette):
        raise SourceError(
            f"{name} is grey and has no colours; its values are codes (--mask-values codes)."
        )
    return rgb or values == "colours"


def _open_tiff(path: Path, options: ReadOptions, values: MaskValues) -> StoredMask:
    from georetrieve.sources.tiff_segments import TiffHandle, page_is_readable
    from georetrieve.sources.tiff_series import first_page, main_series, plane_size

    handle = TiffHandle(path)
    try:
        series, _, _ = main_series(handle)
        page = first_page(handle, series)
        if not page_is_readable(page):
            handle.close()
            return _of_array(path.name, *read_stored(path, options), options, values)
        samples = page.keyframe.samplesperpixel
        if samples not in (1, 3, 4):
            raise SourceError(f"{path.name} has {samples} channels; a mask has one, or colours.")
        table = page.keyframe.colormap if samples == 1 else None
        palette = None if table is None else (np.asarray(table).T >> 8).astype(np.uint8)

        def box(edges: tuple[int, int, int, int]) -> Array:
            stored = handle.box(page, edges)
            return stored[..., 0] if samples == 1 else stored[..., :3]

        return StoredMask(
            name=path.name,
            size=plane_size(series),
            colours=_are_colours(path.name, samples > 1, palette is not None, values),
            palette=palette,
            _box=box,
            _close=handle.close,
        )
    except (GeoRetrieveError, OSError):
        handle.close()
        raise
