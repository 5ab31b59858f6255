"""Minerals of synthetic thin sections, and the rocks they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["MINERALS", "ROCKS", "Mineral", "Rock"]

RGB = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Mineral:
    """How a mineral looks in a 30 µm section.

    Attributes:
        index: Value in the mask.
        code: Colour in the mask.
        ppl: Colour in plane-polarised light, 0..1.
        ppl_across: Colour when turned by 90° (pleochroism).
        birefringence: Largest; 0 stays dark between crossed polarisers.
        relief: Strength of dark outlines and rough surface, 0..1.
        cleavage: Spacing of cleavage traces, µm; 0 without.
        twins: Twinning seen between crossed polarisers.
        dust: Cloudiness by alteration or inclusions, 0..1.
    """

    index: int
    code: tuple[int, int, int]
    ppl: RGB
    ppl_across: RGB
    birefringence: float
    relief: float
    cleavage: float = 0.0
    twins: Literal["none", "lamellae", "tartan"] = "none"
    dust: float = 0.0


MINERALS: dict[str, Mineral] = {
    "pore": Mineral(0, (70, 130, 220), (0.42, 0.66, 0.86), (0.42, 0.66, 0.86), 0.0, 0.05),
    "quartz": Mineral(
        1, (240, 240, 240), (0.95, 0.95, 0.93), (0.95, 0.95, 0.93), 0.009, 0.12, dust=0.15
    ),
    "plagioclase": Mineral(
        2,
        (170, 200, 230),
        (0.93, 0.93, 0.90),
        (0.93, 0.93, 0.90),
        0.0105,
        0.18,
        twins="lamellae",
        dust=0.25,
    ),
    "k_feldspar": Mineral(
        3,
        (250, 190, 160),
        (0.90, 0.86, 0.80),
        (0.90, 0.86, 0.80),
        0.0065,
        0.15,
        twins="tartan",
        dust=0.8,
    ),
    "biotite": Mineral(
        4, (120, 70, 20), (0.42, 0.24, 0.10), (0.86, 0.74, 0.52), 0.042, 0.35, cleavage=11.0
    ),
    "pyroxene": Mineral(
        5, (90, 150, 90), (0.80, 0.82, 0.72), (0.84, 0.80, 0.72), 0.024, 0.8, cleavage=24.0
    ),
    "olivine": Mineral(6, (170, 200, 60), (0.90, 0.92, 0.84), (0.90, 0.92, 0.84), 0.037, 1.0),
    "calcite": Mineral(
        7,
        (230, 120, 200),
        (0.93, 0.91, 0.87),
        (0.80, 0.78, 0.74),
        0.172,
        0.5,
        cleavage=30.0,
        dust=0.3,
    ),
    "opaque": Mineral(8, (20, 20, 20), (0.04, 0.04, 0.04), (0.04, 0.04, 0.04), 0.0, 0.0),
}
"""By name."""


@dataclass(frozen=True, slots=True)
class Rock:
    """What a section is made of.

    Attributes:
        grain_um: Typical grain size.
        shares: Share of grains by mineral.
        between: What fills the space between rounded grains; "" when grains interlock.
        gap: Width of that space, as a share of the grain size.
    """

    grain_um: float
    shares: dict[str, float]
    between: str = ""
    gap: float = 0.0


ROCKS: dict[str, Rock] = {
    "granite": Rock(
        260.0,
        {"quartz": 0.34, "k_feldspar": 0.28, "plagioclase": 0.26, "biotite": 0.10, "opaque": 0.02},
    ),
    "sandstone": Rock(
        190.0,
        {"quartz": 0.7, "k_feldspar": 0.13, "plagioclase": 0.1, "calcite": 0.04, "opaque": 0.03},
        "pore",
        0.08,
    ),
    "gabbro": Rock(
        240.0,
        {"plagioclase": 0.5, "pyroxene": 0.27, "olivine": 0.16, "opaque": 0.05, "biotite": 0.02},
    ),
    "cemented_sandstone": Rock(
        170.0,
        {"quartz": 0.72, "k_feldspar": 0.1, "plagioclase": 0.14, "opaque": 0.04},
        "calcite",
        0.09,
    ),
}
"""By name, in the order in which samples are written."""
