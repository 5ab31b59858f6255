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


def dense_descriptors(lab: Tensor) -> Tensor:
    """Return (height, width, 46) float32 descriptors of the pixels of an image.

    Args:
        lab: (3, height, width) planes, see :func:`~.descriptors.lab_planes`.
    """
    shifted = lab - lab.new_tensor([MID_GREY, 0.0, 0.0])[:, None, None]
    planes = torch.cat([shifted, shifted.square()])
    described = lab.new_empty((*lab.shape[1:], DENSE_DIM))
    described[..., -1] = CONSTANT
    for scale, hole in enumerate((HOLES[0], *HOLES)):
        if scale:
            planes = _smooth(planes, hole)
        mean, square = planes[:3], planes[3:]
        deviation = (square - mean.square() - ROUNDING).clamp_min(0).sqrt()
        at = scale * PER_SCALE
        for offset, plane in enumerate((*mean, *deviation, *_shape(mean[0], hole))):
            described[..., at + offset] = plane
    return described


def _smooth(planes: Tensor, hole: int) -> Tensor:
    """Smooth (C, height, width) with the B3 spline, its taps ``hole`` pixels apart."""
    height, width = planes.shape[1:]
    wide = _extend(planes, 2 * hole)
    tall = _spline([wide[:, at * hole : at * hole + height] for at in range(5)])
    return _spline([tall[:, :, at * hole : at * hole + width] for at in range(5)])


def _spline(taps: list[Tensor]) -> Tensor:
    return 0.375 * taps[2] + 0.25 * (taps[1] + taps[3]) + 0.0625 * (taps[0] + taps[4])


def _extend(planes: Tensor, margin: int) -> Tensor:
    return functional.pad(planes[None], (margin,) * 4, mode="replicate")[0]


def _shape(plane: Tensor, hole: int) -> tuple[Tensor, Tensor, Tensor]:
    """Length of the gradient and eigenvalues of the Hessian of a (height, width) plane.

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
    return torch.hypot(across, down), half + root, half - root
