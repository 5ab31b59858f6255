"""A TIFF image or pyramid as a raster."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from georetrieve.errors import SourceError
from georetrieve.sources.options import ReadOptions
from georetrieve.sources.pixels import Intensity, fit_intensity, rgb_array, rgb_from_pillow
from georetrieve.sources.regions import Box, PyramidRaster
from georetrieve.sources.tiff_segments import Page, TiffHandle

__all__ = ["TiffRaster"]

Array = npt.NDArray[Any]

# TIFF's PhotometricInterpretation.
WHITE_IS_ZERO, PALETTE, CMYK = 0, 3, 5
# TIFF's ExtraSamples.
PREMULTIPLIED, STRAIGHT = 1, 2
SAMPLE_WINDOW_PX = 256
SAMPLE_WINDOWS_A_SIDE = 4


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
        levels: list[list[Page]],
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
        if frame.dtype == np.uint8 and (bits in (None, 8) or frame.photometric == PALETTE):
            return None, ""
        if frame.photometric == PALETTE:
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
        if photometric == PALETTE:
            return Image.fromarray(_from_palette(values[..., 0], frame.colormap))
        channels = values if self._intensity is None else self._intensity.to_uint8(values)
        if photometric == CMYK:
            return rgb_from_pillow(
                Image.frombytes("CMYK", channels.shape[1::-1], channels.tobytes())
            )
        if photometric == WHITE_IS_ZERO:
            channels = 255 - channels
        return Image.fromarray(rgb_array(channels, alpha=_alpha(frame)))

    def close(self) -> None:
        """Close the file."""
        self._handle.close()


def _alpha(frame: Page) -> Literal["none", "straight", "premultiplied"]:
    """What the last of a page's channels is; unspecified extra channels are no alpha."""
    extra = [int(code) for code in frame.extrasamples or ()]
    if len(extra) != 1 or frame.samplesperpixel not in (2, 4):
        return "none"
    if extra[0] == PREMULTIPLIED:
        return "premultiplied"
    return "straight" if extra[0] == STRAIGHT else "none"


def _from_palette(indices: Array, colormap: Array | None) -> npt.NDArray[np.uint8]:
    if colormap is None:
        raise SourceError("The image has palette colours but no palette; save it again as RGB.")
    table = (np.asarray(colormap, np.uint16).T >> 8).astype(np.uint8)
    return table[np.minimum(indices, len(table) - 1)]
