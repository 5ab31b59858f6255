"""Images that arrive as bytes, read as the same file on disk would be."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from PIL import Image

from georetrieve.errors import SourceError, UnknownFormatError
from georetrieve.protocols import Raster
from georetrieve.sources.cut import LARGEST_READ_PX
from georetrieve.sources.opening import open_raster
from georetrieve.sources.options import ReadOptions
from georetrieve.sources.pillow import open_pillow
from georetrieve.sources.signatures import TIFF_MAGIC
from georetrieve.types import Region

__all__ = ["read_bytes"]


@dataclass(frozen=True, slots=True)
class _InMemory:
    """A file in memory, opened the way a ``Path`` is."""

    name: str
    data: bytes

    def open(self, mode: Literal["rb"]) -> IO[bytes]:
        return io.BytesIO(self.data)

    def read_bytes(self) -> bytes:
        return self.data


def read_bytes(data: bytes, options: ReadOptions | None = None) -> Image.Image:
    """The pixels of an image file that lies in memory, no larger than items are read.

    What the file is, its bytes say; no name is asked for, so none has to be trusted. TIFFs go
    through a temporary file, since their readers want one.

    Args:
        data: A JPEG, PNG, TIFF ... as bytes.
        options: How it is read; more than ``options.max_pixels`` pixels are refused in every
            format, before they are decoded.

    Returns:
        RGB, the longer side at most 2,048 pixels.

    Raises:
        UnknownFormatError: It is no image.
        SourceError: It is damaged, too large, or a volume, of which one slice is to be sent.
    """
    options = options or ReadOptions()
    if not data:
        raise UnknownFormatError("The input is empty (0 bytes); send an image file.")
    with _opened(data, options) as raster:
        width, height = raster.size
        if raster.kind == "volume":
            raise SourceError(f"The input is a stack of {raster.depth} slices; send one of them.")
        if width * height > options.max_pixels:
            raise SourceError(
                f"The input has {width}×{height} pixels, more than the {options.max_pixels:,} that "
                "are taken; send a smaller copy or a part of it."
            )
        shrink = max(width, height) / LARGEST_READ_PX
        whole = Region(0, 0, width, height)
        if shrink <= 1:
            return raster.read(whole)
        return raster.read(whole, (max(1, round(width / shrink)), max(1, round(height / shrink))))


@contextmanager
def _opened(data: bytes, options: ReadOptions) -> Iterator[Raster]:
    if not data.startswith(TIFF_MAGIC):
        with open_pillow(_InMemory("The input", data), options) as raster:
            yield raster
        return
    with tempfile.TemporaryDirectory(prefix="georetrieve-") as folder:
        path = Path(folder) / "image.tif"
        path.write_bytes(data)
        with open_raster(path, options) as raster:
            yield raster
