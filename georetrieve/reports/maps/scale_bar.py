"""How long a scale bar is, and what is written on it."""

from __future__ import annotations

import math

__all__ = ["bar_length", "length_text"]

WIDEST_SHARE = 0.25


def bar_length(width_px: int, um_per_px: float | None) -> tuple[float, str]:
    """Return the length of a scale bar in pixels, and its label.

    The longest of 1, 2 or 5 times a power of ten that takes at most a quarter of the width; in
    pixels when the scale is unknown.

    Args:
        width_px: Width of the picture.
        um_per_px: Micrometres a pixel of the picture.
    """
    unit = 1.0 if um_per_px is None else um_per_px
    most = WIDEST_SHARE * width_px * unit
    power = 10.0 ** math.floor(math.log10(most))
    length = next(step * power for step in (5, 2, 1) if step * power <= most * (1 + 1e-9))
    if um_per_px is None:
        return max(1.0, length), f"{max(1, round(length))} px"
    return length / unit, length_text(length)


def length_text(um: float) -> str:
    """``500 µm``, ``2 mm``, ``50 nm``."""
    if um >= 1e4:
        return f"{um / 1e4:g} cm"
    if um >= 1e3:
        return f"{um / 1e3:g} mm"
    return f"{um:g} µm" if um >= 1 else f"{um * 1e3:g} nm"
