"""A written map as layers to lay over its image in a viewer, and as one archive to take away."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from georetrieve.errors import SourceError
from georetrieve.sources.masks.classes import ClassTable

__all__ = ["UNSURE", "class_layer", "uncertainty_layer", "zip_files"]

MOST_PIXELS = 1 << 22  # of a layer: as many as screens have
UNSURE = (214, 0, 120)
"""Colour of a guess."""
VOID_NUMBER = 255
STORED = (".png", ".tif", ".tiff", ".segmenter")  # are compressed, or hardly can be


def class_layer(files: Sequence[Path], classes: ClassTable) -> bytes:
    """A PNG of the classes in their colours; void is clear.

    Args:
        files: What :func:`~georetrieve.reports.maps.writing.write_map` wrote.
        classes: Of the map.

    Raises:
        SourceError: There is no mask among the files, or it cannot be read.
    """
    if len(classes) > VOID_NUMBER:
        raise SourceError(f"A map of {len(classes)} classes cannot be drawn; {VOID_NUMBER} can.")
    values = _values(_named(files, ("mask.png", "mask.tif")))
    numbers = np.full(1 << 16, VOID_NUMBER, np.uint8)
    numbers[list(classes.codes)] = np.arange(len(classes))
    layer = Image.fromarray(numbers[values])
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(classes)] = classes.colours
    layer.putpalette(palette.ravel().tolist())
    out = io.BytesIO()
    layer.save(out, "PNG", transparency=VOID_NUMBER)
    return out.getvalue()


def uncertainty_layer(files: Sequence[Path]) -> bytes:
    """A PNG of the uncertainty: clear where the map is sure, magenta where it is a guess.

    Args:
        files: What :func:`~georetrieve.reports.maps.writing.write_map` wrote.

    Raises:
        SourceError: There is none among the files, or it cannot be read.
    """
    layer = Image.fromarray(_values(_named(files, ("uncertainty.tif",))).astype(np.uint8))
    layer.putpalette(list(UNSURE) * 256)
    out = io.BytesIO()
    # Most of a map is a little unsure: the root makes that visible, without hiding the image.
    clear = np.rint(255 * np.linspace(0, 1, 256) ** 0.75).astype(np.uint8)
    layer.save(out, "PNG", transparency=clear.tobytes())
    return out.getvalue()


def zip_files(files: Sequence[Path], texts: Mapping[str, str]) -> bytes:
    """Files, and texts under names of their own, as one ZIP; each file under its own name.

    Raises:
        SourceError: A file is gone.
    """
    out = io.BytesIO()
    try:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in files:
                how = zipfile.ZIP_STORED if path.suffix in STORED else zipfile.ZIP_DEFLATED
                archive.write(path, path.name, compress_type=how)
            for name, text in texts.items():
                archive.writestr(name, text)
    except OSError as error:
        raise SourceError(
            f"The map is no longer there ({error.strerror}); make it again."
        ) from error
    return out.getvalue()


def _named(files: Sequence[Path], ends: tuple[str, ...]) -> Path:
    for path in files:
        if path.name.endswith(ends):
            return path
    raise SourceError(f"The map has no {ends[0]}; make it again.")


def _values(path: Path) -> npt.NDArray[Any]:
    """The pixels, of a large raster every n-th."""
    import rasterio
    from rasterio.enums import Resampling
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    try:
        with warnings.catch_warnings():
            # Pixels under a microscope lie nowhere on Earth.
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path) as file:
                shrink = max(1.0, (file.width * file.height / MOST_PIXELS) ** 0.5)
                shape = (max(1, round(file.height / shrink)), max(1, round(file.width / shrink)))
                values: npt.NDArray[Any] = file.read(
                    1, out_shape=shape, resampling=Resampling.nearest
                )
    except RasterioError as error:
        raise SourceError(f"{path.name} cannot be read ({error}); make the map again.") from error
    return values
