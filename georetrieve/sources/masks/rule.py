"""What a user decides about how masks are read."""

from __future__ import annotations

from dataclasses import dataclass

from georetrieve.errors import SourceError, did_you_mean
from georetrieve.sources.masks.stored import MaskValues

__all__ = ["MaskRule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskRule:
    """How masks are read.

    Attributes:
        values: What stands for a class; see :func:`~georetrieve.sources.masks.stored.open_stored`.
        void: Codes, or colours as ``red << 16 | green << 8 | blue``, of pixels nothing is known of.
        unknown_is_void: Values that are in no class are void; else they are an error.
        radius_px: Radius of the disc a click labels where its row names none, pixels.
    """

    values: MaskValues = "auto"
    void: tuple[int, ...] = ()
    unknown_is_void: bool = False
    radius_px: float = 4.0

    def __post_init__(self) -> None:
        choices = ("auto", "codes", "colours")
        if self.values not in choices:
            raise SourceError(
                f"Unknown mask values {self.values!r}.{did_you_mean(self.values, choices)}"
            )
        if not 0 <= self.radius_px < 1e6:
            raise SourceError(f"The radius of a click is {self.radius_px}; give pixels, 0 or more.")
