"""Images that have to be decoded whole, and arrays."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from georetrieve.errors import SourceError
from georetrieve.sources.options import ReadOptions
from georetrieve.sources.pixels import fit_intensity, rgb_array
from georetrieve.sources.regions import Box, PyramidRaster, Size
from georetrieve.sources.scale import SCALE_UNKNOWN

__all__ = [
    "KEPT_BYTES",
    "Decoded",
    "DecodedImage",
    "RGBArray",
    "check_pixels",
    "open_array_image",
    "spill",
]

RGBArray = npt.NDArray[np.uint8]
# Pillow's own image where Pillow decodes: turning it into an array and back takes as long as to
# decode a JPEG.
Decoded = Image.Image | RGBArray

KEPT_BYTES = 96 << 20
LARGE_PIXELS = 64_000_000

# One large image is decoded at a time, whatever the number of reading threads.
_large = threading.Lock()


def check_pixels(name: str, size: Size, options: ReadOptions) -> None:
    """Refuse, before decoding, what would not fit into memory.

    Raises:
        SourceError: More than ``options.max_pixels`` pixels.
    """
    if size[0] < 1 or size[1] < 1:
        raise SourceError(f"{name} has {size[0]}×{size[1]} pixels; there is nothing to read.")
    if size[0] * size[1] > options.max_pixels:
        raise SourceError(
            f"{name} claims {size[0]}×{size[1]} pixels, more than the {options.max_pixels:,} that "
            "are decoded whole; convert it to a tiled pyramidal TIFF (for instance with "
            "`vips tiffsave --tile --pyramid`), or raise max_pixels (--max-pixels)."
        )


class DecodedImage(PyramidRaster):
    """An image whose format has no regions: decoded at the first read, kept while open.

    What is kept is one RGB image; above 96 MiB it lies in an unnamed temporary file. A JPEG asked
    for at an eighth of its size or less is decoded reduced by the decoder itself, and that is kept
    as well. Which decoding serves a read depends on region and size only, never on earlier reads.
    """

    kind = "image"

    def __init__(
        self,
        name: str,
        size: Size,
        decode: Callable[[int], tuple[Decoded, str]],
        options: ReadOptions,
        *,
        reductions: tuple[int, ...] = (1,),
        um_per_px: float | None = None,
        remarks: tuple[str, ...] = (),
    ) -> None:
        check_pixels(name, size, options)
        super().__init__(name, (size,), um_per_px, list(remarks))
        self._decode, self._reductions = decode, reductions
        self._lock = threading.Lock()
        self._kept: dict[int, Decoded] = {}
        self._failure: SourceError | None = None

    def _choose(self, scale: float) -> tuple[int, Size]:
        reduction = max(step for step in self._reductions if step == 1 or step * 4 <= scale)
        width, height = self.size
        return reduction, (-(-width // reduction), -(-height // reduction))

    def _pixels(self, level: int, box: Box) -> Image.Image:
        kept = self._decoded(level)
        if isinstance(kept, Image.Image):
            return kept.crop(box) if box != (0, 0, *kept.size) else _shared(kept)
        left, top, right, bottom = box
        return Image.fromarray(kept[top:bottom, left:right])

    def _decoded(self, reduction: int) -> Decoded:
        with self._lock:
            if self._failure is not None:
                raise self._failure
            if reduction not in self._kept:
                try:
                    self._kept[reduction] = self._decode_once(reduction)
                except SourceError as error:
                    self._failure = error
                    raise
            return self._kept[reduction]

    def _decode_once(self, reduction: int) -> Decoded:
        if self.size[0] * self.size[1] < LARGE_PIXELS * reduction**2:
            decoded, remark = self._decode(reduction)
        else:
            with _large:
                decoded, remark = self._decode(reduction)
        if remark:
            self._remarks.append(remark)
        return decoded

    def close(self) -> None:
        """Forget the decoded pixels."""
        with self._lock:
            self._kept.clear()
            self._failure = SourceError(f"{self.name} has been closed; open it again to read it.")


def _shared(image: Image.Image) -> Image.Image:
    """The same image without a copy of its pixels: Pillow makes one before it changes them."""
    twin = image._new(image.im)
    twin.readonly = 1
    return twin


def spill(shape: tuple[int, ...]) -> RGBArray:
    """An array in an unnamed temporary file, which goes when the array does."""
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, np.uint8, "w+", shape=shape)


def open_array_image(
    name: str, load: Callable[[], npt.NDArray[Any]], options: ReadOptions
) -> DecodedImage:
    """Make an image of a two-dimensional array, or of an (H, W, 3 or 4) one in colours.

    Args:
        name: What messages call it.
        load: Gives the array; called again at the first read, so a memory map costs nothing.
        options: How it is read.
    """
    array = load()
    height, width = array.shape[:2]

    def decode(_: int) -> tuple[Decoded, str]:
        values = load()
        mapping, remark = fit_intensity(values.dtype, values, options.intensity)
        channels = np.asarray(values) if mapping is None else mapping.to_uint8(values)
        has_alpha = channels.ndim == 3 and channels.shape[2] == 4
        return rgb_array(channels, alpha="straight" if has_alpha else "none"), remark

    remarks = () if options.um_per_px else (SCALE_UNKNOWN,)
    return DecodedImage(
        name, (width, height), decode, options, um_per_px=options.um_per_px, remarks=remarks
    )
