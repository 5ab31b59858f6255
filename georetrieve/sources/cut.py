"""How an opened raster becomes items: whole, in tiles, as specimens, in slices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from PIL import Image
from scipy import ndimage

from georetrieve.errors import SourceError, did_you_mean
from georetrieve.protocols import Raster
from georetrieve.sources.glass import Glass, overview
from georetrieve.sources.specimens import DARKEST_GLASS, find_specimens
from georetrieve.sources.tiles import known_scale, plan_tiles
from georetrieve.sources.volume import slice_count, slice_size
from georetrieve.types import Axis, ItemKind, Region, Scalar

__all__ = [
    "Cut",
    "CutOptions",
    "Items",
    "choose_items",
    "plan_cuts",
    "read_cut",
    "specimen_cut",
    "with_margin",
]

Items: TypeAlias = Literal["auto", "whole", "tiles", "specimens", "slices"]

LARGEST_READ_PX = 2048
"""Long side to which whole images, slices and specimens are brought when they are larger."""
# A strew slide is mostly glass, and what lies on it is many small things.
STREW_GLASS, STREW_SMALL, STREW_PARTICLES = 0.5, 0.5, 8


@dataclass(frozen=True, slots=True)
class Cut:
    """A piece of a raster that becomes an item.

    Attributes:
        kind: What it is.
        region: Where; None for a whole image.
        size: (width, height) it is read at; None: as it is.
        metadata: What is known of it.
    """

    kind: ItemKind
    region: Region | None
    size: tuple[int, int] | None = None
    metadata: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOptions:
    """How rasters are cut.

    Attributes:
        items: ``auto`` or what is wanted.
        tile_px: Side of a tile as it is read, pixels.
        overlap_px: Pixels, as read, that a tile shares with the next.
        um_per_px: Scale at which tiles and specimens are read; None: the scanner's.
        min_content: Least share of a tile that must not be empty glass; 0 keeps every tile.
        min_um: Smallest specimen, µm: diameter of the circle of equal area.
        max_um: Largest specimen, µm: longer side of its box.
        margin: Width of the glass kept around a specimen, as a share of its longer side.
        axis: Slices are cut across this axis.
        step: Every how manieth slice is cut.
    """

    items: Items = "auto"
    tile_px: int = 512
    overlap_px: int = 0
    um_per_px: float | None = None
    min_content: float = 0.02
    min_um: float = 10.0
    max_um: float = 250.0
    margin: float = 0.06
    axis: Axis = "z"
    step: int = 1

    def __post_init__(self) -> None:
        _one_of("items", self.items, get_args(Items))
        _one_of("axis", self.axis, get_args(Axis))
        rules = (
            ("tile_px", self.tile_px >= 16, "at least 16 pixels"),
            ("overlap_px", 0 <= self.overlap_px < self.tile_px, "from 0 to less than tile_px"),
            ("um_per_px", self.um_per_px is None or self.um_per_px > 0, "above 0 µm"),
            ("min_content", 0 <= self.min_content <= 1, "a share from 0 to 1"),
            ("min_um", 0 < self.min_um < self.max_um, "above 0 and below max_um"),
            ("margin", 0 <= self.margin <= 1, "a share from 0 to 1"),
            ("step", self.step >= 1, "1 or more"),
        )
        for name, holds, rule in rules:
            if not holds:
                raise SourceError(f"{name} = {getattr(self, name)} cannot be: it is {rule}.")

    def to_json(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> CutOptions:
        """Inverse of :meth:`to_json`.

        Raises:
            SourceError: A name or a value that is none.
        """
        known = [option.name for option in fields(cls)]
        for name in values:
            if name not in known:
                raise SourceError(f"Unknown cutting option {name!r}.{did_you_mean(name, known)}")
        return cls(**values)


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise SourceError(f"Unknown {name} {value!r}.{did_you_mean(value, choices)}")


def choose_items(raster: Raster, options: CutOptions) -> tuple[str, str]:
    """Decide how a raster is cut.

    With ``items="auto"`` an image stays whole, a volume is cut into slices, and a slide into
    specimens when particles lie scattered on bright glass, else into tiles.

    Returns:
        ``whole``, ``tiles``, ``specimens`` or ``slices``; and a sentence for the user.

    Raises:
        SourceError: What was asked for does not go with what the raster is.
    """
    if options.items != "auto":
        _check(raster, options.items)
        return options.items, f"cut as {options.items}, as asked{_unknown(raster, options.items)}"
    if raster.kind == "volume":
        return "slices", f"volume: cut as slices across {options.axis}"
    if raster.kind != "slide":
        return "whole", "image: taken whole"
    if _is_strew(raster, options):
        return (
            "specimens",
            "slide of particles scattered on bright glass: cut as specimens"
            + _unknown(raster, "specimens"),
        )
    return "tiles", f"slide, but not of scattered particles: cut as tiles of {options.tile_px} px"


def _check(raster: Raster, items: Items) -> None:
    is_volume = raster.kind == "volume"
    if items == "slices" and not is_volume:
        raise SourceError(
            f"Slices are cut from volumes, and this is {_article(raster.kind)}; use --items auto."
        )
    if items in ("tiles", "specimens") and is_volume:
        raise SourceError(f"A volume is not cut as {items}; use --items slices or auto.")


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _unknown(raster: Raster, items: str) -> str:
    if items != "specimens" or raster.um_per_px is not None:
        return ""
    return "; SCALE UNKNOWN, so --min-um and --max-um count as pixels (give --um-per-px)"


def _is_strew(raster: Raster, options: CutOptions) -> bool:
    """Mostly bright, even glass, with many particles that are small enough to be specimens."""
    um_per_px = raster.um_per_px or 1.0
    glass = Glass.measure(raster, um_per_px)
    if glass.brightness < DARKEST_GLASS or glass.share < STREW_GLASS:
        return False
    seen = overview(raster)
    um_per_seen = um_per_px * raster.size[0] / seen.shape[1]
    x, y = (
        ((np.arange(n, dtype=np.float32) + np.float32(0.5)) * np.float32(full / n))
        for n, full in zip(seen.shape[1::-1], raster.size, strict=True)
    )
    dark = (1 - seen / np.maximum(glass.at(x, y), 1)).max(axis=2) > 0.08
    labels, _ = ndimage.label(dark, np.ones((3, 3)))
    area = np.bincount(labels.ravel())[1:]
    length = np.array(
        [max(s.stop - s.start for s in box) for box in ndimage.find_objects(labels)], float
    )
    # A particle spans a pixel more on the overview than it is long.
    fits = (length - 1) * um_per_seen <= options.max_um
    particles = fits & (np.sqrt(area) * um_per_seen >= options.min_um)
    return bool(particles.sum() >= STREW_PARTICLES and area[fits].sum() >= STREW_SMALL * area.sum())


def plan_cuts(raster: Raster, options: CutOptions, *, chosen: str | None = None) -> Iterator[Cut]:
    """Yield the items of a raster, always in the same order; nothing is read at full size for it.

    Args:
        raster: Opened.
        options: How it is cut.
        chosen: What :func:`choose_items` said, where it has been asked already.

    Raises:
        SourceError: What was asked for does not go with what the raster is, or it cannot be read.
    """
    items = chosen or choose_items(raster, options)[0]
    if items == "slices":
        yield from _slices(raster, options)
    elif items == "tiles":
        for region, size in plan_tiles(
            raster,
            side_px=options.tile_px,
            overlap_px=options.overlap_px,
            um_per_px=options.um_per_px,
            min_content=options.min_content,
        ):
            yield Cut("tile", region, size)
    elif items == "specimens":
        for one in find_specimens(raster, min_um=options.min_um, max_um=options.max_um):
            yield specimen_cut(raster, options, one.region, one.area_px)
    else:
        yield Cut("image", None, _bounded(raster.size))


def _slices(raster: Raster, options: CutOptions) -> Iterator[Cut]:
    width, height = slice_size(raster, options.axis)
    for index in range(0, slice_count(raster, options.axis), options.step):
        region = Region(0, 0, width, height, index, options.axis)
        yield Cut("slice", region, _bounded((width, height)))


def specimen_cut(raster: Raster, options: CutOptions, box: Region, area_px: int) -> Cut:
    """The piece that a specimen becomes: with some glass around it, at the scale that is wanted.

    Args:
        raster: What it lies on.
        options: How that is cut.
        box: Of the specimen, level-0 pixels; of a volume with the slice.
        area_px: Covered area, level-0 pixels.

    Raises:
        SourceError: A scale is wanted, and that of the raster is unknown.
    """
    canvas = raster.size if box.axis is None else slice_size(raster, box.axis)
    region = with_margin(box, canvas, options.margin)
    metadata: dict[str, Scalar] = {"area_px": area_px}
    if raster.um_per_px is not None:
        metadata["area_um2"] = round(area_px * raster.um_per_px**2, 1)
        metadata["length_um"] = round(max(box.width, box.height) * raster.um_per_px, 1)
    shrink = 1.0
    if options.um_per_px is not None:
        shrink = options.um_per_px / known_scale(raster)
    size = (max(1, round(region.width / shrink)), max(1, round(region.height / shrink)))
    size = _bounded(size) or size
    native = size == (region.width, region.height)
    return Cut("specimen", region, None if native else size, metadata)


def with_margin(box: Region, size: tuple[int, int], margin: float) -> Region:
    """A box with the glass around it that is kept.

    Args:
        box: Of a specimen; of a volume with the slice.
        size: (width, height) of the slide or slice, pixels.
        margin: Share of the longer side.
    """
    grow = round(margin * max(box.width, box.height))
    left, top, right, bottom = box.box
    x, y = max(0, left - grow), max(0, top - grow)
    right, bottom = min(size[0], right + grow), min(size[1], bottom + grow)
    return replace(box, x=x, y=y, width=right - x, height=bottom - y)


def _bounded(size: tuple[int, int]) -> tuple[int, int] | None:
    """A size with a long side of at most 2,048 pixels; None when it has that already."""
    shrink = max(size) / LARGEST_READ_PX
    if shrink <= 1:
        return None
    return max(1, round(size[0] / shrink)), max(1, round(size[1] / shrink))


def read_cut(raster: Raster, cut: Cut) -> Image.Image:
    """Read a piece as RGB.

    Raises:
        SourceError: Its pixels cannot be decoded.
    """
    return raster.read(cut.region or Region(0, 0, *raster.size), cut.size)
