"""What a TIFF is: a slide (pyramid), a volume (stack of grey pages), or an image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from georetrieve.errors import SourceError
from georetrieve.protocols import Raster
from georetrieve.sources.options import ReadOptions
from georetrieve.sources.pillow import open_pillow
from georetrieve.sources.scale import choose_scale, imagej_scale, ome_scale, tiff_tag_scale
from georetrieve.sources.signatures import is_tiff
from georetrieve.sources.slide import level_remarks
from georetrieve.sources.tiff import TiffRaster
from georetrieve.sources.tiff_segments import (
    Page,
    TiffHandle,
    page_is_readable,
    pages_are_lost,
    truncated_at,
)
from georetrieve.sources.tiff_series import (
    CHANNEL_AXES,
    Series,
    first_page,
    leading_axes,
    level_pages,
    main_series,
    page_strides,
    plane_size,
    stack_depth,
)
from georetrieve.sources.volume import ArrayStack, PlaneStack, Stack, VolumeRaster

__all__ = ["file_scale", "open_tiff", "read_plane"]


def open_tiff(path: Path, options: ReadOptions) -> Raster:
    """Open a TIFF that is no vendor's slide.

    Two or more levels (sub-images, or pages of decreasing size and one shape) make a slide; so does
    any tiled OME-TIFF. Pages of one size along z, time or an unnamed axis, without levels and with
    one channel, make a volume. All else is an image: its first page.

    Raises:
        SourceError: It is truncated, damaged, or stored in a way nothing here decodes.
    """
    handle = TiffHandle(path)
    try:
        return _open(handle, path, options)
    except BaseException:
        handle.close()
        raise


def _open(handle: TiffHandle, path: Path, options: ReadOptions) -> Raster:
    if pages_are_lost(handle):
        raise SourceError(
            f"{path.name} is truncated: its list of pages leads beyond its end; copy it again from "
            "where it came from."
        )
    series, levels, remarks = main_series(handle)
    page = first_page(handle, series)
    um_per_px, said = _scale(handle, series, page, options)
    remarks += said
    depth = stack_depth(series)
    if depth > 1 and len(levels) == 1 and page.keyframe.samplesperpixel == 1:
        return _volume(handle, path, series, options, um_per_px, remarks)
    if depth > 1:
        focal = dict(leading_axes(series)).get("Z", 1) > 1
        remarks.append(
            "more than one focal plane; the middle one is read"
            if focal
            else "more than one frame or page; the first is read"
        )
    pages = [level_pages(handle, level) for level in levels]
    if not all(page_is_readable(one) for level in pages for one in level):
        handle.close()
        return _by_pillow(path, page, options)
    needed = truncated_at(handle, [one for level in pages for one in level])
    if needed is not None:
        raise _truncated(handle, needed)
    kind = "slide" if len(pages) > 1 or (handle.tiff.is_ome and page.is_tiled) else "image"
    remarks += level_remarks(tuple((p[0].imagewidth, p[0].imagelength) for p in pages))
    return TiffRaster(handle, kind, pages, options, um_per_px, remarks)


def _truncated(handle: TiffHandle, needed: int) -> SourceError:
    return SourceError(
        f"{handle.name} is truncated: its pixels reach to byte {needed:,}, the file has "
        f"{handle.tiff.filehandle.size:,}; copy it again from where it came from."
    )


def _by_pillow(path: Path, page: Page, options: ReadOptions) -> Raster:
    try:
        return open_pillow(path, options)
    except SourceError as error:
        if "max_pixels" in str(error):
            raise
        raise SourceError(
            f"{path.name} stores its pixels in a way that cannot be read ({_storage(page)}); "
            "convert it to an ordinary TIFF, for instance with `vips tiffsave --tile --pyramid`."
        ) from error


def _storage(page: Page) -> str:
    def name(value: object) -> str:
        return str(getattr(value, "name", value))

    return f"compression {name(page.compression)}, {name(page.photometric)}, {page.dtype}"


def _scale(
    handle: TiffHandle, series: Series, page: Page, options: ReadOptions
) -> tuple[float | None, list[str]]:
    tiff = handle.tiff
    imagej = imagej_scale(page, tiff.imagej_metadata if tiff.is_imagej else None)
    number = list(tiff.series).index(series) if tiff.is_ome else 0
    statements = [
        ome_scale(tiff.ome_metadata if tiff.is_ome else None, number),
        imagej,
        tiff_tag_scale(page) if imagej is None else None,
    ]
    return choose_scale([one for one in statements if one is not None], options.um_per_px)


def _volume(
    handle: TiffHandle,
    path: Path,
    series: Series,
    options: ReadOptions,
    um_per_px: float | None,
    remarks: list[str],
) -> Raster:
    depth = stack_depth(series)
    axis = next(a for a, n in leading_axes(series) if a not in CHANNEL_AXES and n > 1)
    if any(n > 1 for a, n in leading_axes(series) if a != axis):
        remarks.append("more than one channel or time; the first of each is read")
    step = page_strides(series)[axis]
    stack: Stack
    if series.dataoffset is not None and series.keyframe.bitspersample % 8 == 0:
        stack = _flat_stack(handle, path, series, depth, step)
        handle.close()
    else:
        stack = _page_stack(handle, series, depth, step)
    return VolumeRaster(path.name, stack, options.intensity, um_per_px, remarks)


def _flat_stack(handle: TiffHandle, path: Path, series: Series, depth: int, step: int) -> Stack:
    """Pages that lie uncompressed one after the other."""
    width, height = plane_size(series)
    dtype = series.dtype.newbyteorder(handle.tiff.byteorder)
    offset, count = series.dataoffset, (depth - 1) * step + 1
    needed = offset + count * width * height * dtype.itemsize
    if needed > handle.tiff.filehandle.size:
        raise _truncated(handle, needed)

    def load() -> npt.NDArray[Any]:
        return np.memmap(path, dtype, "r", offset, (count, height, width))[::step]

    return ArrayStack(load)


def _page_stack(handle: TiffHandle, series: Series, depth: int, step: int) -> Stack:
    pages = [series.pages[z * step] for z in range(depth)]
    if any(page is None for page in pages):
        raise SourceError(f"{handle.name} lacks pages: it is one of several OME-TIFF files.")
    needed = truncated_at(handle, [page.aspage() for page in pages[-1:]])
    if needed is not None:
        raise _truncated(handle, needed)
    width, height = plane_size(series)

    def plane(number: int) -> Callable[[], npt.NDArray[Any]]:
        def read() -> npt.NDArray[Any]:
            return handle.box(handle.whole(pages[number]), (0, 0, width, height))[..., 0]

        return read

    names = [f"{z} of {handle.name}" for z in range(depth)]
    return PlaneStack([plane(z) for z in range(depth)], names, handle.close)


def read_plane(path: Path) -> npt.NDArray[Any]:
    """(Y, X) stored values of a one-page grey TIFF, a slice of a volume.

    Raises:
        SourceError: It is damaged, or in colours.
    """
    handle = TiffHandle(path)
    try:
        series, _, _ = main_series(handle)
        page = first_page(handle, series)
        if page.keyframe.samplesperpixel != 1 or not page_is_readable(page):
            raise SourceError(
                f"Slice {path.name} is not grey ({_storage(page)}); slices of a volume have one "
                "channel."
            )
        width, height = plane_size(series)
        return handle.box(page, (0, 0, width, height))[..., 0]
    finally:
        handle.close()


def file_scale(path: Path, options: ReadOptions) -> tuple[float | None, list[str]]:
    """Micrometres a pixel of one slice of a volume, and remarks."""
    if not is_tiff(path):
        return choose_scale([], options.um_per_px)
    handle = TiffHandle(path)
    try:
        series, _, _ = main_series(handle)
        return _scale(handle, series, first_page(handle, series), options)
    finally:
        handle.close()
