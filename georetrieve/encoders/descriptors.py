"""Dense local descriptors: colour and gradients around a grid of points of a square image.

Points lie every 8 px, at the corners shared by four 4-px blocks (4, 12, ... 252), and each is
described at the scales s = 2, 4 and 8 px, joined into one descriptor:

- colour: mean and standard deviation of L*, a*, b* in windows of side 4s, and the point's distance
  from the image's centre;
- gradients: histograms of 8 soft orientations in 4×4 cells of side 2s of L* smoothed with σ = s/2,
  normalised as RootSIFT is (Lowe 2004, section 6; Arandjelović & Zisserman 2012, section 3).

Everything is sampled at the points, by pooling, and never computed at every pixel. Only sums of
fixed order and pixel-wise operations are used, so equal images give equal bits.
"""

from __future__ import annotations

import functools
import math

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
BLOCK = 4
SCALES = (2, 4, 8)
BINS = 8
CELLS = 4
COLOUR_DIM = 6 * len(SCALES) + 1
GRADIENT_DIM = CELLS * CELLS * BINS * len(SCALES)

# The radius is in units of the half side; ten times that makes it vary as much as L* does.
RADIUS_WEIGHT = 10.0
# Gradients of a few grey levels are noise of the sensor: a patch whose histogram is shorter than
# this (L* a pixel) keeps a short descriptor instead of being stretched to full length.
FLAT_GRADIENT = 2.0
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
    """Return (GRID², 19): mean and deviation of L*, a*, b* at three scales, and the radius.

    Args:
        lab: (3, 256, 256), see :func:`lab_planes`.
    """
    # Moments are taken about the image's mean: a flat image then has deviations of zero instead of
    # the square root of what rounding leaves.
    centre = functional.avg_pool2d(functional.avg_pool2d(lab, 16), 16)
    offset = lab - centre
    blocks = functional.avg_pool2d(torch.cat([offset, offset * offset]), BLOCK)
    columns: list[Tensor] = []
    for scale in SCALES:
        window = 4 * scale // BLOCK
        margin = window // 2 - 1
        padded = functional.pad(blocks[None], (margin,) * 4, mode="replicate")
        moments = functional.avg_pool2d(padded, window, stride=STEP // BLOCK)[0]
        mean, square = moments[:3], moments[3:]
        columns += [mean + centre, (square - mean * mean).clamp_min(0).sqrt()]
    described = torch.cat([part.reshape(3, -1) for part in columns])
    return torch.cat([described, _radius()[None]]).T


@functools.cache
def _radius() -> Tensor:
    """(GRID²,) weighted distance of the points from the centre."""
    axis = (torch.arange(GRID) * STEP + BLOCK) / (SIDE / 2) - 1
    return RADIUS_WEIGHT * torch.hypot(axis[:, None], axis[None, :]).flatten()


def gradient_descriptors(lightness: Tensor) -> Tensor:
    """Return (GRID², 384): RootSIFT-like descriptors at three scales, joined.

    Args:
        lightness: (256, 256) plane of L*.
    """
    # Scale s on the image is scale 2 on the image reduced s/2 times.
    plane = lightness[None, None]
    parts: list[Tensor] = []
    for level in range(len(SCALES)):
        if level:
            plane = functional.avg_pool2d(plane, 2)
        parts.append(_normalise(_cell_histograms(_orientation_maps(_blur(plane)), level)))
    return torch.cat(parts, dim=1)


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


def _cell_histograms(maps: Tensor, level: int) -> Tensor:
    """(GRID², 128) sums over 4×4 cells of 4 px around each point, points 8 / 2^level px apart."""
    spacing = STEP >> level
    stride = min(spacing, BLOCK)
    margin = 2 * BLOCK - spacing // 2
    cells = functional.avg_pool2d(functional.pad(maps, (margin,) * 4), BLOCK, stride=stride)
    patches = functional.unfold(
        cells, CELLS, dilation=BLOCK // stride, stride=max(1, spacing // stride)
    )
    return patches[0].T


def _normalise(histograms: Tensor) -> Tensor:
    """L2, clip, L2, square root; the descriptors of flat patches stay short."""
    length = histograms.square().sum(dim=1, keepdim=True).sqrt()
    clipped = (histograms / (length + FLAT_GRADIENT)).clamp_max(CLIP)
    again = clipped.square().sum(dim=1, keepdim=True).sqrt().clamp_min(1e-6)
    strength = length / (length + FLAT_GRADIENT)
    return (clipped / again).sqrt() * strength
