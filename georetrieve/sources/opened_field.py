"""One field of view of files that are known: an image or slide, a slice, or registered views."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from PIL import Image

from georetrieve.errors import SourceError
from georetrieve.protocols import Raster, RegionReader
from georetrieve.sources.fields import FieldOfView
from georetrieve.sources.opening import open_raster
from georetrieve.sources.options import ReadOptions
from georetrieve.sources.volume import slice_count, slice_size
from georetrieve.types import Axis, Region

__all__ = ["opened_field"]


@contextmanager
def opened_field(
    name: str,
    views: Mapping[str, Sequence[Path]],
    options: ReadOptions | None = None,
    *,
    index: int | None = None,
    axis: Axis = "z",
    um_per_px: float | None = None,
) -> Iterator[FieldOfView]:
    """Open a field of view; its files are closed at the end.

    Args:
        name: What it is called.
        views: Name of each registered view → its file, or of a volume its files; ``""`` where there
            is only one.
        options: How files are read.
        index: Of volumes: which slice.
        axis: Of volumes: what the slice is perpendicular to.
        um_per_px: Scale, instead of what the files say.

    Raises:
        SourceError: A file is gone, cannot be read, or the views are not of one size.
    """
    with ExitStack() as stack:
        rasters = {}
        for view, files in views.items():
            rasters[view] = stack.enter_context(
                open_raster(files[0] if len(files) == 1 else list(files), options or ReadOptions())
            )
        sizes = {view: _size(name, one, index, axis) for view, one in rasters.items()}
        first = next(iter(sizes.values()))
        for view, size in sizes.items():
            if size != first:
                raise SourceError(
                    f"The view {view or name} has {size[0]}×{size[1]} px and the first one "
                    f"{first[0]}×{first[1]}; views of one field are registered and of one size."
                )
        scales = [one.um_per_px for one in rasters.values() if one.um_per_px is not None]
        yield FieldOfView(
            name=name,
            size=first,
            views=tuple(_reader(one, index, axis) for one in rasters.values()),
            view_names=tuple(rasters),
            um_per_px=um_per_px or next(iter(scales), None),
        )


def _size(name: str, raster: Raster, index: int | None, axis: Axis) -> tuple[int, int]:
    if raster.kind != "volume":
        return raster.size
    count = slice_count(raster, axis)
    if index is None or not 0 <= index < count:
        raise SourceError(f"{name} is a volume: name a slice, {axis} = 0 to {count - 1}.")
    return slice_size(raster, axis)


def _reader(raster: Raster, index: int | None, axis: Axis) -> RegionReader:
    def read(region: Region) -> Image.Image:
        if raster.kind != "volume":
            return raster.read(region)
        return raster.read(Region(region.x, region.y, region.width, region.height, index, axis))

    return read
