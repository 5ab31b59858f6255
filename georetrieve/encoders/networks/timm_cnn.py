"""Convolutional networks of timm: ResNets of DINO and ImageNet, and the rest."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from georetrieve.encoders.networks.base import Network, Tokens
from georetrieve.encoders.networks.patches import check_whole_patches
from georetrieve.errors import EncoderError

__all__ = ["TimmCnn"]


class TimmCnn(Network):
    """A network whose last map gives the patches, and what timm pools of it the vector.

    It has no class token; the mean of the map stands in for it, which of a ResNet is the vector.

    Args:
        model: Without a classifier; ``forward_features`` gives (N, C, rows, columns).
        side_px: Side of the square it was trained with, pixels.
        any_size: It takes other sizes too.

    Raises:
        EncoderError: It gives no such map.
    """

    model: Any  # timm's networks have no common class
    depth = 1

    def __init__(self, model: nn.Module, *, side_px: int, any_size: bool = True) -> None:
        super().__init__()
        self.model = model
        self.side_px, self._any_size = side_px, any_size
        with torch.inference_mode():
            device = next(model.parameters()).device
            features = self.model.eval().forward_features(
                torch.empty(1, 3, side_px, side_px, device=device)
            )
            if not _is_map(features, model):
                raise EncoderError(
                    f"{type(model).__name__} is neither a vision transformer nor a convolutional "
                    "network whose last features are a map; use another, such as "
                    "vit_small_patch16_224 or resnet50."
                )
            self.dim = int(self.model.forward_head(features).shape[-1])
        self.token_dim = int(features.shape[1])
        self.patch_px = side_px // int(features.shape[-1])

    def forward(self, pixels: Tensor) -> Tensor:
        """See :meth:`Network.forward`."""
        vectors: Tensor = self.model(pixels)
        return vectors

    def tokens(self, pixels: Tensor, *, layers: int = 1) -> list[Tokens]:
        """See :meth:`Network.tokens`; there is one layer."""
        del layers  # checked against depth by the caller
        features = self.model.forward_features(pixels)
        return [Tokens(features.mean(dim=(2, 3)), features.permute(0, 2, 3, 1))]

    def check_size(self, side: int) -> None:
        """See :meth:`Network.check_size`."""
        if not self._any_size and side != self.side_px:
            raise EncoderError(f"This network takes images of {self.side_px} px alone, not {side}.")
        check_whole_patches(side, self.patch_px)


def _is_map(features: object, model: nn.Module) -> bool:
    """(1, C, S, S), channels first, with the width that timm states."""
    return (
        isinstance(features, Tensor)
        and features.ndim == 4
        and features.shape[1] == model.num_features
        and features.shape[2] == features.shape[3]
    )
