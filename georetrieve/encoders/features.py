"""From tokens to what is stored: one vector an image, or one a patch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from georetrieve.encoders.networks.base import Network, Tokens
from georetrieve.encoders.options import Options
from georetrieve.errors import EncoderError

__all__ = ["PatchHead", "VectorHead", "vector_dim"]

GEM_POWER = 3.0
SMALLEST = 1e-6  # below which GeM clamps, as its authors do


class VectorHead(nn.Module):
    """Pixels (N, 3, height, width) → vectors (N, D), with the pooling and layers asked for."""

    def __init__(self, network: Network, options: Options) -> None:
        super().__init__()
        _check_layers(network, options)
        self.network, self._options = network, options

    def forward(self, pixels: Tensor) -> Tensor:
        """See the class."""
        if self._options.pooling == "own":
            vectors: Tensor = self.network(pixels)
            return vectors
        return _pool(self.network.tokens(pixels, layers=self._options.layers), self._options)


class PatchHead(nn.Module):
    """Pixels (N, 3, height, width) → patch features (N, rows, columns, layers × D)."""

    def __init__(self, network: Network, options: Options) -> None:
        super().__init__()
        _check_layers(network, options)
        self.network, self._layers = network, options.layers

    def forward(self, pixels: Tensor) -> Tensor:
        """See the class."""
        tokens = self.network.tokens(pixels, layers=self._layers)
        return torch.cat([layer.patches for layer in tokens], dim=-1)


def vector_dim(network: Network, options: Options) -> int:
    """Width of what :class:`VectorHead` gives.

    Raises:
        EncoderError: The options ask for more layers than the network has.
    """
    _check_layers(network, options)
    if options.pooling == "own":
        return network.dim
    parts = options.layers + (options.pooling == "cls+mean")
    return network.token_dim * parts


def _check_layers(network: Network, options: Options) -> None:
    if options.layers > network.depth:
        raise EncoderError(
            f"layers={options.layers} is more than the {network.depth} block(s) whose outputs this "
            "network gives."
        )


def _pool(tokens: list[Tokens], options: Options) -> Tensor:
    match options.pooling:
        case "mean":
            parts = [_mean(layer) for layer in tokens]
        case "gem":
            parts = [_generalised_mean(layer) for layer in tokens]
        case "cls+mean":
            # As in the linear evaluations of DINO and DINOv2: every class token, one mean.
            parts = [*(layer.cls for layer in tokens), _mean(tokens[-1])]
        case _:
            parts = [layer.cls for layer in tokens]
    return torch.cat(parts, dim=-1)


def _mean(layer: Tokens) -> Tensor:
    return layer.patches.mean(dim=(1, 2))


def _generalised_mean(layer: Tokens) -> Tensor:
    """Radenović, Tolias and Chum, Fine-tuning CNN image retrieval (2019), eq. 3 with p = 3."""
    clamped = layer.patches.clamp(min=SMALLEST)
    return clamped.pow(GEM_POWER).mean(dim=(1, 2)).pow(1 / GEM_POWER)
