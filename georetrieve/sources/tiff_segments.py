"""Boxes of TIFF pages, read segment (tile or strip) by segment through tifffile.

Memory depends on the box, not on the image; decoded segments are kept up to a bound, since
neighbouring boxes share them.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import struct
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import tifffile

from georetrieve.errors import SourceError
from georetrieve.sources.regions import Box

__all__ = ["Page", "TiffHandle", "page_is_readable", "pages_are_lost", "truncated_at"]

Array = npt.NDArray[Any]
# tifffile's TiffPage or TiffFrame; mypy is told nothing of either.
Page: TypeAlias = Any

KEPT_BYTES = 160 << 20
LARGEST_SEGMENT_BYTES = 256 << 20
MAPPED_STRIP_BYTES = 32 << 20
JPEG_COMPRESSIONS = (6, 7, 34892, 33007)
JPEG_2000_COMPRESSIONS = (33003, 33005)

# tifffile logs what it finds odd in a file; what matters becomes an error or a remark here, and
# nothing should appear on a terminal by itself.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


class TiffHandle:
    """An open TIFF with a bounded store of decoded segments; thread-safe."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        try:
            self.tiff = tifffile.TiffFile(path, _multifile=False)
        except OSError:
            raise
        except Exception as error:
            raise SourceError(
                f"{path.name} starts like a TIFF but its directory cannot be read ({error}): it is "
                "truncated or damaged; copy it again from where it came from."
            ) from error
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, int], Array] = OrderedDict()
        self._bytes = 0

    def whole(self, page: Page) -> Page:
        """A page with all its tags; it is read from the file if only its offset is known."""
        with self._lock:
            return page.aspage()

    def segment(self, page: Page, index: int) -> Array:
        """(length, width, samples) of a decoded tile or strip.

        One that the file leaves out (sparse) is white in 8-bit colour images, else zero.
        """
        key = (page.offset, index)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            raw = self._raw(page, index)
        if raw is None:
            colour = page.keyframe.photometric in (2, 6) and page.keyframe.dtype == np.uint8
            return np.broadcast_to(
                np.uint8(255 if colour else 0), (*_segment_size(page.keyframe), 1)
            )
        decoded = self._decode(page, index, raw)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = decoded
                self._bytes += decoded.nbytes
            while self._bytes > KEPT_BYTES and len(self._kept) > 1:
                _, old = self._kept.popitem(last=False)
                self._bytes -= old.nbytes
        return decoded

    def _raw(self, page: Page, index: int) -> bytes | None:
        if self.tiff.filehandle.closed:
            raise SourceError(f"{self.name} has been closed; open it again to read it.")
        if index >= len(page.dataoffsets):
            raise SourceError(f"{self.name} lacks tile {index}: it is truncated or damaged.")
        offset, count = page.dataoffsets[index], page.databytecounts[index]
        if count == 0:
            return None
        self.tiff.filehandle.seek(offset)
        raw: bytes = self.tiff.filehandle.read(count)
        if len(raw) < count:
            raise SourceError(
                f"{self.name} ends within tile {index}: it is truncated; copy it again."
            )
        return raw

    def _decode(self, page: Page, index: int, raw: bytes) -> Array:
        extra: dict[str, Any] = {}
        if page.keyframe.compression in JPEG_COMPRESSIONS:
            extra = {"jpegtables": page.jpegtables, "jpegheader": page.keyframe.jpegheader}
        try:
            decoded, _, shape = page.keyframe.decode(raw, index, **extra)
        except Exception as error:
            raise SourceError(
                f"{self.name}: tile {index} cannot be decoded ({error}): it is damaged, or "
                "compressed in a way this reader does not know; convert it to a plain tiled TIFF."
            ) from error
        part: Array = decoded[0, : shape[1], : shape[2]]
        return part

    def box(self, page: Page, box: Box) -> Array:
        """Stored values of a box of a page: (h, w, samples), as read."""
        left, top, right, bottom = box
        frame = page.keyframe
        if _must_map(frame):
            return self._mapped(page, box)
        high, wide = _segment_size(frame)
        across, down = -(-frame.imagewidth // wide), -(-frame.imagelength // high)
        planes = frame.samplesperpixel if frame.planarconfig == 2 else 1
        out = np.empty((bottom - top, right - left, frame.samplesperpixel), frame.dtype)
        cells = itertools.product(
            range(planes),
            range(top // high, -(-bottom // high)),
            range(left // wide, -(-right // wide)),
        )
        for plane, row, column in cells:
            piece = self.segment(page, (plane * down + row) * across + column)
            y, x = row * high, column * wide
            y0, y1 = max(y, top), min(y + piece.shape[0], bottom)
            x0, x1 = max(x, left), min(x + piece.shape[1], right)
            samples = slice(plane, plane + 1) if planes > 1 else slice(None)
            out[y0 - top : y1 - top, x0 - left : x1 - left, samples] = piece[
                y0 - y : y1 - y, x0 - x : x1 - x
            ]
        return out

    def _mapped(self, page: Page, box: Box) -> Array:
        """A box of an uncompressed page that is one large strip, from a short-lived memory map."""
        left, top, right, bottom = box
        frame = page.keyframe
        shape = (frame.imagelength, frame.imagewidth, frame.samplesperpixel)
        dtype = frame.dtype.newbyteorder(self.tiff.byteorder)
        values = np.memmap(self.tiff.filehandle.path, dtype, "r", page.dataoffsets[0], shape)
        return np.array(values[top:bottom, left:right]).astype(frame.dtype, copy=False)

    def close(self) -> None:
        """Close the file and forget the segments."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0
            with contextlib.suppress(OSError):
                self.tiff.close()


def _must_map(frame: Page) -> bool:
    big = not frame.is_tiled and _segment_bytes(frame) > MAPPED_STRIP_BYTES
    plain = frame.compression == 1 and frame.planarconfig == 1 and frame.bitspersample % 8 == 0
    return big and plain and len(frame.dataoffsets) == 1 and frame.fillorder == 1


def _segment_size(frame: Page) -> tuple[int, int]:
    """(length, width) of a tile or strip."""
    if frame.is_tiled:
        return frame.tilelength, frame.tilewidth
    return min(frame.rowsperstrip, frame.imagelength), frame.imagewidth


def _segment_bytes(frame: Page) -> int:
    high, wide = _segment_size(frame)
    return int(high * wide * frame.samplesperpixel * max(1, frame.bitspersample // 8))


def page_is_readable(page: Page) -> bool:
    """Whether regions of a page can be read here; others (Lab, odd layouts) Pillow decodes."""
    frame = page.keyframe
    if frame.dtype is None or frame.dtype.kind not in "buif" or getattr(frame, "imagedepth", 1) > 1:
        return False
    orientation = frame.tags.get("Orientation")
    if orientation is not None and orientation.value not in (0, 1):
        return False
    if frame.is_subsampled and frame.compression not in JPEG_COMPRESSIONS:
        return False
    known = {0: True, 1: True, 2: True, 3: frame.samplesperpixel == 1}
    known[5] = frame.samplesperpixel == 4 and frame.dtype == np.uint8
    known[6] = frame.compression in JPEG_COMPRESSIONS or frame.compression in JPEG_2000_COMPRESSIONS
    if not known.get(int(frame.photometric), False):
        return False
    return _must_map(frame) or _segment_bytes(frame) <= LARGEST_SEGMENT_BYTES


def pages_are_lost(handle: TiffHandle) -> bool:
    """Whether the chain of pages leads out of the file: its end has been cut off."""
    file, form = handle.tiff.filehandle, handle.tiff.tiff
    seen: set[int] = set()
    file.seek(8 if form.is_bigtiff else 4)
    while True:
        offset = _unpack(file, form.offsetformat, form.offsetsize)
        if not offset or offset in seen:
            return offset is None
        seen.add(offset)
        file.seek(min(offset, file.size))
        count = _unpack(file, form.tagnoformat, form.tagnosize)
        end = offset + form.tagnosize + (count or 0) * form.tagsize
        if count is None or end + form.offsetsize > file.size:
            return True
        file.seek(end)


def _unpack(file: Page, form: str, size: int) -> int | None:
    raw = file.read(size)
    return None if len(raw) < size else int(struct.unpack(form, raw)[0])


def truncated_at(handle: TiffHandle, pages: list[Page]) -> int | None:
    """The number of bytes the segments need, when the file has fewer; None when it is complete."""
    size = handle.tiff.filehandle.size
    ends = (
        offset + count
        for page in pages
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False)
    )
    needed = max(ends, default=0)
    return needed if needed > size else None
