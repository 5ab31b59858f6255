"""Vision transformers of timm: SCAMPI's, DINO's, DINOv2's, DINOv3's, MAE's, and the rest."""

from __future__ import annotations

import copy
import math
from typing import Any, Literal, TypeAlias

import torch
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional

from georetrieve.encoders.networks.base import AttentiveNetwork, Network, Tokens
from georetrieve.encoders.networks.patches import check_whole_patches

__all__ = ["AttentiveTimmVit", "Positions", "TimmVit", "Vector", "resample_positions"]

Positions: TypeAlias = Literal["", "dino", "dinov2", "antialiased", "bicubic"]
Vector: TypeAlias = Literal["", "patch-mean"]


class TimmVit(Network):
    """Any size of image that is whole patches, square or not, through a transformer of timm.

    Args:
        model: Without a classifier, and made for images of any size.
        positions: How its positional embedding is brought to other sizes; see
            :func:`resample_positions`.
        vector: What ``forward`` gives: "" what timm's own does (of SCAMPI, DINO, DINOv2 and DINOv3
            the class token after the last norm), ``patch-mean``: the mean of the patches of the
            last block, its own mean taken off and divided by its standard deviation.
    """

    model: Any  # timm's two classes are alike in what is used of them

    def __init__(
        self,
        model: VisionTransformer | Eva,
        *,
        positions: Positions = "",
        vector: Vector = "",
    ) -> None:
        super().__init__()
        self.model = model
        self.positions, self.vector = positions, vector
        self.dim = self.token_dim = int(model.embed_dim)
        self.side_px = int(model.patch_embed.img_size[0])
        # Where convolutions come first, timm's patch_size is of their map.
        self.patch_px = self.side_px // int(model.patch_embed.grid_size[0])
        self.depth = len(model.blocks)
        self._resampled: dict[tuple[Any, ...], Tensor] = {}

    def forward(self, pixels: Tensor) -> Tensor:
        """See :meth:`Network.forward`."""
        tokens, rope = self._embed(pixels)
        for number in range(self.depth):
            tokens = self._through(number, tokens, rope)
        if self.vector == "patch-mean":
            mean = tokens[:, self.model.num_prefix_tokens :].mean(dim=1)
            return functional.layer_norm(mean, (self.dim,), eps=1e-6)
        return self._pooled(self.model.norm(tokens))

    def tokens(self, pixels: Tensor, *, layers: int = 1) -> list[Tokens]:
        """See :meth:`Network.tokens`; without a class token, what is pooled stands in for it."""
        rows, columns = (side // self.patch_px for side in pixels.shape[-2:])
        tokens, rope = self._embed(pixels)
        outputs: list[Tokens] = []
        for number in range(self.depth):
            tokens = self._through(number, tokens, rope)
            if number >= self.depth - layers:
                normed = self.model.norm(tokens)
                patches = normed[:, self.model.num_prefix_tokens :]
                cls = normed[:, 0] if self.has_class_token else self._pooled(normed)
                outputs.append(Tokens(cls, patches.reshape(-1, rows, columns, self.dim)))
        return outputs

    def check_size(self, side: int) -> None:
        """See :meth:`Network.check_size`."""
        check_whole_patches(side, self.patch_px)

    def settle(self, side: int) -> None:
        """See :meth:`Network.settle`."""
        if isinstance(self.model, VisionTransformer) and self.model.pos_embed is not None:
            self._positions(side // self.patch_px, side // self.patch_px)

    @property
    def has_class_token(self) -> bool:
        """Whether the first token is one."""
        return self.model.cls_token is not None

    def _pooled(self, normed: Tensor) -> Tensor:
        pooled: Tensor = self.model.forward_head(normed)
        return pooled

    def _through(self, number: int, tokens: Tensor, rope: Tensor | None) -> Tensor:
        return _run(self.model.blocks[number], tokens, self._rope_of(number, rope))

    def _rope_of(self, number: int, rope: Tensor | None) -> Tensor | None:
        """Rotary embedding of a block; "mixed" ones have one for each."""
        return rope[number] if rope is not None and self.model.rope_mixed else rope

    def _embed(self, pixels: Tensor) -> tuple[Tensor, Tensor | None]:
        """All tokens with their positions, and the rotary embedding where there is one."""
        grid = self.model.patch_embed(pixels)
        if isinstance(self.model, Eva):
            tokens, rope = self.model._pos_embed(grid)
            return self.model.norm_pre(tokens), rope
        return self.model.norm_pre(self._with_positions(grid)), None

    def _with_positions(self, grid: Tensor) -> Tensor:
        # PyTorch's tracer gives sides as tensors; a trace is for one size.
        count, rows, columns = grid.shape[0], int(grid.shape[1]), int(grid.shape[2])
        model = self.model
        special = (model.cls_token, getattr(model, "dist_token", None), model.reg_token)
        prefix = [token.expand(count, -1, -1) for token in special if token is not None]
        tokens = grid.flatten(1, 2)
        if model.pos_embed is None:
            return torch.cat([*prefix, tokens], dim=1)
        embedding = self._positions(rows, columns)
        if model.no_embed_class:
            return torch.cat([*prefix, tokens + embedding], dim=1)
        return torch.cat([*prefix, tokens], dim=1) + embedding

    def _positions(self, rows: int, columns: int) -> Tensor:
        """The embedding of prefix and patches for a grid; resampled once for each size."""
        embedding: Tensor = self.model.pos_embed
        if (rows, columns) == tuple(self.model.patch_embed.grid_size):
            return embedding
        key = (rows, columns, embedding.device, embedding.dtype)
        if key not in self._resampled:
            native = self.model.patch_embed.grid_size
            special = embedding.shape[1] - math.prod(native)
            with torch.inference_mode(False), torch.no_grad():
                square = embedding[:, special:].float().reshape(1, *native, -1)
                other = resample_positions(square, rows, columns, self.positions).flatten(1, 2)
                prefix = embedding[:, :special]
                self._resampled[key] = torch.cat([prefix, other.to(embedding.dtype)], dim=1)
        return self._resampled[key]


class AttentiveTimmVit(TimmVit, AttentiveNetwork):
    """One with a class token, so that what it attends to can be seen."""

    def attention(self, pixels: Tensor) -> Tensor:
        """See :meth:`AttentiveNetwork.attention`; images one by one, for the matrices are large."""
        rows, columns = (side // self.patch_px for side in pixels.shape[-2:])
        tokens, rope = self._embed(pixels)
        for number in range(self.depth - 1):
            tokens = self._through(number, tokens, rope)
        last, seen = _watched(self.model.blocks[-1])
        for one in torch.split(tokens, 1):
            _run(last, one, self._rope_of(self.depth - 1, rope))
        maps = torch.cat(seen.rows)[:, :, self.model.num_prefix_tokens :]
        return maps.reshape(*maps.shape[:2], rows, columns)


class _Watcher(nn.Module):
    """Stands where attention weights pass, and keeps those of the class token."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Tensor] = []

    def forward(self, weights: Tensor) -> Tensor:
        self.rows.append(weights[:, :, 0])
        return weights


def resample_positions(square: Tensor, rows: int, columns: int, kind: Positions) -> Tensor:
    """Bring a positional embedding to another grid, exactly as the authors of its network do.

    Args:
        square: (1, rows, columns, D), as it was trained.
        rows: Of the new grid.
        columns: Of the new grid.
        kind: ``dino`` and ``dinov2``: bicubic, by a scale that is 0.1 patches too large (their
            guard against rounding; it shifts every value a little). ``antialiased``: to the size,
            antialiased, as DINOv2 with registers. ``bicubic``: to the size, as MAE. "": as timm,
            which is ``antialiased``.

    Returns:
        (1, rows, columns, D).
    """
    planes = square.permute(0, 3, 1, 2)
    if kind in {"dino", "dinov2"}:
        scale = ((rows + 0.1) / square.shape[1], (columns + 0.1) / square.shape[2])
        resampled = functional.interpolate(planes, scale_factor=scale, mode="bicubic")
    else:
        resampled = functional.interpolate(
            planes, size=(rows, columns), mode="bicubic", antialias=kind != "bicubic"
        )
    return resampled.permute(0, 2, 3, 1)


def _run(block: nn.Module, tokens: Tensor, rope: Tensor | None) -> Tensor:
    after: Tensor = block(tokens) if rope is None else block(tokens, rope=rope)
    return after


def _watched(block: nn.Module) -> tuple[nn.Module, _Watcher]:
    """A copy of a block, with the same weights, whose attention is spelled out and watched.

    Whatever a block does to queries and keys (norms, rotary positions) is so done by timm itself.
    """
    watcher = _Watcher()
    attention = _shallow(block.get_submodule("attn"))
    attention.__dict__["fused_attn"] = False
    attention.add_module("attn_drop", watcher)
    copied = _shallow(block)
    copied.add_module("attn", attention)
    return copied, watcher


def _shallow(module: nn.Module) -> nn.Module:
    """A module that shares weights and parts, and whose parts can be replaced."""
    copied = copy.copy(module)
    copied.__dict__["_modules"] = dict(module._modules)
    return copied
