"""Dense local descriptors: colour, edges and texture around every pixel, at five scales.

For maps of minerals and pores what matters is what a point is made of, and what lies next to it.
An image is taken at its own resolution; a patch is a pixel. It is smoothed step by step without
being made smaller: the B3 spline à trous (J.-L. Starck and F. Murtagh, Astronomical Image and Data
Analysis, 2006, section 2.3), whose holes double from step to step. At every scale a pixel has

- the mean and the standard deviation of L*, a*, b* around it;
- the length of the gradient of L*, and the two eigenvalues of its Hessian, larger first: edges,
  spots and lines, whichever way they run.

A descriptor is the same wherever in the image its surroundings lie, so those of an image that is
moved are moved; what lies further away than :data:`REACH_PX` says nothing.

The last number is the same for all: it makes the cosine of two descriptors fall with their
distance, where without it that of black and grey was 1.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["DENSE_DIM", "REACH_PX", "dense_descriptors"]

SCALES = 5
PER_SCALE = 9
DENSE_DIM = SCALES * PER_SCALE + 1
# Holes of the spline, which reaches two of them each way; differences reach the last one once more.
HOLES = tuple(2**step for step in range(SCALES - 1))
REACH_PX = 2 * sum(HOLES) + HOLES[-1]

# L* from mid grey, so that dark and bright descriptors are of one length; the constant is as long.
MID_GREY = 50.0
CONSTANT = 120.0
# Variance below this is what float32 leaves of the squares of a flat image.
ROUNDING = 1e-2


def dense_descriptors(lab: Tensor, out: Tensor | None = None) -> Tensor:
    """Return (height, width, 46) float32 descriptors of the pixels of an image.

    Args:
        lab: (3, height, width) planes, see :func:`~.descriptors.lab_planes`.
        out: Of the shape of what is returned: where it is written; by default a new one.
    """
    shifted = lab - lab.new_tensor([MID_GREY, 0.0, 0.0])[:, None, None]
    planes = torch.cat([shifted, shifted.square()])
    described = lab.new_empty((*lab.shape[1:], DENSE_DIM)) if out is None else out
    described[..., -1] = CONSTANT
    for scale, hole in enumerate((HOLES[0], *HOLES)):
        if scale:
            planes = _smooth(planes, hole)
        mean, square = planes[:3], planes[3:]
        deviation = (square - mean.square() - ROUNDING).clamp_min(0).sqrt()
        parts = torch.cat([mean, deviation, _shape(mean[0], hole)])
        described[..., scale * PER_SCALE : (scale + 1) * PER_SCALE] = parts.permute(1, 2, 0)
    return described


def _smooth(planes: Tensor, hole: int) -> Tensor:
    """Smooth (C, height, width) with the B3 spline, its taps ``hole`` pixels apart.

    Its taps 1, 4, 6, 4, 1 are what four sums of neighbours make of one.
    """
    sums = _extend(planes, 2 * hole)
    for side in (1, 2):
        for _ in range(4):
            rest = sums.shape[side] - hole
            sums = sums.narrow(side, 0, rest) + sums.narrow(side, hole, rest)
    return sums.mul_(1 / 16**2)


def _extend(planes: Tensor, margin: int) -> Tensor:
    return functional.pad(planes[None], (margin,) * 4, mode="replicate")[0]


def _shape(plane: Tensor, hole: int) -> Tensor:
    """(3, height, width): length of the gradient and eigenvalues of the Hessian of a plane.

    Differences are taken over ``hole`` pixels and not divided by it: a step in L* has the same
    strength at every scale.
    """
    height, width = plane.shape
    wide = _extend(plane[None], hole)[0]

    def at(down: int, across: int) -> Tensor:
        top, left = (1 + down) * hole, (1 + across) * hole
        return wide[top : top + height, left : left + width]

    across, down = (at(0, 1) - at(0, -1)) / 2, (at(1, 0) - at(-1, 0)) / 2
    double = 2 * plane
    bend_across, bend_down = at(0, 1) + at(0, -1) - double, at(1, 0) + at(-1, 0) - double
    twist = (at(1, 1) + at(-1, -1) - at(1, -1) - at(-1, 1)) / 4
    half, spread = (bend_across + bend_down) / 2, (bend_across - bend_down) / 2
    root = torch.hypot(spread, twist)
    return torch.stack([torch.hypot(across, down), half + root, half - root])
