"""Networks of timm by name: made without memory for weights, which can only come from a file."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, TypeAlias

import timm
import torch
from timm.models import is_model_in_modules, model_entrypoint
from timm.models._manipulate import reinit_non_persistent_buffers
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from georetrieve.encoders.checkpoints import load_strictly
from georetrieve.encoders.networks.timm_cnn import TimmCnn
from georetrieve.encoders.networks.timm_vit import AttentiveTimmVit, Positions, TimmVit, Vector
from georetrieve.encoders.published import named_as_in_timm
from georetrieve.errors import EncoderError, did_you_mean

__all__ = ["TimmNetwork", "check_arch", "fill", "make_network", "usual_positions"]

TimmNetwork: TypeAlias = TimmVit | TimmCnn
TRANSFORMERS = ("vision_transformer", "vision_transformer_hybrid", "deit", "eva")
# The architectures of DINO's and SCAMPI's files, which interpolate positions in DINO's way.
DINO_ARCHS = tuple(f"vit_{size}_patch{px}_224" for size in ("small", "base") for px in (16, 8))


def check_arch(arch: str) -> None:
    """Accept an architecture that timm knows, with or without the tag of its weights.

    Raises:
        EncoderError: timm does not know it; the nearest name is suggested.
    """
    base, _, tag = arch.partition(".")
    if not timm.is_model(base):
        choices = timm.list_models(module="vision_transformer") + timm.list_models(module="resnet")
        raise EncoderError(f"Unknown architecture {arch!r}.{did_you_mean(base, choices)}")
    if tag and not timm.is_model_pretrained(arch):
        tags = [name.partition(".")[2] for name in timm.list_pretrained(f"{base}.*")]
        raise EncoderError(f"Unknown tag {tag!r} of {base}.{did_you_mean(tag, tags)}")


def usual_positions(arch: str) -> Positions:
    """How positions are interpolated by those whose weights an architecture is usually given."""
    base, _, tag = arch.partition(".")
    if "dinov2" in base:
        return "antialiased" if "_reg" in base else "dinov2"
    if tag == "mae":
        return "bicubic"
    return "dino" if base in DINO_ARCHS and tag in {"", "dino"} else ""


def make_network(arch: str, *, positions: Positions = "", vector: Vector = "") -> TimmNetwork:
    """Make a network on PyTorch's ``meta`` device; :func:`fill` gives it weights.

    Args:
        arch: See :func:`check_arch`.
        positions: See :func:`~georetrieve.encoders.networks.timm_vit.resample_positions`.
        vector: See :class:`~georetrieve.encoders.networks.timm_vit.TimmVit`.

    Raises:
        EncoderError: timm does not know the architecture, or it is of a kind that is not supported.
    """
    check_arch(arch)
    facts: dict[str, Any] = {}
    if is_model_in_modules(arch, TRANSFORMERS):
        facts["dynamic_img_size"] = True
    model: Any
    with torch.device("meta"):
        model = timm.create_model(arch, pretrained=False, num_classes=0, **facts)
    side_px = _square_side(model, arch)
    if isinstance(model, VisionTransformer | Eva):
        kind = TimmVit if model.cls_token is None else AttentiveTimmVit
        return kind(model, positions=positions, vector=vector)
    return TimmCnn(model, side_px=side_px, any_size=not model.pretrained_cfg["fixed_input_size"])


def fill(
    network: TimmNetwork,
    arch: str,
    checkpoint: Mapping[str, Tensor],
    *,
    origin: str,
    own: bool = False,
) -> None:
    """Put published weights into a network that :func:`make_network` made; they must fit exactly.

    Args:
        network: On the ``meta`` device.
        arch: Its architecture.
        checkpoint: Name → tensor, named as timm or as the authors name them.
        origin: For the message.
        own: timm publishes it: what timm renames in its files is renamed.

    Raises:
        EncoderError: See :func:`~georetrieve.encoders.checkpoints.load_strictly`.
    """
    model = network.model
    tensors = named_as_in_timm(checkpoint, model.state_dict())
    if own:
        module = sys.modules[model_entrypoint(arch.partition(".")[0]).__module__]
        rename = getattr(module, "checkpoint_filter_fn", None)
        tensors = rename(tensors, model) if rename else tensors
    heads = model.pretrained_cfg.get("classifier") or ()
    heads = {"head", *((heads,) if isinstance(heads, str) else heads)}
    names = {f"{head}.{part}" for head in heads for part in ("weight", "bias")}
    load_strictly(model, tensors, origin=origin, classifier=names)
    _fill_constants(model, arch)


def _fill_constants(model: nn.Module, arch: str) -> None:
    """Compute what no file holds (such as the frequencies of rotary positions)."""
    for module in model.modules():
        for name, buffer in module.named_buffers(recurse=False):
            if buffer.is_meta:
                nothing = torch.full(buffer.shape, torch.nan, device="cpu")
                module.register_buffer(name, nothing.to(buffer.dtype), persistent=False)
    reinit_non_persistent_buffers(model)
    if not all(torch.isfinite(buffer).all() for buffer in model.buffers()):
        raise EncoderError(f"{arch} has values that no checkpoint holds; it is not supported.")


def _square_side(model: nn.Module, arch: str) -> int:
    size = getattr(getattr(model, "patch_embed", None), "img_size", None)
    if size is None:
        size = getattr(model, "pretrained_cfg")["input_size"][1:]  # noqa: B009 - timm sets it
    height, width = size
    if height != width:
        raise EncoderError(f"{arch} takes {height}×{width} pixels; only squares are supported.")
    return int(height)
