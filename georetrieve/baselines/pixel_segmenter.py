"""A segmenter that judges every pixel by its own features: what all baselines have in common."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from georetrieve.baselines.pixel_features import PixelFeatures
from georetrieve.baselines.tiles import TILE_PX, tile_rows, widen
from georetrieve.errors import SourceError
from georetrieve.probes.segmentation.interface import Band
from georetrieve.probes.segmentation.model_file import write_model
from georetrieve.protocols import Progress
from georetrieve.sources.fields import FieldOfView
from georetrieve.sources.masks.classes import ClassTable
from georetrieve.types import FloatArray, Region

__all__ = ["PixelModel", "PixelSegmenter"]

BAND_BYTES = 128 * 2**20
LEAST_ROWS = 32
FEATURE_BYTES = 512 * 2**20


class PixelModel(Protocol):
    """What was fitted: tells the classes of pixels from their features."""

    def probabilities(self, values: FloatArray) -> FloatArray:
        """Return the (N, C) float32 probabilities of (N, F) pixels, rows of sum 1."""
        ...

    def tensors(self) -> Mapping[str, npt.NDArray[Any]]:
        """All of it, as arrays of numbers."""
        ...


@dataclass(frozen=True, slots=True)
class PixelSegmenter:
    """See :class:`~georetrieve.probes.segmentation.interface.Segmenter`.

    A band is one row of tiles, which threads judge side by side: what is held grows with the width
    of an image and not with its height.

    Attributes:
        method: Its name on the command line.
        classes: The C classes.
        view_names: The views it was fitted to.
        features: What is computed of each pixel.
        model: What was fitted to that.
    """

    method: str
    classes: ClassTable
    view_names: tuple[str, ...]
    features: PixelFeatures
    model: PixelModel

    def segment(self, field: FieldOfView, *, progress: Progress | None = None) -> Iterator[Band]:
        """Yield the map from the top to the bottom.

        Raises:
            SourceError: The field has not the views it was fitted to, or cannot be read.
        """
        if field.view_names != self.view_names:
            raise SourceError(
                f"{field.name} has the views {_words(field.view_names)}, and this {self.method} "
                f"model was fitted to {_words(self.view_names)}; give the same views in the same "
                "order."
            )
        return self._bands(field, progress)

    def save(self, path: Path) -> None:
        """Write everything it needs to one file, which holds no code.

        Raises:
            StoreError: The file cannot be written.
        """
        facts = {
            "classes": self.classes.to_json(),
            "view_names": list(self.view_names),
            "features": self.features.to_json(),
        }
        write_model(path, self.method, facts, self.model.tensors())

    def _bands(self, field: FieldOfView, progress: Progress | None) -> Iterator[Band]:
        rows = list(tile_rows(field.size, self._tile_height(field.size[0])))
        if progress:
            progress.start(f"Mapping {field.name}", sum(map(len, rows)), "tiles")
        with ThreadPoolExecutor(self._threads()) as threads:
            for tiles in rows:
                parts = []
                for part in threads.map(lambda tile: self._judge(field, tile), tiles):
                    parts.append(part)
                    if progress:
                        progress.advance()
                yield Band(tiles[0].y, np.concatenate(parts, axis=1))
        if progress:
            progress.finish()

    def _tile_height(self, width: int) -> int:
        """Rows of a band, so that its probabilities do not grow out of hand."""
        row_bytes = 4 * width * len(self.classes)
        return int(np.clip(BAND_BYTES // row_bytes, LEAST_ROWS, TILE_PX))

    def _threads(self) -> int:
        """Tiles judged at once, by processors and by what their features take."""
        side = TILE_PX + 2 * self.features.margin_px
        # Twice: filters are computed one by one and then put together.
        tile_bytes = 2 * 4 * self.features.width * side**2
        return max(1, min(os.cpu_count() or 1, FEATURE_BYTES // tile_bytes))

    def _judge(self, field: FieldOfView, tile: Region) -> FloatArray:
        """(height, width, C) of one tile."""
        wide = widen(tile, field.size, self.features.margin_px)
        values = self.features.describe(field.read(wide.region))[wide.inner]
        judged = self.model.probabilities(values.reshape(-1, self.features.width))
        return judged.reshape(tile.height, tile.width, len(self.classes))


def _words(names: tuple[str, ...]) -> str:
    return ", ".join(repr(name) for name in names)
