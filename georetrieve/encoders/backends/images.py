"""Images that need no files: to compare backends on, and to calibrate int8 with."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["calibration_images", "lowest_cosine", "probe_images", "synthetic_pixels"]

PROBES = 4
CALIBRATION = 48
GRAINS = (4, 14, 56)
"""Blobs across an image, coarse to fine, as grains and their texture are; under pixel noise."""

BLACK_AND_WHITE = (-2.2, 2.7)  # in units of ImageNet's statistics


def probe_images(side: int) -> torch.Tensor:
    """(4, 3, side, side) normalised pixels, the same always."""
    return synthetic_pixels(PROBES, side, seed=1)


def calibration_images(side: int) -> torch.Tensor:
    """(48, 3, side, side) normalised pixels, the same always and none of the probes."""
    return synthetic_pixels(CALIBRATION, side, seed=2)


def lowest_cosine(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """Lowest cosine between the vectors (..., D) of two equal shapes; NaN if one is not finite."""
    return nn.functional.cosine_similarity(found.double(), wanted.double(), dim=-1).min().item()


def synthetic_pixels(count: int, side: int, *, seed: int) -> torch.Tensor:
    """(count, 3, side, side) normalised pixels: the same for the same seed.

    Smooth noise of several grain sizes, with contrasts and casts as varied as micrographs'.
    """
    rng = torch.Generator().manual_seed(seed)
    pixels = 0.3 * torch.randn(count, 3, side, side, generator=rng)
    for cells in GRAINS:
        blobs = torch.randn(count, 3, cells, cells, generator=rng)
        pixels += nn.functional.interpolate(blobs, size=(side, side), mode="bilinear")
    contrast = 0.3 + 0.7 * torch.rand(count, 1, 1, 1, generator=rng)
    cast = 0.8 * torch.randn(count, 3, 1, 1, generator=rng)
    return (contrast * pixels + cast).clamp(*BLACK_AND_WHITE)
