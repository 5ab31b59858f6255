"""Dense local descriptors: colour and gradients around a grid of points of a square image.

Points lie every 8 px, at 4, 12, ... 252, and are described at several scales s, joined:

- colour, at s = 1, 2, 4 and 8 px: mean and standard deviation of L*, a*, b* in windows of side 4s,
  the mean relative to the colour of the light; and the point's distance from the image's centre;
- gradients, at s = 2, 4 and 8 px: histograms of 8 soft orientations in 4×4 cells of side 2s of L*
  smoothed with σ = s/2, normalised as RootSIFT is (Lowe 2004, section 6; Arandjelović & Zisserman
  2012, section 3).

Microfossils lie as they fell, so each point is seen along the radius: cells and orientations are
turned to point away from the image's centre, and the descriptors of an image turned about its
centre are those of the image, moved (to rounding for quarter turns, nearly for others).

Everything is sampled at the points, by pooling, and never computed at every pixel.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

__all__ = [
    "COLOUR_DIM",
    "GRADIENT_DIM",
    "GRID",
    "SIDE",
    "colour_descriptors",
    "gradient_descriptors",
    "lab_planes",
]

SIDE = 256
STEP = 8
GRID = SIDE // STEP
COLOUR_SCALES = (1, 2, 4, 8)
COLOUR_BLOCK = 2
COLOUR_DIM = 6 * len(COLOUR_SCALES) + 1
GRADIENT_SCALES = (2, 4, 8)
BINS = 8
CELLS = 4
# Side of a gradient cell, in pixels of its level of the pyramid.
CELL = 4
GRADIENT_DIM = CELLS * CELLS * BINS * len(GRADIENT_SCALES)

# How much of the light's colour is taken off: slides differ in lamp and exposure more than in what
# lies on them. A remainder keeps black images apart from white ones.
LIGHT_SHARE = 0.9
# The radius is in units of the half side; ten times that makes it vary about as L* does.
RADIUS_WEIGHT = 10.0
# Gradients of a grey level or less are noise of the sensor: a patch whose histogram is no longer
# than this (L* a pixel) keeps a short descriptor instead of being stretched to full length.
FLAT_GRADIENT = 1.0
CLIP = 0.2


def lab_planes(image: npt.NDArray[np.uint8]) -> Tensor:
    """Return the (3, H, W) float32 CIE L*a*b* planes (D65) of an (H, W, 3) sRGB image.

    Source: IEC 61966-2-1 (sRGB), CIE 15 (L*a*b*).
    """
    table, matrix = _colour_tables()
    linear = table[torch.from_numpy(image).long()]
    red, green, blue = linear.unbind(-1)
    xyz = torch.stack([row[0] * red + row[1] * green + row[2] * blue for row in matrix])
    cubic = torch.where(
        xyz > (6 / 29) ** 3, xyz.clamp_min(1e-6).pow(1 / 3), xyz * (841 / 108) + 4 / 29
    )
    x, y, z = cubic
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@functools.cache
def _colour_tables() -> tuple[Tensor, list[list[float]]]:
    """Return byte of sRGB -> linear light, and linear RGB -> XYZ over the white point."""
    value = np.arange(256) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    matrix = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    # Rows sum to one, so that greys have a* = b* = 0 exactly enough.
    matrix /= matrix.sum(axis=1, keepdims=True)
    return torch.from_numpy(linear.astype(np.float32)), matrix.tolist()


def colour_descriptors(lab: Tensor) -> Tensor:
    """Return (GRID², 25): mean and deviation of L*, a*, b* at four scales, and the radius.

    Args:
        lab: (3, 256, 256), see :func:`lab_planes`.
    """
    # Moments are taken about the image's mean: a flat image then has deviations of zero instead of
    # the square root of what rounding leaves.
    centre = functional.avg_pool2d(functional.avg_pool2d(lab, 16), 16)
    offset = lab - centre
    blocks = functional.avg_pool2d(torch.cat([offset, offset * offset]), COLOUR_BLOCK)
    shift = centre - LIGHT_SHARE * _light(lab)
    columns: list[Tensor] = []
    for scale in COLOUR_SCALES:
        moments = _window_means(blocks, 4 * scale // COLOUR_BLOCK)
        mean, square = moments[:3], moments[3:]
        columns += [mean + shift, (square - mean * mean).clamp_min(0).sqrt()]
    described = torch.cat([part.reshape(3, -1) for part in columns])
    return torch.cat([described, _frame().radius[None]]).T


def _light(lab: Tensor) -> Tensor:
    """(3, 1, 1) colour of the light: the median colour of the brightest fifth of the image."""
    lightness, a, b = functional.avg_pool2d(lab, CELL).flatten(1)
    bright = lightness >= lightness.sort().values[-(lightness.numel() // 5)]
    return torch.stack([plane[bright].median() for plane in (lightness, a, b)])[:, None, None]


def _window_means(blocks: Tensor, window: int) -> Tensor:
    """(C, GRID, GRID) means in windows of so many blocks a side, centred on the points."""
    step = STEP // COLOUR_BLOCK
    margin = (window - step) // 2
    if margin < 0:
        inner = blocks[:, -margin:margin, -margin:margin]
        return functional.avg_pool2d(inner, window, stride=step)
    padded = functional.pad(blocks[None], (margin,) * 4, mode="replicate")
    return functional.avg_pool2d(padded, window, stride=step)[0]


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where the points lie, and where their cells and bins do when seen along the radius.

    Attributes:
        radius: (GRID²,) weighted distance of the points from the centre.
        cells: One (1, GRID², 16, 2) tensor a scale: the centres of the cells, as ``grid_sample``
            wants them (the image spans -1 … 1).
        lower: (GRID², 8, 1) the bin that is turned to bin 0, 1, ... of the frame.
        upper: (GRID², 8, 1) the bin after that one.
        share: (GRID², 1, 1) how far the frame's bin lies from the lower to the upper.
    """

    radius: Tensor
    cells: tuple[Tensor, ...]
    lower: Tensor
    upper: Tensor
    share: Tensor


