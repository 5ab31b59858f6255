"""What is known of the pixels of an image, where it lies in memory already."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from georetrieve.errors import SourceError
from georetrieve.types import IntArray, Region

__all__ = ["ArrayTruth"]


@dataclass(frozen=True, slots=True)
class ArrayTruth:
    """See :class:`~georetrieve.protocols.Truth`.

    Attributes:
        classes: (height, width) class numbers, -1 where nothing is known.

    Raises:
        SourceError: They are no such numbers.
    """

    classes: npt.NDArray[np.integer]

    def __post_init__(self) -> None:
        if self.classes.ndim != 2 or self.classes.dtype.kind not in "iu":
            raise SourceError(
                f"Classes of pixels are (height, width) whole numbers, and not of the shape "
                f"{self.classes.shape} and type {self.classes.dtype}."
            )

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), pixels."""
        height, width = self.classes.shape
        return width, height

    def read(self, region: Region) -> IntArray:
        """Return the (height, width) class numbers of a region."""
        left, top, right, bottom = region.box
        return self.classes[top:bottom, left:right].astype(np.int64)
