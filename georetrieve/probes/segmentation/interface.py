"""What every method of segmentation takes and gives: patch neighbours and the baselines alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from georetrieve.protocols import Progress
from georetrieve.sources.fields import FieldOfView
from georetrieve.sources.masks.classes import ClassTable
from georetrieve.types import FloatArray

__all__ = ["Band", "Segmenter"]


@dataclass(frozen=True, slots=True)
class Band:
    """Some rows of a map, over its whole width.

    Attributes:
        top: Number of the first row, pixels.
        probabilities: (rows, width, C) float32, of sum 1 over the classes.
    """

    top: int
    probabilities: FloatArray


class Segmenter(Protocol):
    """Maps fields of view of any size in bounded memory."""

    @property
    def method(self) -> str:
        """What it is called on the command line: ``patch-nn``, ``otsu`` ..."""
        ...

    @property
    def classes(self) -> ClassTable:
        """The C classes it tells apart."""
        ...

    @property
    def view_names(self) -> tuple[str, ...]:
        """The views it was fitted to, in order."""
        ...

    def segment(self, field: FieldOfView, *, progress: Progress | None = None) -> Iterator[Band]:
        """Yield the map from the top to the bottom, without gaps or overlaps.

        Raises:
            SourceError: The field has not the views it was fitted to, or cannot be read.
        """
        ...

    def save(self, path: Path) -> None:
        """Write everything it needs to one file, which holds no code."""
        ...
