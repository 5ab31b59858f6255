"""One specimen: a taxon's shape, brought to colour, focus and size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from georetrieve.errors import SourceError, did_you_mean
from georetrieve.sources.synthetic.canvas import Canvas
from georetrieve.sources.synthetic.taxa import DEBRIS, TAXA, Taxon
from georetrieve.types import FloatArray

__all__ = ["GLASS", "Transmission", "draw_specimen", "find_taxon", "transmit"]

GLASS = (226.0, 223.0, 222.0)
"""Colour of the empty slide, RGB."""
TINTS = np.array(
    [
        (0.04, 0.16, 0.62),  # pale yellow
        (0.10, 0.40, 1.20),  # amber
        (0.42, 0.85, 1.45),  # brown
        (1.10, 1.20, 1.30),  # all but black
    ]
)
"""Absorption per wall in red, green and blue along the colour scale 0, 0.5, 1, 1.5."""


@dataclass(frozen=True, slots=True)
class Transmission:
    """A drawn specimen, ready to be laid over any background.

    Attributes:
        light: (S, S, 3) float32, share of the light let through; may exceed 1 in the bright fringe
            round dark edges.
        mask: (S, S) bool, what the specimen covers.
    """

    light: FloatArray
    mask: npt.NDArray[np.bool_]


def find_taxon(name: str) -> Taxon:
    """Look a taxon up.

    Raises:
        SourceError: No taxon has this name.
    """
    if name not in TAXA and name not in DEBRIS:
        raise SourceError(f"Unknown taxon {name!r}.{did_you_mean(name, [*TAXA, *DEBRIS])}")
    return TAXA[name] if name in TAXA else DEBRIS[name]


def transmit(taxon: str, rng: np.random.Generator, size_px: int) -> Transmission:
    """Draw a specimen on an empty square of ``size_px`` pixels, which it fills to about 3/4."""
    kind = find_taxon(taxon)
    canvas = Canvas.blank(size_px, rng)
    kind.draw(canvas)
    for _ in range(int(rng.integers(0, kind.folds + 1))):
        canvas.fold(1.0)
    density = np.clip(canvas.density, 0, None) * rng.uniform(*kind.strength) * 1.6
    # Patchy thermal alteration and preservation.
    density *= (
        1
        + 0.08
        * ndimage.zoom(
            rng.standard_normal((4, 4)), size_px / 4, order=1, grid_mode=True, mode="nearest"
        )[:size_px, :size_px]
    )
    blur = rng.uniform(0.4, 1.1) if rng.random() < 0.8 else rng.uniform(1.1, 2.2)
    density = ndimage.gaussian_filter(density.astype(np.float32), blur)
    shade = rng.uniform(*kind.tint)
    tint = np.array([np.interp(shade, (0, 0.5, 1, 1.5), channel) for channel in TINTS.T])
    light = np.exp(-density[..., None] * tint)
    # Diffraction and defocus leave a bright fringe outside dark edges.
    grey = light.mean(axis=2)
    fringe = grey - ndimage.gaussian_filter(grey, max(2.0, size_px / 90))
    light = np.clip(light + rng.uniform(0.15, 0.4) * fringe[..., None], 0.01, 1.14)
    return Transmission(light.astype(np.float32), canvas.cover > 0.35)


def draw_specimen(
    taxon: str, rng: np.random.Generator, size_px: int = 224
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Draw a specimen alone on clean glass.

    Args:
        taxon: A name in ``TAXA`` or ``DEBRIS``.
        rng: Source of randomness; the same state gives the same picture.
        size_px: Side of the square picture, pixels.

    Returns:
        (S, S, 3) uint8 RGB, and (S, S) bool mask of the specimen.

    Raises:
        SourceError: No taxon has this name.
    """
    drawn = transmit(taxon, rng, size_px)
    glass = np.asarray(GLASS) + rng.normal(0, 2.5, 3)
    shade = np.linspace(-1, 1, size_px)
    slope = rng.normal(0, 0.02, 2)
    light = 1 + slope[0] * shade[:, None] + slope[1] * shade[None, :]
    picture = glass * light[..., None] * drawn.light
    picture += rng.normal(0, 1.6, picture.shape)
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8), drawn.mask
