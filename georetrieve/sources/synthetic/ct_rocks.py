"""Small scans of several sandstones, each scan as another day at the scanner gives it.

What tells the rocks apart is the size of their grains; what tells scans of one rock apart is
brightness and contrast. A classifier that is tested on slices next to those it knows can do with
the latter; one that is tested on another scan cannot.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from georetrieve.sources.synthetic.ct import CtVolume, draw_sandstone

__all__ = ["SANDSTONES", "draw_rock"]

SANDSTONES = {"fine": 11.0, "fine_to_medium": 13.0, "medium": 15.0, "coarse": 18.0}
"""Typical grain diameter, voxels."""
SHAPE = (60, 96, 96)
LEAST_GAIN, OFFSET = 0.6, 9_000.0


def draw_rock(rock: str, seed: Sequence[int], shape: tuple[int, int, int] = SHAPE) -> CtVolume:
    """Draw a scan of a sandstone.

    Args:
        rock: A name of :data:`SANDSTONES`.
        seed: The same seed gives the same scan.
        shape: (Z, Y, X), voxels.
    """
    rng = np.random.default_rng(seed)
    volume = draw_sandstone(rng, shape, SANDSTONES[rock])
    gain, offset = rng.uniform(LEAST_GAIN, 1.0), rng.uniform(0.0, OFFSET)
    scanned = np.clip(gain * volume.voxels + offset, 0, 65535).astype(np.uint16)
    return CtVolume(scanned, volume.phases)
