"""What both sides of a comparison of Hummingbird are given: drawn thin sections, and an encoder."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from georetrieve.benchmarks.hummingbird_reference import Scene
from georetrieve.encoders.network_encoder import NetworkEncoder
from georetrieve.encoders.networks.base import Network, Tokens
from georetrieve.encoders.runtime import Runtime
from georetrieve.encoders.transforms import SquareCrop
from georetrieve.sources.masks.classes import VOID
from georetrieve.sources.synthetic.thin_section import draw_section
from georetrieve.types import EncoderSpec

__all__ = ["ROCK", "drawn_scene", "random_encoder"]

ROCK, SIDE_PX, PATCH_PX, PATCH_DIM = "sandstone", 224, 16, 64
VOID_ROWS = SIDE_PX // 5
LESS_BRIGHTNESS = 0.95


class _Convolution(Network):
    """One convolution of random weights, whose every patch is a token.

    It sees texture rather than brightness: by that most patches would be so much alike that
    rounding chose the last of their neighbours, which is no one's mistake.
    """

    dim = token_dim = PATCH_DIM
    patch_px, side_px, depth = PATCH_PX, SIDE_PX, 1

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self._layer = nn.Conv2d(3, PATCH_DIM, PATCH_PX, PATCH_PX, bias=False)
        kernels = self._layer.weight.detach()
        kernels.normal_(generator=torch.Generator().manual_seed(seed))
        kernels -= LESS_BRIGHTNESS * kernels.mean(dim=(2, 3), keepdim=True)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.tokens(pixels)[0].cls

    def tokens(self, pixels: Tensor, *, layers: int = 1) -> list[Tokens]:
        patches: Tensor = self._layer(pixels).permute(0, 2, 3, 1)
        return [Tokens(patches.mean(dim=(1, 2)), patches)]

    def check_size(self, side: int) -> None:
        """Any whole patches will do."""


def random_encoder() -> NetworkEncoder:
    """One convolution of random weights, the same every time."""
    transform = SquareCrop(resize=SIDE_PX, crop=SIDE_PX)
    spec = EncoderSpec(
        name="random-convolution",
        family="random",
        weights="drawn",
        sha256="",
        dim=PATCH_DIM,
        transform=transform.to_json(),
        patch_size=PATCH_PX,
    )
    return NetworkEncoder(_Convolution(), transform, spec, runtime=Runtime(device="cpu"))


def drawn_scene(seed: int) -> Scene:
    """A thin section whose uppermost rows nobody labelled."""
    section = draw_section(ROCK, np.random.default_rng(seed), (SIDE_PX, SIDE_PX))
    labels = section.minerals.astype(np.int64)
    labels[:VOID_ROWS] = VOID
    return Scene(section.ppl, labels)