@functools.cache
def _frame(*, upright: bool = False) -> _Frame:
    """Frames turned to point away from the image's centre, or all of them upright."""
    axis = (torch.arange(GRID, dtype=torch.float64) * STEP + STEP / 2) / (SIDE / 2) - 1
    y, x = (part.flatten() for part in torch.meshgrid(axis, axis, indexing="ij"))
    angle = torch.zeros_like(x) if upright else torch.atan2(y, x)
    cos, sin = angle.cos()[:, None], angle.sin()[:, None]
    offsets = torch.arange(CELLS) - (CELLS - 1) / 2
    v, u = (part.flatten() for part in torch.meshgrid(offsets, offsets, indexing="ij"))
    cells = []
    for scale in GRADIENT_SCALES:
        side = 2 * scale / (SIDE / 2)
        across = x[:, None] + side * (u * cos - v * sin)
        down = y[:, None] + side * (u * sin + v * cos)
        cells.append(torch.stack([across, down], dim=-1).float()[None])
    turn = angle * BINS / (2 * math.pi)
    whole = turn.floor()
    lower = (torch.arange(BINS) + whole[:, None].long()) % BINS
    return _Frame(
        radius=(RADIUS_WEIGHT * torch.hypot(x, y)).float(),
        cells=tuple(cells),
        lower=lower[:, :, None],
        upper=((lower + 1) % BINS)[:, :, None],
        share=(turn - whole).float()[:, None, None],
    )


def gradient_descriptors(lightness: Tensor, *, upright: bool = False) -> Tensor:
    """Return (GRID², 384): RootSIFT-like descriptors at three scales, joined.

    Args:
        lightness: (256, 256) plane of L*.
        upright: Leave the cells and orientations as they are in the image, instead of turning them
            to point away from its centre.
    """
    # Scale s on the image is scale 2 on the image reduced s/2 times.
    plane = lightness[None, None]
    parts: list[Tensor] = []
    frame = _frame(upright=upright)
    for level, cells in enumerate(frame.cells):
        if level:
            plane = functional.avg_pool2d(plane, 2)
        maps = functional.pad(_orientation_maps(_blur(plane)), (CELL // 4,) * 4)
        boxes = functional.avg_pool2d(maps, CELL, stride=CELL // 2)
        sampled = functional.grid_sample(boxes, cells, align_corners=False)[0].permute(1, 0, 2)
        parts.append(_normalise(_turn(sampled, frame).flatten(1)))
    return torch.cat(parts, dim=1)


def _turn(sampled: Tensor, frame: _Frame) -> Tensor:
    """Turn the bins of (GRID², 8, 16) histograms into the frame of their point."""
    shape = (-1, -1, sampled.shape[2])
    lower = sampled.gather(1, frame.lower.expand(shape))
    upper = sampled.gather(1, frame.upper.expand(shape))
    return torch.lerp(lower, upper, frame.share)


def _blur(plane: Tensor) -> Tensor:
    """Smooth with the binomial of variance 1 px²."""
    height, width = plane.shape[-2:]
    padded = functional.pad(plane, (2, 2, 2, 2), mode="replicate")
    rows = [padded[..., i : i + height, :] for i in range(5)]
    tall = 0.375 * rows[2] + 0.25 * (rows[1] + rows[3]) + 0.0625 * (rows[0] + rows[4])
    cols = [tall[..., i : i + width] for i in range(5)]
    return 0.375 * cols[2] + 0.25 * (cols[1] + cols[3]) + 0.0625 * (cols[0] + cols[4])


def _orientation_maps(plane: Tensor) -> Tensor:
    """Share each pixel's gradient magnitude among 8 directions, by the cosine's fourth power.

    The shares of a pixel sum to its magnitude whatever its direction.
    """
    padded = functional.pad(plane, (1, 1, 1, 1), mode="replicate")
    across = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    down = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    squared = across * across + down * down
    cubed = (squared * squared.sqrt()).clamp_min(1e-12)
    maps: list[Tensor] = []
    for k in range(BINS // 2):
        angle = 2 * math.pi * k / BINS
        along = math.cos(angle) * across + math.sin(angle) * down
        power = along.square().square() / (1.5 * cubed)
        forward = torch.where(along > 0, power, 0.0)
        maps += [forward, power - forward]
    # Order by angle: the opposite of direction k is direction k + 4.
    return torch.cat(maps[0::2] + maps[1::2], dim=1)


def _normalise(histograms: Tensor) -> Tensor:
    """L2, clip, L2, square root; the descriptors of flat patches stay short."""
    length = histograms.square().sum(dim=1, keepdim=True).sqrt()
    clipped = (histograms / (length + FLAT_GRADIENT)).clamp_max(CLIP)
    again = clipped.square().sum(dim=1, keepdim=True).sqrt().clamp_min(1e-6)
    strength = length / (length + FLAT_GRADIENT)
    return (clipped / again).sqrt() * strength
