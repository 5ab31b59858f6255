"""Maps as images whose pixels are values: tiled TIFFs of any size, PNGs of small ones."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from georetrieve.errors import SourceError
from georetrieve.sources.masks.classes import ClassTable

__all__ = ["TiledTiff", "code_table", "save_palette_png", "void_code"]

TILE_PX = 256
CACHE_BYTES = 64 << 20  # GDAL would keep written tiles in a twentieth of the memory
CENTIMETRE = 3  # TIFF's ResolutionUnit
VOID_COLOUR = (0, 0, 0)


class TiledTiff:
    """A grey TIFF written row by row: tiled, deflated, larger than 4 GB where need be.

    Args:
        path: The file.
        size: (width, height), pixels.
        dtype: uint8 or uint16.
        um_per_px: Goes into its resolution tags; None when unknown.
        palette: Value → colour, of uint8.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        dtype: npt.DTypeLike,
        *,
        um_per_px: float | None,
        palette: Mapping[int, tuple[int, int, int]] | None = None,
    ) -> None:
        self._rows = np.zeros((TILE_PX, size[0]), dtype)
        self._filled, self._top = 0, 0
        self._file = _opened(path, size, np.dtype(dtype).name)
        if um_per_px is not None:
            per_cm = 10_000 / um_per_px
            self._file.update_tags(
                TIFFTAG_XRESOLUTION=per_cm,
                TIFFTAG_YRESOLUTION=per_cm,
                TIFFTAG_RESOLUTIONUNIT=CENTIMETRE,
            )
        if palette is not None:
            self._file.write_colormap(1, {value: (*rgb, 255) for value, rgb in palette.items()})

    def add(self, rows: npt.NDArray[Any]) -> None:
        """Append (rows, width) values."""
        taken = 0
        while taken < len(rows):
            count = min(len(rows) - taken, TILE_PX - self._filled)
            self._rows[self._filled : self._filled + count] = rows[taken : taken + count]
            self._filled += count
            taken += count
            if self._filled == TILE_PX:
                self._write()

    def _write(self) -> None:
        import rasterio
        from rasterio.errors import RasterioError
        from rasterio.windows import Window

        if not self._filled:
            return
        window = Window(0, self._top, self._rows.shape[1], self._filled)
        try:
            with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES):
                self._file.write(self._rows[: self._filled], 1, window=window)
        except RasterioError as error:
            raise SourceError(
                f"{self._file.name} cannot be written ({error}); is the disk full?"
            ) from error
        self._top += self._filled
        self._filled = 0

    def close(self) -> None:
        """Write what is left and close the file."""
        if not self._file.closed:
            self._write()
            self._file.close()


def _opened(path: Path, size: tuple[int, int], dtype: str) -> Any:  # noqa: ANN401 - rasterio is untyped
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    with warnings.catch_warnings():
        # Pixels under a microscope lie nowhere on Earth.
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            return rasterio.open(
                path,
                "w",
                driver="GTiff",
                width=size[0],
                height=size[1],
                count=1,
                dtype=dtype,
                tiled=True,
                blockxsize=TILE_PX,
                blockysize=TILE_PX,
                compress="deflate",
                BIGTIFF="IF_SAFER",
            )
        except RasterioError as error:
            raise SourceError(
                f"{path} cannot be written ({error}); is the folder there, and yours to write?"
            ) from error


def void_code(classes: ClassTable) -> int:
    """The value of void pixels: the highest that is no class's, of 8 bits where these suffice."""
    top = 255 if max(classes.codes) <= 255 and len(classes) < 256 else 65_535
    return next(code for code in range(top, -1, -1) if code not in classes.codes)


def code_table(classes: ClassTable) -> npt.NDArray[Any]:
    """Codes by class number, void's last (number -1), in the narrowest type that holds them."""
    codes = [*classes.codes, void_code(classes)]
    return np.array(codes, np.uint8 if max(codes) <= 255 else np.uint16)


def save_palette_png(
    path: Path, values: npt.NDArray[np.uint8], classes: ClassTable, um_per_px: float | None
) -> None:
    """Write an index mask as a PNG in the classes' colours; its pixel values are the codes."""
    image = Image.fromarray(values)
    palette = np.zeros((256, 3), np.uint8)
    palette[list(classes.codes)] = classes.colours
    image.putpalette(palette.ravel().tolist())
    resolution = {} if um_per_px is None else {"dpi": (25_400 / um_per_px, 25_400 / um_per_px)}
    image.save(path, "PNG", optimize=True, **resolution)
