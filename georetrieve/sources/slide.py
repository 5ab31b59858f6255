"""Whole slides through OpenSlide: MIRAX, Aperio, Hamamatsu, Leica, Ventana, DICOM and others."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, TypeAlias

from PIL import Image

from georetrieve.errors import MissingExtraError, SourceError
from georetrieve.sources.options import ReadOptions
from georetrieve.sources.pixels import flatten_alpha
from georetrieve.sources.regions import Box, PyramidRaster, Size
from georetrieve.sources.scale import Scale, choose_scale

__all__ = ["OpenSlideRaster", "level_remarks", "openslide_vendor"]

# The openslide module and its OpenSlide; imported late, since its library takes a while to load.
Library: TypeAlias = Any
Handle: TypeAlias = Any

# An objective's pixel is about 10 µm divided by its power; cameras and tube lenses vary by two.
POWER_UM, POWER_FACTOR = 10.0, 2.5


def openslide_vendor(path: Path) -> str | None:
    """The slide format OpenSlide recognises, None when it recognises none.

    Raises:
        MissingExtraError: OpenSlide's library cannot be loaded.
    """
    vendor: str | None = _library().OpenSlide.detect_format(path)
    return vendor


def _library() -> Library:
    try:
        import openslide
    except (ImportError, OSError) as error:
        raise MissingExtraError(
            f"OpenSlide cannot be loaded ({error}); run `pip install openslide-bin`."
        ) from error
    return openslide


class OpenSlideRaster(PyramidRaster):
    """A slide read by region; thread-safe, since OpenSlide is.

    Raises:
        SourceError: It cannot be opened, or a first patch of a level cannot be decoded.
    """

    kind = "slide"

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self._path, self._lock = path, threading.Lock()
        self._slide = self._open()
        properties = dict(self._slide.properties)
        um_per_px, remarks = choose_scale(_statements(properties), options.um_per_px)
        remarks += _power_remarks(properties, um_per_px)
        levels = tuple((int(width), int(height)) for width, height in self._slide.level_dimensions)
        super().__init__(path.name, levels, um_per_px, remarks + level_remarks(levels))
        self._background = _colour(properties.get("openslide.background-color"))
        try:
            for level, (width, height) in enumerate(levels):
                left, top = width // 2, height // 2
                self._pixels(level, (0, 0, min(8, width), min(8, height)))
                self._pixels(level, (left, top, min(left + 8, width), min(top + 8, height)))
        except SourceError:
            self.close()
            raise

    def _open(self) -> Handle:
        library = _library()
        try:
            return library.OpenSlide(self._path)
        except library.OpenSlideError as error:
            raise SourceError(
                f"{self._path.name} is a slide that cannot be opened ({error}): a companion file "
                "is missing or the file is damaged; copy the slide again with everything beside it."
            ) from error

    def _pixels(self, level: int, box: Box) -> Image.Image:
        left, top, right, bottom = box
        fine = self.levels[level][0] / self.size[0], self.levels[level][1] / self.size[1]
        corner = (round(left / fine[0]), round(top / fine[1]))
        slide = self._slide
        if slide is None:
            raise SourceError(f"{self.name} has been closed; open it again to read it.")
        try:
            rgba = slide.read_region(corner, level, (right - left, bottom - top))
        except _library().OpenSlideError as error:
            self._reopen(slide)
            raise SourceError(
                f"{self.name} cannot be decoded at x={corner[0]}, y={corner[1]} of level {level} "
                f"({error}): it is damaged there; copy the slide again."
            ) from error
        return flatten_alpha(rgba, self._background)

    def _reopen(self, failed: Handle) -> None:
        """OpenSlide refuses everything after one error; a fresh handle reads what is sound."""
        with self._lock:
            if self._slide is failed:
                failed.close()
                self._slide = None
                self._slide = self._open()

    def close(self) -> None:
        """Close the slide."""
        with self._lock:
            if self._slide is not None:
                self._slide.close()
                self._slide = None


def _colour(text: str | None) -> tuple[int, int, int]:
    """``openslide.background-color``, six hex digits; white where there is none."""
    if not text or len(text) != 6:
        return 255, 255, 255
    return int(text[:2], 16), int(text[2:4], 16), int(text[4:], 16)


def _number(properties: dict[str, str], name: str) -> float | None:
    try:
        return float(properties.get(name, ""))
    except ValueError:
        return None


def _statements(properties: dict[str, str]) -> list[Scale]:
    x, y = _number(properties, "openslide.mpp-x"), _number(properties, "openslide.mpp-y")
    x, y = x or y, y or x
    return [] if x is None or y is None else [Scale("the slide", x, y)]


def _power_remarks(properties: dict[str, str], um_per_px: float | None) -> list[str]:
    power = _number(properties, "openslide.objective-power")
    if not power or um_per_px is None:
        return []
    ratio = um_per_px * power / POWER_UM
    if 1 / POWER_FACTOR <= ratio <= POWER_FACTOR:
        return []
    return [
        f"{um_per_px:.4g} µm a pixel do not fit the {power:g}× objective the slide names (about "
        f"{POWER_UM / power:.3g} µm); measured sizes may be wrong"
    ]


def level_remarks(levels: tuple[Size, ...]) -> list[str]:
    """Levels whose shape differs from level 0's by more than rounding."""
    width, height = levels[0]
    return [
        f"level {number} ({across}×{down}) is not a reduced level 0 ({width}×{height}); regions "
        "read from it may be shifted"
        for number, (across, down) in enumerate(levels[1:], 1)
        if abs(across * height - down * width) > 0.01 * across * height + max(width, height)
    ]
