"""A micro-CT volume of a sandstone: packed grains, pores, clay, bright heavy minerals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tifffile
from scipy import ndimage

from georetrieve.sources.synthetic.canvas import smooth_noise
from georetrieve.types import FloatArray

__all__ = ["PHASES", "CtVolume", "draw_sandstone", "write_volume"]

PHASES = ("pore", "quartz", "clay", "heavy_mineral")
"""By value in the mask."""
GREY = (9_000.0, 29_000.0, 22_000.0, 52_000.0)
"""Attenuation of each phase, as the 16-bit value without artefacts."""
UM_PER_VOXEL = 4.0
UM_PER_CM = 10_000
HEAVY_SHARE = 0.012


@dataclass(frozen=True, slots=True)
class CtVolume:
    """A scan and its truth.

    Attributes:
        voxels: (Z, Y, X) uint16.
        phases: (Z, Y, X) uint8, positions in ``PHASES``.
    """

    voxels: npt.NDArray[np.uint16]
    phases: npt.NDArray[np.uint8]


def draw_sandstone(
    rng: np.random.Generator, shape: tuple[int, int, int] = (48, 320, 320), grain_px: float = 46.0
) -> CtVolume:
    """Draw a scan.

    Args:
        rng: Source of randomness; the same state gives the same volume.
        shape: (Z, Y, X), voxels of 4 µm.
        grain_px: Typical grain diameter, voxels.
    """
    level, bright = _pack(rng, shape, grain_px)
    coarse = _noise3(rng, shape, grain_px * 0.7)
    solid = level > 0
    phases = solid.astype(np.uint8)
    phases[solid & bright] = PHASES.index("heavy_mineral")
    # Clay coats grains unevenly and bridges the narrow throats between them.
    coat = (level > -0.12) & (coarse > 0.35)
    bridge = (level > -0.05) & (coarse > -0.3)
    phases[~solid & (coat | bridge)] = PHASES.index("clay")
    grey = np.asarray(GREY, np.float32)[phases]
    texture = smooth_noise(rng, shape[1:], max(shape[1:]) / 5)
    grey += 900 * texture * (phases == PHASES.index("clay"))
    scanned = ndimage.gaussian_filter(grey, 0.9)  # partial volume
    scanned *= _beam_hardening(shape)
    scanned += _rings(rng, shape)
    scanned += ndimage.gaussian_filter(rng.standard_normal(shape, np.float32), 0.6) * 3600
    return CtVolume(np.clip(scanned, 0, 65535).astype(np.uint16), phases)


def _pack(
    rng: np.random.Generator, shape: tuple[int, int, int], grain_px: float
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Pack lumpy ellipsoids.

    Returns:
        (Z, Y, X) depth inside a grain as a share of its radius (negative in the space between), and
        where grains are heavy minerals.
    """
    level = np.full(shape, -1.0, np.float32)
    bright = np.zeros(shape, bool)
    bumps = 0.16 * _noise3(rng, shape, grain_px * 0.45)
    for middle, radius, heavy in _middles(rng, shape, grain_px):
        reach = int(radius * 1.6) + 2  # out to where clay may coat it
        low = [max(0, int(m) - reach) for m in middle]
        high = [min(n, int(m) + reach + 1) for m, n in zip(middle, shape, strict=True)]
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        if any(a >= b for a, b in zip(low, high, strict=True)):
            continue  # a grain beyond the border
        axes = [
            np.arange(a, b, dtype=np.float32) - np.float32(m)
            for a, b, m in zip(low, high, middle, strict=True)
        ]
        turn, _ = np.linalg.qr(rng.standard_normal((3, 3)))
        stretch = turn / rng.uniform(0.75, 1.2, 3)
        depth = 1 - _ellipsoid(axes, stretch) / np.float32(radius) + bumps[box]
        wins = depth > level[box]
        level[box][wins] = depth[wins]
        bright[box][wins] = heavy
    return level, bright


