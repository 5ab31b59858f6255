"""Small maps of the images that were tested, kept to be drawn when it is known which matter."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from georetrieve.probes.segmentation.interface import Band
from georetrieve.sources.fields import FieldOfView
from georetrieve.types import Region

__all__ = ["Preview", "PreviewMaker", "entropy", "sampled_views", "step_of"]

SIDE_PX = 520
STRIP_PX = 512


@dataclass(frozen=True, slots=True)
class Preview:
    """Every few pixels of a map; maps of classes pack well.

    Attributes:
        shape: (height, width).
        packed_classes: The class of each pixel.
        packed_doubt: Its uncertainty, 0 to 255.
    """

    shape: tuple[int, int]
    packed_classes: bytes
    packed_doubt: bytes

    @property
    def classes(self) -> npt.NDArray[np.uint16]:
        """(height, width) class numbers."""
        return np.frombuffer(zlib.decompress(self.packed_classes), np.uint16).reshape(self.shape)

    @property
    def doubt(self) -> npt.NDArray[np.uint8]:
        """(height, width) uncertainty, 0 to 255."""
        return np.frombuffer(zlib.decompress(self.packed_doubt), np.uint8).reshape(self.shape)


class PreviewMaker:
    """Takes bands as they come.

    Args:
        size: (width, height) of the image.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self._step = step_of(size)
        self._classes: list[npt.NDArray[np.uint16]] = []
        self._doubt: list[npt.NDArray[np.uint8]] = []

    def add(self, band: Band) -> None:
        """Keep every few pixels of a band."""
        rows = slice(-band.top % self._step, None, self._step)
        few = band.probabilities[rows, :: self._step]
        self._classes.append(few.argmax(axis=-1).astype(np.uint16))
        self._doubt.append((255 * entropy(few)).round().astype(np.uint8))

    def preview(self) -> Preview:
        """All of it, packed."""
        classes, doubt = np.concatenate(self._classes), np.concatenate(self._doubt)
        height, width = classes.shape
        return Preview(
            (height, width), zlib.compress(classes.tobytes()), zlib.compress(doubt.tobytes())
        )


def step_of(size: tuple[int, int]) -> int:
    """Every how manieth pixel of a (width, height) image is drawn."""
    return max(1, -(-max(size) // SIDE_PX))


def entropy(probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Uncertainty of (..., C) probabilities: their entropy over that of C alike, 0 to 1."""
    n_classes = probabilities.shape[-1]
    if n_classes < 2:
        return np.zeros(probabilities.shape[:-1], np.float32)
    logs = np.log(np.where(probabilities > 0, probabilities, 1))
    doubt = -(probabilities * logs).sum(axis=-1) / np.log(n_classes)
    clipped: npt.NDArray[np.float32] = np.clip(doubt, 0, 1).astype(np.float32)
    return clipped


def sampled_views(field: FieldOfView) -> list[npt.NDArray[np.uint8]]:
    """(height, width, 3) every few pixels of each view, in the size of a :class:`Preview`."""
    rows = [[np.asarray(view) for view in strip] for strip in _strips(field)]
    return [np.concatenate(parts) for parts in zip(*rows, strict=True)]


def _strips(field: FieldOfView) -> Iterator[list[npt.NDArray[np.uint8]]]:
    width, height = field.size
    step = step_of(field.size)
    tall = max(1, STRIP_PX // step) * step
    for top in range(0, height, tall):
        region = Region(0, top, width, min(tall, height - top))
        yield [np.asarray(view)[::step, ::step] for view in field.read(region)]
