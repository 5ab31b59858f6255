"""Networks of OpenCLIP: a vision transformer, or a tower of timm, beside a tower for texts."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from georetrieve.encoders.networks.base import AttentiveNetwork, Network, Tokens
from georetrieve.encoders.networks.dual import AttentiveDualNetwork, DualNetwork
from georetrieve.encoders.networks.patches import check_whole_patches
from georetrieve.encoders.networks.timm_vit import resample_positions
from georetrieve.errors import EncoderError

__all__ = ["AttentiveOpenClipTimm", "AttentiveOpenClipVit", "OpenClipTimm", "OpenClipVit"]


class _OpenClip(DualNetwork):
    """What all have: the tower for texts, and how scores are made.

    Args:
        whole: OpenCLIP's model.
    """

    def __init__(self, whole: nn.Module) -> None:
        super().__init__()
        both: Any = whole
        self.whole = both
        self.logit_scale = float(both.logit_scale.detach().exp())
        self.logit_bias = 0.0 if both.logit_bias is None else float(both.logit_bias.detach())

    def texts(self, tokens: Tensor) -> Tensor:
        """See :meth:`DualNetwork.texts`."""
        vectors: Tensor = self.whole.encode_text(tokens)
        return vectors


class OpenClipVit(_OpenClip):
    """Images of any size through OpenCLIP's vision transformer.

    Tokens are taken after the last norm, before the projection that texts are compared through.
    """

    def __init__(self, whole: nn.Module) -> None:
        super().__init__(whole)
        visual: Any = whole.visual
        self._visual = visual
        self.dim, self.token_dim = int(visual.output_dim), int(visual.transformer.width)
        self.patch_px, self.side_px = int(visual.patch_size[0]), int(visual.image_size[0])
        self.depth = len(visual.transformer.resblocks)
        self._resampled: dict[tuple[Any, ...], Tensor] = {}

    def forward(self, pixels: Tensor) -> Tensor:
        """See :meth:`Network.forward`: what is compared with texts, not normalised."""
        pooled, _ = self._visual._pool(self._visual.transformer(self._embed(pixels)))
        vectors: Tensor = pooled if self._visual.proj is None else pooled @ self._visual.proj
        return vectors

    def tokens(self, pixels: Tensor, *, layers: int = 1) -> list[Tokens]:
        """See :meth:`Network.tokens`."""
        rows, columns = (side // self.patch_px for side in pixels.shape[-2:])
        _, states = self._visual.transformer.forward_intermediates(
            self._embed(pixels), indices=layers
        )
        normed = [self._visual.ln_post(state) for state in states]
        return [
            Tokens(one[:, 0], one[:, 1:].reshape(one.shape[0], rows, columns, one.shape[-1]))
            for one in normed
        ]

    def check_size(self, side: int) -> None:
        """See :meth:`Network.check_size`."""
        check_whole_patches(side, self.patch_px)

    def settle(self, side: int) -> None:
        """See :meth:`Network.settle`."""
        self._positions(side // self.patch_px, side // self.patch_px)

    def _embed(self, pixels: Tensor) -> Tensor:
        """Class token and patches with their positions, ready for the first block."""
        visual = self._visual
        grid = visual.conv1(pixels)
        patches = grid.flatten(2).transpose(1, 2)
        cls = visual.class_embedding.expand(patches.shape[0], 1, -1)
        # PyTorch's tracer gives sides as tensors; a trace is for one size.
        positions = self._positions(int(grid.shape[-2]), int(grid.shape[-1]))
        tokens = torch.cat([cls, patches], dim=1) + positions
        embedded: Tensor = visual.ln_pre(tokens)
        return embedded

    def _positions(self, rows: int, columns: int) -> Tensor:
        """For another grid as OpenCLIP does it when it loads: bicubic, antialiased; once each."""
        embedding: Tensor = self._visual.positional_embedding
        if (rows, columns) == tuple(self._visual.grid_size):
            return embedding
        key = (rows, columns, embedding.device, embedding.dtype)
        if key not in self._resampled:
            with torch.inference_mode(False), torch.no_grad():
                square = embedding[1:].reshape(1, *self._visual.grid_size, -1)
                other = resample_positions(square, rows, columns, "antialiased")
                self._resampled[key] = torch.cat([embedding[:1], other[0].flatten(0, 1)])
        return self._resampled[key]


class AttentiveOpenClipVit(OpenClipVit, AttentiveDualNetwork):
    """One whose attention is PyTorch's, so that it can be seen."""

    def attention(self, pixels: Tensor) -> Tensor:
        """See :meth:`AttentiveNetwork.attention`; images one by one, for the matrices are large."""
        rows, columns = (side // self.patch_px for side in pixels.shape[-2:])
        last: Any = self._visual.transformer.resblocks[-1]
        seen: list[Tensor] = []
        hook = last.ln_1.register_forward_hook(lambda _m, _i, normed: seen.append(normed))
        try:
            self._visual.transformer(self._embed(pixels))
        finally:
            hook.remove()
        maps: list[Tensor] = []
        for number in range(len(pixels)):
            one = seen[0][number : number + 1]
            _, weights = last.attn(one, one, one, need_weights=True, average_attn_weights=False)
            maps.append(weights[:, :, 0, 1:])
        return torch.cat(maps).reshape(len(pixels), -1, rows, columns)


class OpenClipTimm(_OpenClip):
    """Images through a network of timm, and OpenCLIP's projection where it has one: SigLIP.

    Args:
        whole: OpenCLIP's model.
        images: Its trunk of timm.
        dim: Width of what is compared with texts.
        any_size: The trunk takes other sizes than the one it was made for.
    """

    def __init__(
        self, whole: nn.Module, images: Network, *, dim: int, any_size: bool = True
    ) -> None:
        super().__init__(whole)
        self.dim, self._any_size = dim, any_size
        self._images, self._head = images, whole.get_submodule("visual.head")
        self.token_dim, self.depth = images.token_dim, images.depth
        self.patch_px, self.side_px = images.patch_px, images.side_px

    def forward(self, pixels: Tensor) -> Tensor:
        """See :meth:`Network.forward`: what is compared with texts, not normalised."""
        vectors: Tensor = self._head(self._images(pixels))
        return vectors

    def tokens(self, pixels: Tensor, *, layers: int = 1) -> list[Tokens]:
        """See :meth:`Network.tokens`."""
        return self._images.tokens(pixels, layers=layers)

    def check_size(self, side: int) -> None:
        """See :meth:`Network.check_size`."""
        if not self._any_size and side != self.side_px:
            raise EncoderError(f"This network takes images of {self.side_px} px alone, not {side}.")
        self._images.check_size(side)

    def settle(self, side: int) -> None:
        """See :meth:`Network.settle`."""
        self._images.settle(side)


class AttentiveOpenClipTimm(OpenClipTimm, AttentiveDualNetwork):
    """One whose trunk has a class token."""

    _images: AttentiveNetwork

    def attention(self, pixels: Tensor) -> Tensor:
        """See :meth:`AttentiveNetwork.attention`."""
        return self._images.attention(pixels)
