"""What a user decides about how files are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from georetrieve.errors import SourceError, did_you_mean

__all__ = ["IntensityMode", "ReadOptions", "VolumeRule"]

IntensityMode = Literal["range", "percentile"]
VolumeRule = Literal["auto", "never", "always"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How files are read; part of an index, since pixels depend on it.

    Attributes:
        um_per_px: Size of a level-0 pixel in micrometres, instead of what the file says.
        intensity: How values of more than 8 bits become 8 bits; see
            :func:`georetrieve.sources.pixels.fit_intensity`.
        raw_shape: (Z, Y, X) of ``.raw`` volumes, x running fastest in the file.
        raw_dtype: NumPy name of the type of ``.raw`` volumes: ``uint8``, ``<u2``, ``>f4`` ...
        volumes: Whether numbered slices are one volume; see
            :func:`georetrieve.sources.folder.walk`.
        max_pixels: Largest image, pixels, of a format that has to be decoded whole.
    """

    um_per_px: float | None = None
    intensity: IntensityMode = "range"
    raw_shape: tuple[int, int, int] | None = None
    raw_dtype: str | None = None
    volumes: VolumeRule = "auto"
    max_pixels: int = 500_000_000

    def __post_init__(self) -> None:
        if self.um_per_px is not None and not 0 < self.um_per_px < float("inf"):
            raise SourceError(
                f"um_per_px is {self.um_per_px}; give micrometres per pixel, more than 0."
            )
        _one_of("intensity", self.intensity, ("range", "percentile"))
        _one_of("volumes", self.volumes, ("auto", "never", "always"))
        if self.raw_shape is not None:
            shape = tuple(self.raw_shape)
            if len(shape) != 3 or any(not isinstance(n, int) or n < 1 for n in shape):
                raise SourceError(
                    f"raw_shape is {self.raw_shape}; give three whole numbers: slices, rows and "
                    "columns."
                )
            object.__setattr__(self, "raw_shape", shape)
        if self.max_pixels < 1:
            raise SourceError(f"max_pixels is {self.max_pixels}; it starts at 1.")

    def to_json(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        values = asdict(self)
        if self.raw_shape is not None:
            values["raw_shape"] = list(self.raw_shape)
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ReadOptions:
        """Inverse of :meth:`to_json`."""
        return cls(**values)


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise SourceError(f"Unknown {name} {value!r}.{did_you_mean(value, choices)}")
