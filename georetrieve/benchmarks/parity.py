"""Whether our networks give what their authors' code gives, from the same file of weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from georetrieve.benchmarks.references import LAYERS, Reference
from georetrieve.encoders.networks.base import AttentiveNetwork, Network
from georetrieve.encoders.networks.dual import DualNetwork

__all__ = ["COLUMNS", "TOLERANCE", "Comparison", "compare", "differences", "sides_of"]

TOLERANCE = 1e-4
PARTS = ("cls", "vector", "patches", "layers", "attention", "text")
COLUMNS = ("model", "reference", "pixels", *PARTS, "largest", "passed", "note")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What one model made of images of one size, against its reference.

    Attributes:
        model: Name of the encoder.
        reference: Where the code it was compared with is from.
        pixels: Height and width of the images; empty where none were compared.
        largest_difference: By part, between any two numbers.
        largest: Largest magnitude of any number of the reference's vector and patches.
        note: Why nothing was compared, or what was.
    """

    model: str
    reference: str
    pixels: tuple[int, ...] = ()
    largest_difference: dict[str, float] = field(default_factory=dict)
    largest: float = math.nan
    note: str = ""

    @property
    def passed(self) -> bool | None:
        """Whether every difference is at most 1e-4; None: nothing was compared."""
        if not self.largest_difference:
            return None
        return all(value <= TOLERANCE for value in self.largest_difference.values())

    def row(self) -> dict[str, Any]:
        """One row of the table, by :data:`COLUMNS`."""
        return {
            "model": self.model,
            "reference": self.reference,
            "pixels": "×".join(map(str, self.pixels)),
            **{part: self.largest_difference.get(part) for part in PARTS},
            "largest": None if math.isnan(self.largest) else self.largest,
            "passed": {True: "yes", False: "NO", None: None}[self.passed],
            "note": self.note,
        }


def sides_of(network: Network, native: int, other_px: int = 0) -> list[tuple[int, int]]:
    """Heights and widths to compare at: native, another square, and a strip.

    Args:
        network: Whose patches the sides are made of.
        native: Side it is fed with, pixels.
        other_px: Side of the other square; 0: about three quarters of the native one.

    Returns:
        The strip is as high as the other square and about half as wide again as the native one, so
        that positions are brought closer along one side and drawn apart along the other.
    """
    patch = network.patch_px
    other = max(1, round((other_px or 0.75 * native) / patch)) * patch
    wide = math.ceil(1.5 * native / patch) * patch
    return [(native, native), (other, other), (other, wide)]


def compare(
    model: str,
    network: Network,
    reference: Reference,
    sides: Sequence[tuple[int, int]],
    *,
    note: str = "",
) -> Iterator[Comparison]:
    """Give our network and its reference the same normalised pixels, size by size.

    Args:
        model: Name of the encoder.
        network: Ours, with the reference's weights.
        reference: What it should be.
        sides: Heights and widths, pixels; those that the reference does not take are left out.
        note: For every comparison.
    """
    for height, width in sides:
        if not reference.takes(height, width):
            continue
        pixels = _pixels(height, width)
        with torch.inference_mode():
            expected = reference.see(pixels)
            ours = _see(network, pixels, reference, expected)
        yield Comparison(
            model=model,
            reference=reference.source,
            pixels=(height, width),
            largest_difference=differences(expected, ours),
            largest=max(_largest(expected["vector"]), _largest(expected["patches"])),
            note=note,
        )


def differences(expected: dict[str, Tensor], ours: dict[str, Tensor]) -> dict[str, float]:
    """Largest difference of any two numbers, by part; ∞ where shapes differ or a number is none."""
    found: dict[str, float] = {}
    for part, tensor in expected.items():
        alike = tensor.shape == ours[part].shape and bool(torch.isfinite(ours[part]).all())
        found[part] = _largest(tensor - ours[part]) if alike else math.inf
    return found


def _pixels(height: int, width: int, *, count: int = 1, seed: int = 0) -> Tensor:
    """Normalised images (count, 3, height, width): smooth shapes with some noise on them."""
    rng = torch.Generator().manual_seed(seed)
    coarse = torch.randn((count, 3, 5, 7), generator=rng)
    shapes = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")
    return shapes + 0.2 * torch.randn(shapes.shape, generator=rng)


def _see(
    network: Network, pixels: Tensor, reference: Reference, wanted: dict[str, Tensor]
) -> dict[str, Tensor]:
    """The same parts as :meth:`Reference.see`, of ours."""
    layers = network.tokens(pixels, layers=LAYERS if "layers" in wanted else 1)
    seen = {"vector": network(pixels), "cls": layers[-1].cls, "patches": layers[-1].patches}
    if "layers" in wanted:
        whole = [torch.cat([one.cls[:, None], one.patches.flatten(1, 2)], dim=1) for one in layers]
        seen["layers"] = torch.cat(whole, dim=-1)
    if "attention" in wanted and isinstance(network, AttentiveNetwork):
        seen["attention"] = network.attention(pixels)
    if "text" in wanted and isinstance(network, DualNetwork) and reference.tokens is not None:
        seen["text"] = network.texts(reference.tokens)
    return seen


def _largest(tensor: Tensor) -> float:
    return float(tensor.abs().max())