def _ellipsoid(axes: list[FloatArray], stretch: npt.NDArray[np.float64]) -> FloatArray:
    """(Z, Y, X) length of every position after ``stretch``: the root of its quadratic form."""
    form = (stretch @ stretch.T).astype(np.float32)
    z, y, x = axes[0][:, None, None], axes[1][:, None], axes[2]
    plane = form[1, 1] * y * y + 2 * form[1, 2] * y * x + form[2, 2] * x * x
    slope = 2 * (form[0, 1] * y + form[0, 2] * x)
    return np.asarray(np.sqrt(plane + z * slope + form[0, 0] * z * z), np.float32)


def _middles(
    rng: np.random.Generator, shape: tuple[int, int, int], grain_px: float
) -> list[tuple[npt.NDArray[np.float64], float, bool]]:
    """Middles and radii that keep their distance, so that little but the grains' rims overlap."""
    kept: list[tuple[npt.NDArray[np.float64], float, bool]] = []
    margin = grain_px / 2
    volume = float(np.prod([n + 2 * margin for n in shape]))
    tries = int(60 * volume / grain_px**3)
    middles, radii = np.empty((0, 3)), np.empty(0)
    for _ in range(tries):
        heavy = bool(rng.random() < HEAVY_SHARE)
        radius = grain_px / 2 * (rng.uniform(0.25, 0.5) if heavy else rng.uniform(0.65, 1.25))
        middle = rng.uniform(-margin, np.array(shape) + margin)
        away = np.linalg.norm(middles - middle, axis=1)
        if (away > 0.66 * (radii + radius)).all():
            middles, radii = np.vstack([middles, middle]), np.append(radii, radius)
            kept.append((middle, radius, heavy))
    return kept


def _noise3(rng: np.random.Generator, shape: tuple[int, int, int], size: float) -> FloatArray:
    """(Z, Y, X) smooth noise with bumps of about ``size`` voxels, zero mean, unit spread."""
    grid = [max(2, round(n / size)) + 3 for n in shape]
    coarse = rng.standard_normal(grid).astype(np.float32)
    # Interpolation is separable, and so much faster as three small matrices.
    along = [
        ndimage.zoom(np.eye(g, dtype=np.float32), (n / (g - 3), 1), order=2)[:n]
        for n, g in zip(shape, grid, strict=True)
    ]
    noise = np.einsum("ai,bj,ck,ijk->abc", *along, coarse, optimize=True)
    return np.asarray((noise - noise.mean()) / noise.std(), np.float32)


def _beam_hardening(shape: tuple[int, int, int]) -> FloatArray:
    """(1, Y, X) mild cupping: brighter towards the rim."""
    y, x = (np.linspace(-1, 1, n, dtype=np.float32) for n in shape[1:])
    return np.asarray(1 + 0.04 * (y[:, None] ** 2 + x[None, :] ** 2), np.float32)[None]


def _rings(rng: np.random.Generator, shape: tuple[int, int, int]) -> FloatArray:
    """(1, Y, X) faint rings round the axis of rotation."""
    y, x = (np.arange(n, dtype=np.float32) - n / 2 for n in shape[1:])
    radius = np.hypot(y[:, None], x[None, :])
    count = int(radius.max()) + 2
    strength = rng.normal(0, 450, count) * (rng.random(count) < 0.12)
    rings = np.interp(radius, np.arange(count), strength)
    return np.asarray(rings, np.float32)[None]


def write_volume(folder: Path, truth: Path, name: str, volume: CtVolume) -> tuple[Path, Path]:
    """Write the scan as a multi-page TIFF, and its mask, likewise, to ``truth``."""
    image, mask = folder / f"{name}.tif", truth / f"{name}_phases.tif"
    per_cm = UM_PER_CM / UM_PER_VOXEL
    for path, voxels in ((image, volume.voxels), (mask, volume.phases)):
        tifffile.imwrite(
            path,
            voxels,
            photometric="minisblack",
            compression="zlib",
            resolution=(per_cm, per_cm),
            resolutionunit="CENTIMETER",
            metadata={"axes": "ZYX"},
            software="georetrieve",
        )
    return image, mask
