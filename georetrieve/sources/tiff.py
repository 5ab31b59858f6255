"""TIFF in all its kinds, through tifffile: single images, pyramids, OME-TIFF, stacks of slices.

Regions are read segment (tile or strip) by segment, so memory depends on the region, not on the
image; decoded segments are kept up to a bound, since neighbouring regions share them.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from georetrieve.errors import SourceError
from georetrieve.sources.options import ReadOptions
from georetrieve.sources.pixels import Intensity, fit_intensity, rgb_array, rgb_from_pillow
from georetrieve.sources.regions import Box, PyramidRaster

__all__ = ["TiffHandle", "TiffRaster", "page_is_readable", "truncated_at"]

Array = npt.NDArray[Any]

KEPT_BYTES = 160 << 20
LARGEST_SEGMENT_BYTES = 256 << 20
JPEG_COMPRESSIONS = (6, 7, 34892, 33007)
SAMPLE_WINDOW_PX = 256
SAMPLE_WINDOWS_A_SIDE = 4

# tifffile logs what it finds odd in a file; what matters becomes an error or a remark here.
logging.getLogger("tifffile").addHandler(logging.NullHandler())
logging.getLogger("tifffile").propagate = False


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

    def segment(self, page: Any, index: int) -> Array | None:
        """(length, width, samples) of a decoded tile or strip; None for one left out (sparse)."""
        key = (page.offset, index)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            raw = self._raw(page, index)
        if raw is None:
            return None
        decoded = self._decode(page, index, raw)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = decoded
                self._bytes += decoded.nbytes
            while self._bytes > KEPT_BYTES and len(self._kept) > 1:
                _, old = self._kept.popitem(last=False)
                self._bytes -= old.nbytes
        return decoded

    def _raw(self, page: Any, index: int) -> bytes | None:
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

    def _decode(self, page: Any, index: int, raw: bytes) -> Array:
        extra: dict[str, Any] = {}
        if page.keyframe.compression in JPEG_COMPRESSIONS:
            extra = {"jpegtables": page.jpegtables, "jpegheader": page.keyframe.jpegheader}
        try:
            decoded, _, shape = page.keyframe.decode(raw, index, **extra)
        except Exception as error:
            raise SourceError(
                f"{self.name}: tile {index} cannot be decoded ({error}): it is damaged, or "
                "compressed in a way this reader does not know; convert it to an ordinary tiled TIFF."
            ) from error
        part: Array = decoded[0, : shape[1], : shape[2]]
        return part

    def box(self, page: Any, box: Box) -> Array:
        """Stored values of a box of a page: (h, w, samples), as read."""
        left, top, right, bottom = box
        frame = page.keyframe
        if _must_map(frame):
            return self._mapped(page, box)
        high = frame.tilelength if frame.is_tiled else min(frame.rowsperstrip, frame.imagelength)
        wide = frame.tilewidth if frame.is_tiled else frame.imagewidth
        across, down = -(-frame.imagewidth // wide), -(-frame.imagelength // high)
        planes = frame.samplesperpixel if frame.planarconfig == 2 else 1
        out = np.full((bottom - top, right - left, frame.samplesperpixel), 0, frame.dtype)
        for plane in range(planes):
            target = out[..., plane : plane + 1] if planes > 1 else out
            for row in range(top // high, -(-bottom // high)):
                for column in range(left // wide, -(-right // wide)):
                    index = (plane * down + row) * across + column
                    piece = self.segment(page, index)
                    if piece is None:
                        target[_target(box, row * high, column * wide, (high, wide))] = _blank(
                            frame
                        )
                        continue
                    where = _target(box, row * high, column * wide, piece.shape)
                    ys, xs = (
                        slice(max(0, edge - start), max(0, edge - start) + (part.stop - part.start))
                        for edge, start, part in zip(
                            (top, left), (row * high, column * wide), where, strict=True
                        )
                    )
                    target[where] = piece[ys, xs]
        return out

    def _mapped(self, page: Any, box: Box) -> Array:
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


def _target(box: Box, row: int, column: int, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Where a segment at (row, column) lies in the box's array."""
    left, top, right, bottom = box
    return (
        slice(max(row, top) - top, min(row + shape[0], bottom) - top),
        slice(max(column, left) - left, min(column + shape[1], right) - left),
    )


def _blank(frame: Any) -> int:
    """What tiles left out of a file mean: white where that is the highest value, else 0."""
    return 255 if frame.photometric in (2, 6) and frame.dtype == np.uint8 else 0


def _must_map(frame: Any) -> bool:
    big = not frame.is_tiled and _segment_bytes(frame) > LARGEST_SEGMENT_BYTES // 8
    plain = frame.compression == 1 and frame.planarconfig == 1 and frame.bitspersample % 8 == 0
    return big and plain and len(frame.dataoffsets) == 1 and frame.fillorder == 1


