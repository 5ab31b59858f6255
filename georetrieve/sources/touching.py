"""Parts specimens that touch: a watershed, joined again where necks are wide."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from georetrieve.types import FloatArray

__all__ = ["split_touching"]

Mask = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int32]

NECK = 0.72
"""Parts are one specimen when the neck between them is wider than this share of the narrower."""
APPENDAGE = 0.2
"""A part this much narrower than its neighbour is a process or a horn, not a specimen."""


def split_touching(mask: Mask, solid: Mask, least_px: float) -> list[Mask]:
    """Split a component into specimens.

    Every maximum of the distance from the outline seeds a basin (Beucher & Lantuéjoul 1979). Basins
    are joined again, widest neck first, unless the neck is narrow against both of them, and each
    is as large as a specimen has to be.

    Args:
        mask: (h, w) of one component, holes filled.
        solid: (h, w) its distinctly dark part, in which the wedges between bodies that touch are
            still open.
        least_px: Smallest diameter of a specimen, pixels.

    Returns:
        (h, w) masks of the specimens, from the top down.
    """
    from skimage.feature import peak_local_max
    from skimage.segmentation import watershed

    outer = np.pad(mask, 1)
    inner = ndimage.binary_fill_holes(np.pad(solid, 1) & outer)
    depth = ndimage.distance_transform_edt(inner).astype(np.float32)
    # A plateau or a ragged outline would seed many basins.
    surface = ndimage.gaussian_filter(depth, 1.0) * inner
    spacing = max(2, int(least_px / 4))
    peaks = peak_local_max(  # type: ignore[no-untyped-call]
        surface, min_distance=spacing, labels=inner.astype(np.int32)
    )
    if len(peaks) < 2:
        return [mask]
    seeds = np.zeros(outer.shape, np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    around = ndimage.distance_transform_edt(outer).astype(np.float32)
    basins: Labels = watershed(  # type: ignore[no-untyped-call]
        -surface - 1e-3 * around, seeds, mask=outer
    )
    joined = _join(basins, depth, around, least_px)[1:-1, 1:-1]
    return [joined == number for number in _in_order(joined)]


def _in_order(labels: Labels) -> list[int]:
    found, first = np.unique(labels, return_index=True)
    return [int(n) for n in found[np.argsort(first)] if n]


def _join(basins: Labels, depth: FloatArray, around: FloatArray, least_px: float) -> Labels:
    """Join basins across wide necks; see :func:`split_touching`."""
    count = int(basins.max())
    peak = np.zeros(count + 1, np.float32)
    np.maximum.at(peak, basins, depth)
    area = np.bincount(basins.ravel(), minlength=count + 1).astype(np.float64)
    necks = _necks(basins, depth + 1e-3 * around)
    owner = np.arange(count + 1)
    least_area = np.pi / 4 * least_px**2

    def urgency(pair: tuple[int, int]) -> tuple[bool, float, int, int]:
        a, b = pair
        small, large = sorted((float(peak[a]), float(peak[b])))
        appendage = small < APPENDAGE * large or min(area[a], area[b]) < least_area
        return appendage, necks[pair] / max(small, 1.0), -a, -b

    while necks:
        # What is no specimen by itself goes first, to the neighbour it is joined to most widely.
        pair = max(necks, key=urgency)
        appendage, width, *_ = urgency(pair)
        if not appendage and width <= NECK:
            break
        keep, gone = pair
        owner[owner == gone] = keep
        peak[keep] = max(peak[keep], peak[gone])
        area[keep] += area[gone]
        necks = _renamed(necks, keep, gone)
    return owner[basins].astype(np.int32)


def _renamed(
    necks: dict[tuple[int, int], float], keep: int, gone: int
) -> dict[tuple[int, int], float]:
    out: dict[tuple[int, int], float] = {}
    for (a, b), width in necks.items():
        a, b = sorted((keep if a == gone else a, keep if b == gone else b))
        if a != b:
            out[a, b] = max(width, out.get((a, b), 0.0))
    return out


def _necks(basins: Labels, depth: FloatArray) -> dict[tuple[int, int], float]:
    """Half-width of the widest passage between neighbouring basins, by (lower, higher) number."""
    necks: dict[tuple[int, int], float] = {}
    views = (
        (np.s_[:, :-1], np.s_[:, 1:]),
        (np.s_[:-1, :], np.s_[1:, :]),
        (np.s_[:-1, :-1], np.s_[1:, 1:]),
        (np.s_[:-1, 1:], np.s_[1:, :-1]),
    )
    for one, other in views:
        a, b = basins[one], basins[other]
        border = (a != b) & (a > 0) & (b > 0)
        low, high = np.minimum(a, b)[border], np.maximum(a, b)[border]
        width = np.minimum(depth[one], depth[other])[border]
        for i, j, w in zip(low.tolist(), high.tolist(), width.tolist(), strict=True):
            necks[i, j] = max(w, necks.get((i, j), 0.0))
    return necks
