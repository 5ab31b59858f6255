"""Whatever a file stores, brought to one RGB.

The RGB every reader hands out: 8 bits a channel, in the file's own colour space (embedded profiles
are not applied, so that a slide and a crop of it stay comparable).

- grey and 1-bit: the three channels are equal; 1-bit gives 0 and 255;
- alpha, and palettes with transparent entries: composited on white, or on a slide's own background;
- CMYK: R = 255 - min(255, C + K ...) as Pillow converts it, the inverted CMYK of Adobe's JPEG too;
- more than 8 bits: a linear map of stored values, see :func:`fit_intensity`;
- NaN is drawn black, infinities black (-) and white (+).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from georetrieve.errors import SourceError

__all__ = [
    "DIM_REMARK",
    "Intensity",
    "fit_intensity",
    "flatten_alpha",
    "is_deep",
    "rgb_array",
    "rgb_from_pillow",
]

Array = npt.NDArray[Any]
WHITE = (255, 255, 255)
PERCENTILES = (0.5, 99.5)
STRIP_VALUES = 1 << 20
TABLE_VALUES = 1 << 16
DIM_SHARE = 1 / 8
DIM_REMARK = (
    "values fill less than an eighth of what their type holds, so images look flat; "
    "intensity 'percentile' would stretch them"
)


@dataclass(frozen=True, slots=True)
class Intensity:
    """A linear map of stored values to 8 bits: ``low`` becomes 0, ``high`` 255.

    Values between are rounded to the nearest step, values outside clipped; where low equals high
    everything becomes 0.
    """

    low: float
    high: float

    def to_uint8(self, values: Array) -> npt.NDArray[np.uint8]:
        """Map an array of any shape, without a large temporary."""
        if self.high <= self.low:
            return np.zeros(values.shape, np.uint8)
        if values.dtype.kind in "ui" and values.dtype.itemsize == 2 and values.size > TABLE_VALUES:
            # 65,536 values are mapped once and looked up: five times as fast.
            every = np.arange(TABLE_VALUES, dtype=np.uint16).view(values.dtype.newbyteorder("="))
            table = self._map(every)
            return table[values.astype(every.dtype, copy=False).view(np.uint16)]
        return self._map(values)

    def _map(self, values: Array) -> npt.NDArray[np.uint8]:
        out = np.zeros(values.shape, np.uint8)
        gain = 255.0 / (self.high - self.low)
        for rows in _strips(values.shape):
            with np.errstate(invalid="ignore", over="ignore"):
                scaled = (values[rows].astype(np.float64) - self.low) * gain
            np.nan_to_num(scaled, copy=False, nan=0.0, posinf=255.0, neginf=0.0)
            out[rows] = np.rint(np.clip(scaled, 0.0, 255.0, out=scaled), out=scaled)
        return out


def fit_intensity(
    dtype: npt.DTypeLike,
    sample: Array,
    mode: Literal["range", "percentile"],
    *,
    bits: int | None = None,
) -> tuple[Intensity | None, str]:
    """Choose the map for an image or a whole volume.

    ``range``: of 16-bit values (and of 8-bit signed ones) the type's range, or that of the ``bits``
    the file says are used; of 32- and 64-bit integers and of floats the data's minimum and maximum,
    but [0, 1] for floats that all lie in it. ``percentile``: the 0.5th and 99.5th percentile.
    Either way colour channels share one map, and NaN and infinities do not count.

    Args:
        dtype: Type of the stored values.
        sample: Values that stand for all; of a small image simply all.
        mode: ``range`` or ``percentile``.
        bits: Bits in use, where the file says so.

    Returns:
        The map (None where 8-bit values are taken as they are), and a remark or "".

    Raises:
        SourceError: The type is no number an image can have, or no value is finite.
    """
    kind = np.dtype(dtype)
    if kind.kind not in "buif":
        raise SourceError(
            f"Values of type {kind} are not an image's; convert to uint16 or float32."
        )
    if kind.kind == "b":
        return Intensity(0, 1), ""
    if kind == np.uint8 and (bits is None or bits >= 8):
        return None, ""
    low, high = _finite_range(sample)
    if mode == "percentile":
        values = sample[np.isfinite(sample)] if kind.kind == "f" else sample
        low, high = (float(edge) for edge in np.percentile(values, PERCENTILES))
        return Intensity(low, high), ""
    if kind.kind == "f":
        return (Intensity(0, 1) if low >= 0 and high <= 1 else Intensity(low, high)), ""
    if kind.itemsize > 2:
        return Intensity(low, high), ""
    limits = np.iinfo(kind)
    top = 2**bits - 1 if bits is not None and kind.kind == "u" else int(limits.max)
    dim = 0 < high - low < DIM_SHARE * (top - int(limits.min))
    return Intensity(int(limits.min), top), DIM_REMARK if dim else ""


def _finite_range(sample: Array) -> tuple[float, float]:
    if sample.size == 0:
        raise SourceError("The image has no pixels.")
    if sample.dtype.kind != "f":
        return float(sample.min()), float(sample.max())
    finite = sample[np.isfinite(sample)]
    if finite.size == 0:
        raise SourceError(
            "No pixel has a finite value (all NaN or infinite); nothing can be shown."
        )
    return float(finite.min()), float(finite.max())


def is_deep(image: Image.Image) -> bool:
    """Whether a Pillow image holds more than 8 bits a channel."""
    return image.mode in ("I", "F") or image.mode.startswith("I;")


def rgb_from_pillow(image: Image.Image) -> Image.Image:
    """Bring a decoded Pillow image of any 8-bit mode to RGB.

    Raises:
        SourceError: Its mode is unknown.
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.has_transparency_data:
        return flatten_alpha(image.convert("RGBA"))
    if image.mode == "LAB":
        return _rgb_from_lab(image)
    try:
        return image.convert("RGB")
    except ValueError as error:
        raise SourceError(
            f"Colour mode {image.mode} cannot be shown; save the image as RGB."
        ) from error


