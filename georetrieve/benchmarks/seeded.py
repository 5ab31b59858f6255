"""Random weights that behave like trained ones, for trying things without a network.

Speed and exactness do not depend on what a network has learned. What an encoder with such weights
finds means nothing, so whatever uses them has to say so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import timm
import torch
from torch import Tensor

__all__ = ["RANDOM_WEIGHTS", "seeded_state", "write_seeded_checkpoint"]

RANDOM_WEIGHTS = "RANDOM WEIGHTS: speed and exactness can be measured, what is found means nothing"

NOISE = 0.1  # of biases, and of scales around their mean
TOKEN = 0.5  # of class tokens and positions, large enough that an error in either shows
LAYER_SCALE = 0.3
# The last scale of a residual branch: without trained statistics a deep ResNet grows by its blocks.
BRANCH_SCALE = 0.2
LOGIT_SCALE = math.log(1 / 0.07)

TOKENS = ("token", "pos", "embed", "latent", "probe")
LAYER_SCALES = ("gamma", "lambda1", "layer_scale")


def seeded_state(like: Mapping[str, Tensor], *, seed: int = 0) -> dict[str, Tensor]:
    """Random values for a state dict: neither vanishing nor growing over 40 blocks.

    Args:
        like: Tensors of the shapes wanted; those of a model on PyTorch's ``meta`` device will do.
        seed: The same seed and shapes give the same values.
    """
    rng = torch.Generator().manual_seed(seed)
    return {key: _values(key, tensor, rng) for key, tensor in like.items()}


def write_seeded_checkpoint(
    folder: Path, arch: str = "vit_small_patch16_224", *, seed: int = 0
) -> Path:
    """Save random weights of a timm architecture without its classifier; return the file.

    It loads as ``ARCH@FILE``.
    """
    with torch.device("meta"):
        model = timm.create_model(arch, pretrained=False, num_classes=0)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{arch}-random-{seed}.pth"
    torch.save(seeded_state(model.state_dict(), seed=seed), path)
    return path


def _values(key: str, like: Tensor, rng: torch.Generator) -> Tensor:
    leaf = key.rpartition(".")[2]
    if not like.is_floating_point():
        return torch.zeros(like.shape, dtype=like.dtype)
    noise = torch.randn(like.shape, generator=rng)
    if leaf == "running_var":
        return 1 + NOISE * noise.abs()
    if like.ndim == 0:
        return torch.tensor(LOGIT_SCALE)
    if leaf.endswith("weight"):
        return _weight(key, noise)
    if any(part in leaf for part in LAYER_SCALES):
        return LAYER_SCALE * (1 + NOISE * noise)
    if any(part in leaf for part in TOKENS):
        return TOKEN * noise
    # What is left in two dimensions are projections, written (inputs, outputs); others are biases.
    return noise / math.sqrt(len(noise)) if like.ndim == 2 else NOISE * noise


def _weight(key: str, noise: Tensor) -> Tensor:
    if noise.ndim == 1:
        scale = BRANCH_SCALE if ".bn3." in key else 1.0
        return scale * (1 + NOISE * noise)
    inputs = math.prod(noise.shape[1:])
    gain = 2.0 if noise.ndim == 4 else 1.0  # half of a convolution's inputs are cut by a ReLU
    return noise * math.sqrt(gain / inputs)