def _segment_bytes(frame: Any) -> int:
    rows = frame.tilelength if frame.is_tiled else min(frame.rowsperstrip, frame.imagelength)
    wide = frame.tilewidth if frame.is_tiled else frame.imagewidth
    return int(rows * wide * frame.samplesperpixel * max(1, frame.bitspersample // 8))


def page_is_readable(page: Any) -> bool:
    """Whether regions of a page can be read here; others (Lab, odd layouts) are Pillow's to decode."""
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
    known[6] = frame.compression in JPEG_COMPRESSIONS or frame.compression in (33003, 33005)
    if not known.get(int(frame.photometric), False):
        return False
    return _must_map(frame) or _segment_bytes(frame) <= LARGEST_SEGMENT_BYTES


def truncated_at(handle: TiffHandle, pages: list[Any]) -> int | None:
    """The number of bytes the segments need, when the file has fewer; None when it is complete."""
    size = handle.tiff.filehandle.size
    ends = (
        offset + count
        for page in pages
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False)
    )
    needed = max(ends, default=0)
    return needed if needed > size else None


class TiffRaster(PyramidRaster):
    """A TIFF image or pyramid, read by region.

    Args:
        handle: The open file; the raster closes it.
        kind: ``slide`` or ``image``.
        levels: For each level its pages: one, or one a channel.
        options: How values of more than 8 bits are shown.
        um_per_px: Scale of level 0.
        remarks: What the opener found.
    """

    def __init__(
        self,
        handle: TiffHandle,
        kind: str,
        levels: list[list[Any]],
        options: ReadOptions,
        um_per_px: float | None,
        remarks: list[str],
    ) -> None:
        sizes = tuple((pages[0].imagewidth, pages[0].imagelength) for pages in levels)
        super().__init__(handle.name, sizes, um_per_px, remarks)
        self.kind = kind
        self._handle, self._levels = handle, levels
        self._intensity, remark = self._fit(options)
        if remark:
            self._remarks.append(remark)
        for level in range(len(levels)):
            # A damaged file is refused here, before anything is cut from it.
            self._pixels(level, (0, 0, min(8, sizes[level][0]), min(8, sizes[level][1])))

    def _fit(self, options: ReadOptions) -> tuple[Intensity | None, str]:
        frame = self._levels[0][0].keyframe
        bits = frame.bitspersample if isinstance(frame.bitspersample, int) else None
        if frame.dtype == np.uint8 and (bits in (None, 8) or frame.photometric == 3):
            return None, ""
        if frame.photometric == 3:
            return None, ""
        return fit_intensity(frame.dtype, self._sample(), options.intensity, bits=bits)

    def _sample(self) -> Array:
        """Values that stand for the image: all of a small one, else a 4×4 grid of windows."""
        width, height = self.size
        side, count = SAMPLE_WINDOW_PX, SAMPLE_WINDOWS_A_SIDE
        if width * height <= (side * count) ** 2 * 4:
            return self._stored(0, (0, 0, width, height))
        parts = []
        for i in range(count):
            for j in range(count):
                left = (width - min(side, width)) * j // (count - 1)
                top = (height - min(side, height)) * i // (count - 1)
                box = (left, top, min(width, left + side), min(height, top + side))
                parts.append(self._stored(0, box).ravel())
        return np.concatenate(parts)

    def _stored(self, level: int, box: Box) -> Array:
        pages = self._levels[level]
        if len(pages) == 1:
            return self._handle.box(pages[0], box)
        return np.concatenate([self._handle.box(page, box)[..., :1] for page in pages], axis=2)

    def _pixels(self, level: int, box: Box) -> Image.Image:
        values = self._stored(level, box)
        frame = self._levels[level][0].keyframe
        photometric = int(frame.photometric)
        if photometric == 3:
            return Image.fromarray(_from_palette(values[..., 0], frame.colormap))
        channels = values if self._intensity is None else self._intensity.to_uint8(values)
        if photometric == 5:
            return rgb_from_pillow(
                Image.frombytes("CMYK", channels.shape[1::-1], channels.tobytes())
            )
        if photometric == 0:
            channels = 255 - channels
        return Image.fromarray(rgb_array(channels, alpha=_alpha(frame)))

    def close(self) -> None:
        """Close the file."""
        self._handle.close()


def _alpha(frame: Any) -> Literal["none", "straight", "premultiplied"]:
    """What the last of a page's channels is; unspecified extra channels are no alpha."""
    extra = [int(code) for code in frame.extrasamples or ()]
    if len(extra) != 1 or frame.samplesperpixel not in (2, 4):
        return "none"
    if extra[0] == 1:
        return "premultiplied"
    return "straight" if extra[0] == 2 else "none"


def _from_palette(indices: Array, colormap: Array | None) -> npt.NDArray[np.uint8]:
    if colormap is None:
        raise SourceError("The image has palette colours but no palette; save it again as RGB.")
    table = (np.asarray(colormap, np.uint16).T >> 8).astype(np.uint8)
    return table[np.minimum(indices, len(table) - 1)]