def flatten_alpha(image: Image.Image, background: tuple[int, int, int] = WHITE) -> Image.Image:
    """Composite an RGBA image on a background: rgb·a + background·(1 - a), rounded."""
    alpha = image.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return image.convert("RGB")
    flat = Image.new("RGB", image.size, background)
    flat.paste(image.convert("RGB"), mask=alpha)
    return flat


def _rgb_from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(lab, srgb, "LAB", "RGB")
    converted = ImageCms.applyTransform(image, transform)
    if converted is None:
        raise SourceError("The Lab colours cannot be converted; save the image as RGB.")
    return converted


def rgb_array(
    values: Array, *, alpha: Literal["none", "straight", "premultiplied"] = "none"
) -> npt.NDArray[np.uint8]:
    """Bring 8-bit channels to RGB.

    Args:
        values: (H, W) or (H, W, C) uint8: grey, or with ``alpha`` grey and alpha; three or more
            channels are red, green, blue (and alpha); of others the first is shown.
        alpha: What the last channel is.

    Returns:
        (H, W, 3) uint8.
    """
    if values.ndim == 2:
        values = values[..., None]
    colours = values.shape[2] - (alpha != "none")
    shown = values[..., :3] if colours >= 3 else np.repeat(values[..., :1], 3, axis=2)
    if alpha == "none":
        return np.ascontiguousarray(shown)
    opacity = values[..., -1:]
    if alpha == "premultiplied":
        mixed = np.minimum(255, shown.astype(np.uint16) + (255 - opacity))
        flat: npt.NDArray[np.uint8] = mixed.astype(np.uint8)
        return flat
    image = Image.fromarray(np.concatenate([shown, opacity], axis=2))
    return np.asarray(flatten_alpha(image))


def _strips(shape: tuple[int, ...]) -> Iterator[slice]:
    """Slices along the first axis of about a million values each."""
    if not shape or 0 in shape:
        return
    rows = max(1, STRIP_VALUES // max(1, int(np.prod(shape[1:]))))
    for start in range(0, shape[0], rows):
        yield slice(start, start + rows)
