"""What a repository on the hub says is done to an image first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from georetrieve.encoders.transforms import IMAGENET_MEAN, IMAGENET_STD, SquareCrop
from georetrieve.errors import EncoderError

__all__ = ["read_transform"]

RESAMPLING: dict[Any, Literal["bilinear", "bicubic"]] = {2: "bilinear", 3: "bicubic"}
# Of ConvNeXt, which crops small images only, and by a share of its own.
CROPPED_BELOW = 384


def read_transform(facts: Mapping[str, Any], *, origin: str) -> SquareCrop:
    """Read a ``preprocessor_config.json``, or the newer ``processor_config.json``.

    Resampling is Pillow's, on bytes, whichever class of transformers is named.

    Args:
        facts: Its content.
        origin: Whose it is, for messages.

    Raises:
        EncoderError: Images are not made squares of normalised pixels so that
            :class:`SquareCrop` can do the same.
    """
    facts = facts.get("image_processor") or facts
    if facts.get("do_rescale", True) is not True or not _is_byte(facts.get("rescale_factor")):
        raise _unsupported(origin, "rescale_factor", facts.get("rescale_factor"))
    resampling = RESAMPLING.get(facts.get("resample", 3))
    if resampling is None:
        raise _unsupported(origin, "resample", facts.get("resample"))
    normalised = facts.get("do_normalize", True)
    fit, resize, crop = _sides(facts, origin)
    return SquareCrop(
        fit=fit,
        resize=resize,
        crop=crop,
        mean=_channels(facts.get("image_mean", IMAGENET_MEAN)) if normalised else (0.0,) * 3,
        std=_channels(facts.get("image_std", IMAGENET_STD)) if normalised else (1.0,) * 3,
        resampling=resampling,
    )


def _sides(facts: Mapping[str, Any], origin: str) -> tuple[Literal["squash", "crop"], int, int]:
    """Fit, side after resizing and side that is kept."""
    size = facts.get("size")
    shorter = _shorter(size, facts)
    if shorter and "crop_pct" in facts:
        if shorter >= CROPPED_BELOW:
            return "squash", shorter, shorter
        return "crop", int(shorter / facts["crop_pct"]), shorter
    cropped = _square(facts.get("crop_size")) if facts.get("do_center_crop") else 0
    resize = shorter or _square(size)
    if not resize or not facts.get("do_resize", True) or (shorter and not cropped):
        raise _unsupported(origin, "size", size)
    if cropped > resize:
        raise _unsupported(origin, "crop_size", facts.get("crop_size"))
    return ("crop" if shorter else "squash"), resize, cropped or resize


def _shorter(size: object, facts: Mapping[str, Any]) -> int:
    """Length that the shorter side becomes, 0 where the aspect is not kept."""
    if isinstance(size, Mapping):
        return int(size.get("shortest_edge") or 0) if "longest_edge" not in size else 0
    # Old files write a number, which is the shorter side where a crop follows.
    kept = facts.get("do_center_crop") or "crop_pct" in facts
    return size if isinstance(size, int) and kept else 0


def _square(size: object) -> int:
    """Side of a square written as a number, or as height and width; 0 if it is none."""
    if isinstance(size, int):
        return size
    sides = [size.get(key) for key in ("height", "width")] if isinstance(size, Mapping) else [None]
    return sides[0] if isinstance(sides[0], int) and len(set(sides)) == 1 else 0


def _channels(values: Any) -> tuple[float, ...]:  # noqa: ANN401 - whatever a file says
    numbers = values if isinstance(values, (list, tuple)) else [values] * 3
    return tuple(float(number) for number in numbers)


def _is_byte(factor: object) -> bool:
    return factor is None or (isinstance(factor, float) and abs(factor * 255 - 1) < 1e-6)


def _unsupported(origin: str, key: str, value: object) -> EncoderError:
    return EncoderError(
        f"{origin} prepares images with {key} = {value!r}, which is not supported; supported are "
        "images scaled to [0, 1] that are resized, bilinear or bicubic, to a square or to a "
        "shorter side with a square crop."
    )
