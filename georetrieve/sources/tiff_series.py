"""Which of a TIFF's pages make up the image: its series, pyramid levels, slices and channels."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

from georetrieve.errors import SourceError
from georetrieve.sources.tiff_segments import Page, TiffHandle

__all__ = [
    "CHANNEL_AXES",
    "Series",
    "first_page",
    "leading_axes",
    "level_pages",
    "main_series",
    "page_strides",
    "plane_size",
    "stack_depth",
]

# tifffile's TiffPageSeries; mypy is told nothing of it.
Series: TypeAlias = Any

SIMILAR = 0.02
NOTABLE_SHARE = 0.1
CHANNEL_AXES = "CS"


def main_series(handle: TiffHandle) -> tuple[Series, list[Series], list[str]]:
    """The series with the most pixels in a plane, its levels, and remarks on what is left out."""
    try:
        every = [one for one in handle.tiff.series if plane_size(one)[0] > 0]
    except Exception as error:
        raise SourceError(
            f"{handle.name} starts like a TIFF but its pages cannot be listed ({error}): it is "
            "truncated or damaged; copy it again."
        ) from error
    if not every:
        raise SourceError(f"{handle.name} is a TIFF without an image: it is truncated or damaged.")
    main = max(every, key=lambda one: math.prod(plane_size(one)))
    levels = list(main.levels)
    others = [one for one in every if one is not main]
    if len(levels) == 1 and stack_depth(main) == 1:
        while others and _is_reduced(others[0], levels[-1], main):
            levels.append(others.pop(0))
    area = math.prod(plane_size(main))
    notable = [one for one in others if math.prod(plane_size(one)) >= NOTABLE_SHARE * area]
    remarks = ["more than one image in the file; the largest is read"] if notable else []
    return main, levels, remarks


def plane_size(series: Series) -> tuple[int, int]:
    """(width, height) of a series."""
    if "X" not in series.axes or "Y" not in series.axes:
        return 0, 0
    return series.shape[series.axes.index("X")], series.shape[series.axes.index("Y")]


def _is_reduced(series: Series, above: Series, main: Series) -> bool:
    """Whether a page is the next level of a pyramid that its writer did not mark as one."""
    width, height = plane_size(series)
    if series.dtype != main.dtype or stack_depth(series) > 1 or series.axes != main.axes:
        return False
    if not 8 * width >= plane_size(above)[0] > 1.2 * width:
        return False
    ratio = width * plane_size(main)[1] / (height * plane_size(main)[0])
    return abs(ratio - 1) < SIMILAR + 1 / min(width, height)


def stack_depth(series: Series) -> int:
    """Length of the axis slices are counted along: the first that is neither image nor colour."""
    return next((n for axis, n in leading_axes(series) if axis not in CHANNEL_AXES and n > 1), 1)


def leading_axes(series: Series) -> list[tuple[str, int]]:
    """Axes and lengths before Y and X."""
    pairs = list(zip(series.axes, series.shape, strict=True))
    return [pair for pair in pairs if pair[0] not in "YXS"]


def first_page(handle: TiffHandle, series: Series) -> Page:
    """The page a series begins with.

    Raises:
        SourceError: It lies in another file of a set.
    """
    page = series.pages[0]
    if page is None:
        raise SourceError(
            f"{handle.name} lacks its first page: it is one of several OME-TIFF files."
        )
    return page.aspage() if hasattr(page, "aspage") else page


def level_pages(handle: TiffHandle, level: Series) -> list[Page]:
    """The page of a level, or with channels as pages those of the first three.

    Of several focal planes (axis Z) it is the middle one's.
    """
    lengths, strides = dict(leading_axes(level)), page_strides(level)
    channels, planes = lengths.get("C", 1), lengths.get("Z", 1)
    first = first_page(handle, level)
    if len(level.pages) < math.prod(lengths.values()):
        return [first]
    middle = planes // 2 * strides.get("Z", 0)
    count = 3 if channels >= 3 and first.keyframe.samplesperpixel == 1 else 1
    pages = [level.pages[middle + number * strides.get("C", 0)] for number in range(count)]
    if any(page is None for page in pages):
        raise SourceError(f"{handle.name} lacks pages: it is one of several OME-TIFF files.")
    return [page.aspage() for page in pages]


def page_strides(series: Series) -> dict[str, int]:
    """How many pages further the next position along each leading axis lies."""
    strides, step = {}, 1
    for axis, length in reversed(leading_axes(series)):
        strides[axis] = step
        step *= length
    return strides
