"""Colours and fonts that every picture, page and figure shares.

The colours of right and wrong are the blue and the vermillion of Okabe & Ito's palette, darkened or
lightened for contrast: they stay apart for every kind of colour vision, and never stand alone (a
mark goes with them).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import ImageFont

__all__ = ["DARK", "LIGHT", "Theme", "font"]


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours as ``#rrggbb``."""

    page: str
    panel: str
    line: str
    text: str
    muted: str
    accent: str
    right: str
    wrong: str


LIGHT = Theme(
    page="#ffffff",
    panel="#f3f4f2",
    line="#dcdfda",
    text="#1c2321",
    muted="#5d6864",
    accent="#1c2321",
    right="#0069a6",
    wrong="#bf4a00",
)
DARK = Theme(
    page="#14181a",
    panel="#1f2528",
    line="#343c40",
    text="#e9edeb",
    muted="#9aa6a2",
    accent="#e9edeb",
    right="#5cb8ec",
    wrong="#f58b4c",
)


@cache
def font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans of ``size`` pixels, from the fonts that matplotlib brings along."""
    # Imported here: matplotlib is slow to import, and only its folder is wanted.
    import matplotlib as mpl

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(mpl.get_data_path()) / "fonts" / "ttf" / name), size)
