"""Colours of minerals between crossed polarisers."""

from __future__ import annotations

import functools

import numpy as np

from georetrieve.types import FloatArray

__all__ = ["MAX_RETARDATION_NM", "interference", "interference_chart"]

MAX_RETARDATION_NM = 6000
CHANNEL_NM = ((605.0, 32.0), (545.0, 30.0), (460.0, 24.0))
"""Middle and spread of the red, green and blue sensitivity."""
GAMMA = 1 / 1.7


@functools.cache
def interference_chart() -> FloatArray:
    """(6001, 3) RGB in 0..1 by retardation in nm: the Michel-Lévy chart from first principles.

    A birefringent plate at 45° lets through sin²(π Γ / λ) (Sørensen 2013, "A revised Michel-Lévy
    interference colour chart based on first-principles calculations"); each channel averages it
    over its band of wavelengths.
    """
    wavelengths = np.arange(400.0, 701.0, 5.0)
    retardation = np.arange(MAX_RETARDATION_NM + 1.0)
    through = np.sin(np.pi * retardation[:, None] / wavelengths) ** 2
    middle, spread = np.array(CHANNEL_NM).T
    weight = np.exp(-0.5 * ((wavelengths[:, None] - middle) / spread) ** 2)
    chart = through @ (weight / weight.sum(axis=0))
    return np.asarray(chart**GAMMA, np.float32)


def interference(retardation_nm: FloatArray, angle: FloatArray) -> FloatArray:
    """(…, 3) RGB in 0..1 of a mineral between crossed polarisers.

    Args:
        retardation_nm: (…) thickness times birefringence of the section, nm.
        angle: (…) angle between polariser and vibration direction, radians; at 0 and every quarter
            turn the mineral is extinct.
    """
    index = np.clip(retardation_nm, 0, MAX_RETARDATION_NM).astype(np.intp)
    bright = np.sin(2 * angle) ** 2
    return np.asarray(interference_chart()[index] * (bright[..., None] ** GAMMA), np.float32)
