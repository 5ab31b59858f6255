"""The names that tensors are published under, brought to those of timm.

Every key is accounted for: what is left out is left out by name, and what this module does not know
stays, so that strict loading refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping

from torch import Tensor

__all__ = ["named_as_in_timm"]

# Written when training; vectors do not depend on them.
TRAINING_ONLY = ("mask_token",)
# DINOv2 cuts its blocks into chunks when it trains on many machines: chunk, block, the rest.
CHUNKED = re.compile(r"blocks\.\d+\.(\d+)\.(.+)")
SWIGLU = re.compile(r"(blocks\.\d+\.mlp)\.(w12|w3)\.(weight|bias)")
LAYERS = {"w12": "fc1", "w3": "fc2"}


def named_as_in_timm(checkpoint: Mapping[str, Tensor], wanted: Container[str]) -> dict[str, Tensor]:
    """Rename the tensors of DINOv2 where timm has other names; others stay as they are.

    Registers are ``register_tokens`` at their authors and ``reg_token`` in timm, where the position
    of the class token is already added to it. The halves of SwiGLU are ``w12`` and ``w3``, or
    ``fc1`` and ``fc2``. The mask that training puts in place of patches is left out.

    Args:
        checkpoint: Name → tensor.
        wanted: The names of the network; what it has under its published name is not renamed.
    """
    named: dict[str, Tensor] = {}
    for key, tensor in checkpoint.items():
        if key in TRAINING_ONLY and key not in wanted:
            continue
        named[key if key in wanted else _in_timm(key)] = tensor
    if "register_tokens" in named and "reg_token" in wanted:
        named["reg_token"] = named.pop("register_tokens")
        if {"cls_token", "pos_embed"} <= named.keys():
            cls, patches = named["pos_embed"][:, :1], named["pos_embed"][:, 1:]
            named["cls_token"], named["pos_embed"] = named["cls_token"] + cls, patches
    return named


def _in_timm(key: str) -> str:
    if chunked := CHUNKED.fullmatch(key):
        key = f"blocks.{chunked[1]}.{chunked[2]}"
    if gate := SWIGLU.fullmatch(key):
        key = f"{gate[1]}.{LAYERS[gate[2]]}.{gate[3]}"
    return key
