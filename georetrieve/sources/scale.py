"""Micrometres a pixel, from whatever a file says of it, and where its statements contradict."""

from __future__ import annotations

import math
from typing import Any, TypeAlias
from xml.etree import ElementTree

__all__ = [
    "SCALE_UNKNOWN",
    "Scale",
    "choose_scale",
    "imagej_scale",
    "ome_scale",
    "tiff_tag_scale",
]

SCALE_UNKNOWN = (
    "scale unknown: sizes in micrometres cannot be given; say um_per_px (--um-per-px) if you "
    "know it"
)

# A page of tifffile and the value of a tag in it; mypy is told nothing of either.
Page: TypeAlias = Any
TagValue: TypeAlias = Any

# Resolutions that programs write when they know nothing, dots per inch.
PRINT_DPI = (
    72, 75, 90, 96, 100, 118, 120, 144, 150, 180, 200, 220, 240, 250, 254, 300, 350, 360, 400, 600,
)  # fmt: skip
SMALLEST_UM, LARGEST_UM = 1e-4, 1e3
DISAGREEMENT = 0.01

UNITS_UM = {
    "m": 1e6, "cm": 1e4, "mm": 1e3, "µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "microns": 1.0,
    "micrometer": 1.0, "micrometre": 1.0, "\\u00b5m": 1.0, "nm": 1e-3, "pm": 1e-6, "å": 1e-4,
    "in": 25_400.0, "inch": 25_400.0,
}  # fmt: skip


class Scale:
    """One statement about the size of a pixel: where it stands, and µm along x, y and z."""

    __slots__ = ("origin", "x", "y", "z")

    def __init__(self, origin: str, x: float, y: float, z: float | None = None) -> None:
        self.origin, self.x, self.y, self.z = origin, x, y, z

    @property
    def mean(self) -> float:
        """Mean of x and y, µm."""
        return (self.x + self.y) / 2

    @property
    def plausible(self) -> bool:
        """Whether an image under a microscope or scanner can have it."""
        return all(math.isfinite(v) and SMALLEST_UM <= v <= LARGEST_UM for v in (self.x, self.y))


def choose_scale(statements: list[Scale], given: float | None) -> tuple[float | None, list[str]]:
    """Take what the user gave, else the first plausible statement; report what contradicts it.

    Returns:
        Micrometres a level-0 pixel or None, and remarks.
    """
    remarks: list[str] = []
    usable = [statement for statement in statements if statement.plausible]
    remarks += [
        f"{bad.origin} gives {bad.x:g} µm a pixel, which cannot be; ignored"
        for bad in statements
        if not bad.plausible
    ]
    for one in usable:
        if _differ(one.x, one.y):
            remarks.append(
                f"{one.origin} gives pixels that are not square ({one.x:.4g} × {one.y:.4g} µm); "
                "their mean is used"
            )
        if one.z is not None and _differ(one.z, one.mean):
            remarks.append(
                f"slices are {one.z:.4g} µm apart but pixels {one.mean:.4g} µm wide: slices across "
                "y and x are not to scale"
            )
    if given is not None:
        remarks += [
            f"{one.origin} gives {one.mean:.4g} µm a pixel; {given:g} as asked for is used"
            for one in usable[:1]
            if _differ(one.mean, given)
        ]
        return given, remarks
    if not usable:
        return None, [*remarks, SCALE_UNKNOWN]
    first = usable[0]
    remarks += [
        f"{first.origin} gives {first.mean:.4g} µm a pixel, {other.origin} {other.mean:.4g}; the "
        "former is used"
        for other in usable[1:]
        if _differ(first.mean, other.mean)
    ]
    return first.mean, remarks


def _differ(a: float, b: float) -> bool:
    return abs(a - b) > DISAGREEMENT * max(abs(a), abs(b))


def tiff_tag_scale(page: Page) -> Scale | None:
    """The resolution tags of a tifffile page, unless they are what programs write by default."""
    unit_um = {2: 25_400.0, 3: 10_000.0}.get(int(_tag(page, "ResolutionUnit") or 0))
    x, y = _ratio(_tag(page, "XResolution")), _ratio(_tag(page, "YResolution"))
    if unit_um is None or x is None or y is None:
        return None
    dpi = x * 25_400.0 / unit_um
    if dpi < min(PRINT_DPI) - 1 or any(abs(dpi - usual) < 0.6 for usual in PRINT_DPI):
        return None
    return Scale("the resolution tag", unit_um / x, unit_um / y)


def imagej_scale(page: Page, metadata: dict[str, Any] | None) -> Scale | None:
    """ImageJ's unit with the resolution tags, which it fills with pixels per unit."""
    unit_um = UNITS_UM.get(str((metadata or {}).get("unit", "")).strip().lower())
    x, y = _ratio(_tag(page, "XResolution")), _ratio(_tag(page, "YResolution"))
    if metadata is None or unit_um is None or x is None or y is None:
        return None
    spacing = metadata.get("spacing")
    z = abs(float(spacing)) * unit_um if isinstance(spacing, int | float) and spacing else None
    return Scale("ImageJ's metadata", unit_um / x, unit_um / y, z)


def ome_scale(xml: str | None, image: int = 0) -> Scale | None:
    """PhysicalSizeX/Y/Z of the given image in OME-XML; None where it does not say."""
    if not xml:
        return None
    try:
        # A str with an encoding declaration is refused, bytes are not.
        root = ElementTree.fromstring(xml.encode("utf-8", "replace"))
    except ElementTree.ParseError:
        return None
    found = [node for node in root.iter() if node.tag.rpartition("}")[2] == "Pixels"]
    if image >= len(found):
        return None
    pixels = found[image].attrib
    x, y, z = (_length(pixels, f"PhysicalSize{axis}") for axis in "XYZ")
    x, y = x or y, y or x
    return None if x is None or y is None else Scale("the OME metadata", x, y, z)


def _length(pixels: dict[str, str], name: str) -> float | None:
    unit_um = UNITS_UM.get(pixels.get(f"{name}Unit", "µm").strip().lower())
    try:
        value = float(pixels.get(name, ""))
    except ValueError:
        return None
    return value * unit_um if unit_um is not None and value > 0 else None


def _tag(page: Page, name: str) -> TagValue:
    tag = page.tags.get(name)
    return None if tag is None else tag.value


def _ratio(value: TagValue) -> float | None:
    """A TIFF rational as a number of pixels a unit; None where it is 0 or absurd."""
    try:
        number = value[0] / value[1] if isinstance(value, tuple) else float(value)
    except (TypeError, ValueError, ZeroDivisionError, IndexError):
        return None
    return number if math.isfinite(number) and number > 0 else None
