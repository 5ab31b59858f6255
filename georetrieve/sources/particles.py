"""From darkness to particles: thresholds, a packed mask of the whole slide, whole components."""

from __future__ import annotations

import functools
import itertools
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from georetrieve.protocols import Progress
from georetrieve.sources.glass import BLOCK_PX, Darkness
from georetrieve.types import FloatArray

__all__ = ["Component", "PackedMask", "SlideMasks", "Thresholds", "components", "draw_masks"]

Mask = npt.NDArray[np.bool_]

SMOOTH_PX = 1.0
CLOSE_PX = 2
NEIGHBOURHOOD_PX = 21
HALO_PX = 18
"""Reach of smoothing (3 px), of the neighbourhood (10 px) and of closing (twice 2 px); 1 spare."""
FAINTEST, FAINTEST_CORE = 0.03, 0.08
"""Least share of light taken by the edge of a particle, and by its darkest part."""
CONTRAST = 0.14
"""Share of the darkest pixel nearby that the edge of a particle has at least: ringing and blooming
of JPEG, and defocus, have less."""
SOLID_CONTRAST = 0.4
"""The same for its distinctly dark part, measured without smoothing."""
SAMPLE_BLOCKS_A_SIDE = 4
WINDOW_PX = 2048
KEPT_TILES = 4
EIGHT = np.ones((3, 3), bool)
DISC = np.hypot(*np.mgrid[-CLOSE_PX : CLOSE_PX + 1, -CLOSE_PX : CLOSE_PX + 1]) <= CLOSE_PX + 0.3


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Shares of light taken: what is part of a particle, and what every particle has somewhere.

    Attributes:
        edge: Pixels above it belong to particles.
        core: A particle without a pixel above it is a stain or noise.
    """

    edge: float
    core: float

    @classmethod
    def measure(cls, darkness: Darkness) -> Thresholds:
        """Measure the noise of the glass on blocks spread over the slide.

        Glass is the mode of the distribution; its spread is taken from the brighter side, where
        there are no particles.
        """
        width, height = darkness.size
        values = []
        for fx, fy in itertools.product(np.linspace(0, 1, SAMPLE_BLOCKS_A_SIDE), repeat=2):
            left = int(fx * (width - min(BLOCK_PX, width))) // BLOCK_PX * BLOCK_PX
            top = int(fy * (height - min(BLOCK_PX, height))) // BLOCK_PX * BLOCK_PX
            box = left, top, min(left + BLOCK_PX, width), min(top + BLOCK_PX, height)
            values.append(_smooth(darkness.window(*box))[::2, ::2].ravel())
        sample = np.concatenate(values)
        counts, edges = np.histogram(sample, 400, (-0.2, 0.2))
        mode = float(edges[np.argmax(ndimage.gaussian_filter1d(counts.astype(float), 2))]) + 5e-4
        brighter = sample[sample < mode] - mode
        spread = float(np.sqrt(np.mean(brighter[brighter > -0.2] ** 2))) if len(brighter) else 0.0
        return cls(mode + max(4 * spread, FAINTEST), mode + max(8 * spread, FAINTEST_CORE))


def _smooth(darkness: FloatArray) -> FloatArray:
    out = ndimage.gaussian_filter(darkness, SMOOTH_PX, mode="nearest", truncate=3)
    return np.asarray(out, np.float32)


class PackedMask:
    """A mask of the whole slide, compressed tile by tile: about a bit a pixel at worst."""

    def __init__(self, size: tuple[int, int], tile_px: int) -> None:
        self.size, self.tile_px = size, tile_px
        self._tiles: dict[tuple[int, int], tuple[bytes, tuple[int, int]]] = {}
        # What follows on each other lies in one tile, mostly.
        self._tile = functools.lru_cache(KEPT_TILES)(self._unpacked)

    def put(self, column: int, row: int, mask: Mask) -> None:
        """Keep a tile; empty ones cost nothing."""
        if mask.any():
            packed = zlib.compress(np.packbits(mask, axis=1).tobytes(), 1)
            self._tiles[column, row] = packed, mask.shape

    def window(self, left: int, top: int, right: int, bottom: int) -> Mask:
        """(bottom - top, right - left) part of the mask."""
        out = np.zeros((bottom - top, right - left), bool)
        side = self.tile_px
        columns = range(left // side, -(-right // side))
        for column, row in itertools.product(columns, range(top // side, -(-bottom // side))):
            if (column, row) not in self._tiles:
                continue
            tile = self._tile(column, row)
            x, y = column * side, row * side
            x0, x1 = max(left, x), min(right, x + tile.shape[1])
            y0, y1 = max(top, y), min(bottom, y + tile.shape[0])
            out[y0 - top : y1 - top, x0 - left : x1 - left] = tile[y0 - y : y1 - y, x0 - x : x1 - x]
        return out

    def _unpacked(self, column: int, row: int) -> Mask:
        packed, shape = self._tiles[column, row]
        bits = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(shape[0], -1)
        return np.unpackbits(bits, axis=1, count=shape[1]).view(bool)


@dataclass(frozen=True, slots=True)
class SlideMasks:
    """Masks of the whole slide, at the working scale.

    Attributes:
        edge: What belongs to particles, gaps of thin walls closed.
        core: What every particle has somewhere.
        solid: Distinctly dark parts, narrow gaps left open.
    """

    edge: PackedMask
    core: PackedMask
    solid: PackedMask


def draw_masks(
    darkness: Darkness, thresholds: Thresholds, tile_px: int, *, progress: Progress | None = None
) -> SlideMasks:
    """Threshold the slide tile by tile.

    Every step reaches a few pixels only, and each tile is computed with that much around it, so the
    result does not depend on ``tile_px``.
    """
    width, height = darkness.size
    masks = SlideMasks(*(PackedMask(darkness.size, tile_px) for _ in range(3)))
    rows, columns = range(-(-height // tile_px)), range(-(-width // tile_px))
    if progress:
        progress.start("looking at the slide", len(rows) * len(columns), "tiles")
    for row, column in itertools.product(rows, columns):
        left, top = column * tile_px, row * tile_px
        right, bottom = min(left + tile_px, width), min(top + tile_px, height)
        outer = (
            max(0, left - HALO_PX),
            max(0, top - HALO_PX),
            min(width, right + HALO_PX),
            min(height, bottom + HALO_PX),
        )
        raw = darkness.window(*outer)
        smooth = _smooth(raw)
        inner = np.s_[top - outer[1] : bottom - outer[1], left - outer[0] : right - outer[0]]
        darkest = ndimage.maximum_filter(smooth, NEIGHBOURHOOD_PX, mode="nearest")
        dark = smooth > np.maximum(thresholds.edge, CONTRAST * darkest)
        solid = raw > np.maximum(thresholds.core, SOLID_CONTRAST * darkest)
        masks.edge.put(column, row, _close(dark)[inner])
        masks.core.put(column, row, (smooth > thresholds.core)[inner])
        masks.solid.put(column, row, solid[inner])
        if progress:
            progress.advance()
    if progress:
        progress.finish()
    return masks


def _close(mask: Mask) -> Mask:
    """Join what is less than five pixels apart."""
    if not mask.any():
        return mask
    wide = np.pad(mask, CLOSE_PX)
    return np.asarray(ndimage.binary_closing(wide, DISC)[CLOSE_PX:-CLOSE_PX, CLOSE_PX:-CLOSE_PX])


@dataclass(frozen=True, slots=True)
class Component:
    """A connected particle, or several that touch.

    Attributes:
        x: Left edge, working pixels.
        y: Top edge, working pixels.
        mask: (h, w), holes filled.
        solid: (h, w), distinctly dark parts.
    """

    x: int
    y: int
    mask: Mask
    solid: Mask


def components(
    masks: SlideMasks, limit_px: int, *, progress: Progress | None = None
) -> Iterator[Component]:
    """Whole components up to ``limit_px`` in width and height, each exactly once.

    A component is seen whole in the window that holds its first pixel (of the top row, the
    leftmost), since windows overlap by ``limit_px``; larger ones (the edge of a cover slip, a
    fibre, a field of view's border) are left out.
    """
    width, height = masks.edge.size
    rows, columns = range(0, height, WINDOW_PX), range(0, width, WINDOW_PX)
    if progress:
        progress.start("outlining particles", len(rows) * len(columns), "tiles")
    for top, left in itertools.product(rows, columns):
        if progress and (top or left):
            progress.advance()
        x0, y0 = max(0, left - limit_px), max(0, top - limit_px)
        x1 = min(width, left + WINDOW_PX + limit_px)
        y1 = min(height, top + WINDOW_PX + limit_px)
        mask = masks.edge.window(x0, y0, x1, y1)
        if not mask.any():
            continue
        strong = masks.core.window(x0, y0, x1, y1)
        open_sides = (y0 > 0, x0 > 0, y1 < height, x1 < width)
        for part in _whole(mask, strong, open_sides, limit_px):
            first = part.x + int(np.argmax(part.mask[0])) + x0
            if left <= first < left + WINDOW_PX and top <= part.y + y0 < top + WINDOW_PX:
                x, y = part.x + x0, part.y + y0
                solid = masks.solid.window(x, y, x + part.mask.shape[1], y + part.mask.shape[0])
                yield Component(x, y, part.mask, solid)
    if progress:
        progress.finish()


def _whole(
    mask: Mask, strong: Mask, open_sides: tuple[bool, bool, bool, bool], limit_px: int
) -> Iterator[Component]:
    """Components that end inside the window, have a core, and do not lie inside another one."""
    labels, count = ndimage.label(mask, EIGHT)
    found: dict[int, Component] = {}
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        if _cut(box, mask.shape, open_sides) or max(s.stop - s.start for s in box) > limit_px:
            continue
        here = labels[box] == number
        filled = ndimage.binary_fill_holes(here)
        found[number] = Component(box[1].start, box[0].start, filled, here)
    has_core = np.zeros(count + 1, bool)
    has_core[labels[strong]] = True
    enclosed: set[int] = set()
    for number, part in found.items():
        inside = labels[_slices(part)][part.mask]
        enclosed.update(int(n) for n in np.unique(inside) if n not in (0, number))
    for number, part in found.items():
        if has_core[number] and number not in enclosed:
            yield part


def _slices(part: Component) -> tuple[slice, slice]:
    height, width = part.mask.shape
    return slice(part.y, part.y + height), slice(part.x, part.x + width)


def _cut(
    box: tuple[slice, slice], shape: tuple[int, ...], open_sides: tuple[bool, bool, bool, bool]
) -> bool:
    touches = (
        box[0].start == 0,
        box[1].start == 0,
        box[0].stop == shape[0],
        box[1].stop == shape[1],
    )
    return any(t and o for t, o in zip(touches, open_sides, strict=True))
