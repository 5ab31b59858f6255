"""Dense local descriptors: colour, edges and texture around every second pixel, at five scales.

For maps of minerals and pores what matters is what a point is made of, and what lies next to it.
An image is taken at its own resolution, in patches of 2×2 px, and smoothed step by step without
being made smaller: the B3 spline à trous (J.-L. Starck and F. Murtagh, Astronomical Image and Data
Analysis, 2006, section 2.3), whose holes double from step to step. At every scale a patch has

- the mean and the standard deviation of L*, a*, b* around it;
- the length of the gradient of L*, and the two eigenvalues of its Hessian, larger first: edges,
  spots and lines, whichever way they run.

A descriptor is the same wherever in the image its surroundings lie, so an image that is moved by
whole patches has its descriptors moved; what lies more than :data:`REACH_PX` away says nothing.

The last number is the same for all patches: it makes the cosine of two descriptors fall with their
distance, about 1 - distance² / (2 · constant²), where without it black and grey had the same one.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["PATCH_DIM", "PATCH_PX", "REACH_PX", "dense_descriptors"]

PATCH_PX = 2
SCALES = 5
PER_SCALE = 9
PATCH_DIM = SCALES * PER_SCALE + 1
# The spline reaches two holes, the differences one hole of the last scale, the patch's corner 2 px.
REACH_PX = PATCH_PX * (2 * (2 ** (SCALES - 1) - 1) + 2 ** (SCALES - 2) + 1)

# L* from mid grey, so that the constant is a good length for dark and bright alike.
MID_GREY = 50.0
CONSTANT = 60.0


def dense_descriptors(lab: Tensor) -> Tensor:
    """Return (rows, columns, 46) descriptors of the patches of an image.

    Args:
        lab: (3, height, width) planes, see :func:`~.descriptors.lab_planes`; both sides whole
            patches.
    """
    shifted = lab - lab.new_tensor([MID_GREY, 0.0, 0.0])[:, None, None]
    planes = functional.avg_pool2d(torch.cat([shifted, shifted.square()]), PATCH_PX)
    parts: list[Tensor] = []
    for scale in range(SCALES):
        hole = 2 ** max(0, scale - 1)
        if scale:
            planes = _smooth(planes, hole)
        mean, square = planes[:3], planes[3:]
        # What rounding leaves of a flat patch is no texture.
        deviation = (square - mean.square() - 1e-2).clamp_min(0).sqrt()
        parts += [mean, deviation, _shape(mean[0], hole)]
    flat = planes.new_full((1, *planes.shape[1:]), CONSTANT)
    return torch.cat([*parts, flat]).permute(1, 2, 0)


def _smooth(planes: Tensor, hole: int) -> Tensor:
    """Smooth (C, rows, columns) with the B3 spline, its taps ``hole`` patches apart."""
    rows, columns = planes.shape[1:]
    wide = _extend(planes, 2 * hole)
    tall = _spline([wide[:, at * hole : at * hole + rows] for at in range(5)])
    return _spline([tall[:, :, at * hole : at * hole + columns] for at in range(5)])


def _spline(taps: list[Tensor]) -> Tensor:
    return 0.375 * taps[2] + 0.25 * (taps[1] + taps[3]) + 0.0625 * (taps[0] + taps[4])


def _extend(planes: Tensor, margin: int) -> Tensor:
    return functional.pad(planes[None], (margin,) * 4, mode="replicate")[0]


def _shape(plane: Tensor, hole: int) -> Tensor:
    """Return (3, rows, columns): length of the gradient, eigenvalues of the Hessian.

    Differences are taken over ``hole`` patches and not divided by it: a step in L* has the same
    strength at every scale.
    """
    rows, columns = plane.shape
    wide = _extend(plane[None], hole)[0]

    def at(down: int, across: int) -> Tensor:
        top, left = (1 + down) * hole, (1 + across) * hole
        return wide[top : top + rows, left : left + columns]

    across, down = (at(0, 1) - at(0, -1)) / 2, (at(1, 0) - at(-1, 0)) / 2
    double = 2 * plane
    bend_across, bend_down = at(0, 1) + at(0, -1) - double, at(1, 0) + at(-1, 0) - double
    twist = (at(1, 1) + at(-1, -1) - at(1, -1) - at(-1, 1)) / 4
    half, spread = (bend_across + bend_down) / 2, (bend_across - bend_down) / 2
    root = torch.hypot(spread, twist)
    return torch.stack([torch.hypot(across, down), half + root, half - root])
