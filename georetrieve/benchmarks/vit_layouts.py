"""How published vision transformers are laid out in their files: names and shapes, nothing else.

Written from the networks as their authors publish them, not from what georetrieve makes of them, so
that a file with random values in this layout puts the loading to the test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["DINOV2_GRID", "DINO_GRID", "ViTLayout", "vit_layout"]

DEPTHS = {192: 12, 384: 12, 768: 12, 1024: 24, 1536: 40}  # blocks by width: tiny to giant
DINO_PX = 224
DINO_GRID = {16: DINO_PX // 16, 8: DINO_PX // 8}
DINOV2_GRID = 37  # 518 px in patches of 14: the last stage of its training
GIANT_WIDTH = 1536


@dataclass(frozen=True, slots=True, kw_only=True)
class ViTLayout:
    """A vision transformer's file.

    Attributes:
        width: Of a token.
        depth: Number of blocks.
        patch_px: Side of a patch, pixels.
        grid: Patches along a side of what it was trained with.
        registers: Number of register tokens (Darcet et al. 2024).
        scaled: Whether residual branches are scaled, as in DINOv2 (LayerScale).
        masked: Whether the token that stood for hidden patches in training is in the file.
        gated: Whether the perceptrons are SwiGLU ones, as in DINOv2's giant.
    """

    width: int
    depth: int
    patch_px: int
    grid: int
    registers: int = 0
    scaled: bool = False
    masked: bool = False
    gated: bool = False

    def like(self) -> dict[str, Tensor]:
        """Tensors without memory, by the names in the file."""
        return {name: torch.empty(shape, device="meta") for name, shape in self._shapes()}

    def _shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        width = self.width
        yield "cls_token", (1, 1, width)
        yield "pos_embed", (1, self.grid**2 + 1, width)
        if self.registers:
            yield "register_tokens", (1, self.registers, width)
        if self.masked:
            yield "mask_token", (1, width)
        yield "patch_embed.proj.weight", (width, 3, self.patch_px, self.patch_px)
        yield "patch_embed.proj.bias", (width,)
        for index in range(self.depth):
            for name, shape in self._block():
                yield f"blocks.{index}.{name}", shape
        yield from _affine("norm", width)

    def _block(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        width = self.width
        yield from _affine("norm1", width)
        yield from _linear("attn.qkv", width, 3 * width)
        yield from _linear("attn.proj", width, width)
        if self.scaled:
            yield "ls1.gamma", (width,)
        yield from _affine("norm2", width)
        if self.gated:
            # Two thirds of the usual four widths, to the next multiple of 8, for value and gate.
            hidden = (4 * width * 2 // 3 + 7) // 8 * 8
            yield from _linear("mlp.w12", width, 2 * hidden)
            yield from _linear("mlp.w3", hidden, width)
        else:
            yield from _linear("mlp.fc1", width, 4 * width)
            yield from _linear("mlp.fc2", 4 * width, width)
        if self.scaled:
            yield "ls2.gamma", (width,)


def vit_layout(width: int, patch_px: int, *, registers: int = 0) -> ViTLayout:
    """Layout of DINO (patches of 16 or 8), SCAMPI and MAE (16), or DINOv2 (14)."""
    if patch_px in DINO_GRID:
        return ViTLayout(
            width=width, depth=DEPTHS[width], patch_px=patch_px, grid=DINO_GRID[patch_px]
        )
    return ViTLayout(
        width=width,
        depth=DEPTHS[width],
        patch_px=patch_px,
        grid=DINOV2_GRID,
        registers=registers,
        scaled=True,
        masked=True,
        gated=width == GIANT_WIDTH,
    )


def _linear(name: str, inputs: int, outputs: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (outputs, inputs)
    yield f"{name}.bias", (outputs,)


def _affine(name: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (width,)
    yield f"{name}.bias", (width,)
