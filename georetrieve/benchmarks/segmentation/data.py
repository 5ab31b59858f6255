"""What is mapped, and by whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from georetrieve.benchmarks.record import EncoderFacts
from georetrieve.sources.fields import LabelledField
from georetrieve.sources.masks.classes import ClassTable
from georetrieve.types import IntArray

__all__ = ["Contender", "MappedData"]


@dataclass(frozen=True, slots=True)
class Contender:
    """A method, and the encoder it has."""

    method: str
    encoder: EncoderFacts | None = None

    @property
    def name(self) -> str:
        """``patch-nn · bundled``."""
        return self.method if self.encoder is None else f"{self.method} · {self.encoder.name}"


@dataclass(frozen=True, slots=True)
class MappedData:
    """Images with their truth.

    Attributes:
        name: What they are called.
        fields: N images.
        classes: C classes.
        pixels: (N, C) labelled pixels of each class.
        offered: Images offered, with those that could not be used.
        excluded: Why images were left out, and how many.
    """

    name: str
    fields: Sequence[LabelledField]
    classes: ClassTable
    pixels: IntArray
    offered: int
    excluded: Mapping[str, int]

    @property
    def groups(self) -> IntArray:
        """(N,) number of each image's group, -1 for an image without one."""
        names = [one.field.group for one in self.fields]
        known = sorted({name for name in names if name})
        return np.array([known.index(name) if name else -1 for name in names], np.int64)

    def pixels_in(self, places: Sequence[int]) -> IntArray:
        """(C,) labelled pixels of each class in some of the images."""
        counts: IntArray = self.pixels[list(places)].sum(axis=0)
        return counts

    def shares_in(self, places: Sequence[int]) -> npt.NDArray[np.float64]:
        """(C,) the same as shares of all labelled ones, of sum 1; zeros where there are none."""
        counts = self.pixels_in(places)
        shares: npt.NDArray[np.float64] = counts / max(1, counts.sum())
        return shares
