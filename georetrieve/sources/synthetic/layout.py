"""Where specimens and debris lie on a palynological slide."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from georetrieve.sources.synthetic.canvas import EXTENT
from georetrieve.sources.synthetic.specimen import Transmission, find_taxon, transmit
from georetrieve.sources.synthetic.taxa import DEBRIS, TAXA
from georetrieve.types import Region

__all__ = ["PlacedSpecimen", "SlidePlan", "lay_out"]

Mask: TypeAlias = npt.NDArray[np.bool_]

GAP_UM = 12.0
TOUCHING = 0.06
"""Share of specimens that get a neighbour in contact."""
DEBRIS_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class PlacedSpecimen:
    """A specimen on a slide.

    Attributes:
        taxon: Its name.
        region: Bounding box, level-0 pixels.
        area_px: Covered pixels of level 0.
        mask: (height, width) of the bounding box.
        seed: Draws it again.
        corner: (x, y) of its canvas on the slide, pixels.
        canvas_px: Side of its canvas, pixels.
        touching: It was put in contact with another.
    """

    taxon: str
    region: Region
    area_px: int
    mask: Mask = field(repr=False)
    seed: tuple[int, ...]
    corner: tuple[int, int]
    canvas_px: int
    touching: bool

    def draw(self) -> Transmission:
        """Draw it; the same every time."""
        return transmit(self.taxon, np.random.default_rng(self.seed), self.canvas_px)


@dataclass(frozen=True, slots=True)
class SlidePlan:
    """Everything on a slide.

    Attributes:
        size: (width, height), pixels.
        um_per_px: Scale.
        specimens: From the top down, then from the left.
        seed: Of background, specks and noise.
        unevenness: Peak-to-peak share by which the light varies over the slide.
        noise: Standard deviation of the camera's noise, grey levels.
    """

    size: tuple[int, int]
    um_per_px: float
    specimens: tuple[PlacedSpecimen, ...]
    seed: int
    unevenness: float
    noise: float


class _Layout:
    """Circles that keep their distance, found quickly through a grid."""

    def __init__(self, size: tuple[int, int], cell: float, gap: float) -> None:
        self.size, self.cell, self.gap = size, cell, gap
        self.bins: dict[tuple[int, int], list[tuple[float, float, float]]] = defaultdict(list)

    def free(self, x: float, y: float, radius: float) -> bool:
        """Whether a circle fits there."""
        width, height = self.size
        if not (radius <= x <= width - radius and radius <= y <= height - radius):
            return False
        column, row = int(x // self.cell), int(y // self.cell)
        near = itertools.product(range(column - 1, column + 2), range(row - 1, row + 2))
        return all(
            math.hypot(x - a, y - b) > radius + r + self.gap
            for key in near
            for a, b, r in self.bins.get(key, ())
        )

    def put(self, x: float, y: float, radius: float) -> None:
        """Take the place."""
        self.bins[int(x // self.cell), int(y // self.cell)].append((x, y, radius))


def lay_out(
    size: tuple[int, int] = (4096, 3072),
    *,
    seed: int | tuple[int, ...] = 0,
    um_per_px: float = 0.5,
    per_mm2: float = 40.0,
    touching: float = TOUCHING,
    unevenness: float = 0.12,
    noise: float = 2.0,
) -> SlidePlan:
    """Scatter specimens of all taxa, debris, and some pairs in contact.

    Args:
        size: (width, height) of the slide, pixels.
        seed: The same seed gives the same slide.
        um_per_px: Scale of level 0.
        per_mm2: Particles per square millimetre, as far as they fit.
        touching: Share of particles that get a neighbour in contact.
        unevenness: Peak-to-peak share by which the light varies over the slide.
        noise: Standard deviation of the camera's noise, grey levels.
    """
    rng = np.random.default_rng(seed)
    common = rng.dirichlet(np.full(len(TAXA), 3.0))
    area_mm2 = size[0] * size[1] * (um_per_px / 1000) ** 2
    wanted = max(1, round(area_mm2 * per_mm2))
    # The largest circle is that of two large specimens in contact.
    layout = _Layout(size, 460 / um_per_px, GAP_UM / um_per_px)
    base = int(rng.integers(2**31))
    placed: list[PlacedSpecimen] = []
    for number in itertools.count():
        if len(placed) >= wanted or number >= 4 * wanted:
            break
        pair = rng.random() < touching
        group = [_choose(rng, common, um_per_px) for _ in range(2 if pair else 1)]
        if pair:
            placed += _place_pair(rng, layout, group, (base, number))
        else:
            placed += _place_one(rng, layout, group[0], (base, number, 0))
    placed.sort(key=lambda one: (one.region.y, one.region.x))
    return SlidePlan(size, um_per_px, tuple(placed), base, unevenness, noise)


def _choose(
    rng: np.random.Generator, common: npt.NDArray[np.float64], um_per_px: float
) -> tuple[str, int]:
    """A taxon, and the side of its canvas in pixels."""
    if rng.random() < DEBRIS_SHARE:
        taxon = str(rng.choice(sorted(DEBRIS)))
    else:
        taxon = str(rng.choice(sorted(TAXA), p=common))
    length_um = rng.uniform(*find_taxon(taxon).um)
    return taxon, round(EXTENT * length_um / um_per_px)


def _spot(rng: np.random.Generator, layout: _Layout, radius: float) -> tuple[float, float] | None:
    width, height = layout.size
    for _ in range(30):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        if layout.free(x, y, radius):
            layout.put(x, y, radius)
            return x, y
    return None


def _place_one(
    rng: np.random.Generator, layout: _Layout, what: tuple[str, int], seed: tuple[int, ...]
) -> list[PlacedSpecimen]:
    taxon, side = what
    spot = _spot(rng, layout, side / EXTENT / 2 * 1.1)
    if spot is None:
        return []
    mask = transmit(taxon, np.random.default_rng(seed), side).mask
    corner = (round(spot[0] - side / 2), round(spot[1] - side / 2))
    return _placed(layout.size, taxon, mask, seed, corner, touching=False)


def _place_pair(
    rng: np.random.Generator,
    layout: _Layout,
    group: list[tuple[str, int]],
    seed: tuple[int, ...],
) -> list[PlacedSpecimen]:
    """Two specimens pushed together until they just overlap."""
    seeds = [(*seed, i) for i in range(2)]
    masks = [
        transmit(taxon, np.random.default_rng(s), side).mask
        for (taxon, side), s in zip(group, seeds, strict=True)
    ]
    angle = rng.uniform(0, 2 * np.pi)
    apart = _contact(masks[0], masks[1], angle)
    radius = (apart + (group[0][1] + group[1][1]) / EXTENT / 2) / 2 * 1.1
    spot = _spot(rng, layout, radius)
    if spot is None:
        return []
    result = []
    for (taxon, side), mask, s, sign in zip(group, masks, seeds, (-0.5, 0.5), strict=True):
        x = spot[0] + sign * apart * math.cos(angle) - side / 2
        y = spot[1] + sign * apart * math.sin(angle) - side / 2
        result += _placed(layout.size, taxon, mask, s, (round(x), round(y)), touching=True)
    return result


def _contact(one: Mask, other: Mask, angle: float) -> float:
    """Distance of the two middles at which 1 % of the smaller one is overlapped."""
    side = len(one) + 2 * len(other)
    field_ = np.zeros((side, side), bool)
    start = len(other)
    field_[start : start + len(one), start : start + len(one)] = one
    allowed = 0.01 * min(one.sum(), other.sum())
    near, far = 0.0, (len(one) + len(other)) / 2
    while far - near > 1:
        apart = (near + far) / 2
        x = round(side / 2 + apart * math.cos(angle) - len(other) / 2)
        y = round(side / 2 + apart * math.sin(angle) - len(other) / 2)
        overlap = field_[y : y + len(other), x : x + len(other)] & other
        near, far = (apart, far) if overlap.sum() > allowed else (near, apart)
    return near


def _placed(
    size: tuple[int, int],
    taxon: str,
    mask: Mask,
    seed: tuple[int, ...],
    corner: tuple[int, int],
    *,
    touching: bool,
) -> list[PlacedSpecimen]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    x, y = corner[0] + int(columns[0]), corner[1] + int(rows[0])
    width, height = int(columns[-1] - columns[0]) + 1, int(rows[-1] - rows[0]) + 1
    if x < 0 or y < 0 or x + width > size[0] or y + height > size[1]:
        return []
    inner = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()
    region = Region(x, y, width, height)
    area = int(mask.sum())
    return [PlacedSpecimen(taxon, region, area, inner, seed, corner, len(mask), touching)]
