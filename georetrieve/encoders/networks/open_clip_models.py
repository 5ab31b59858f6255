"""Networks of OpenCLIP by name, from weights and tokenizers on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import open_clip
from open_clip.model import convert_to_custom_text_state_dict
from open_clip.tokenizer import HFTokenizer, SimpleTokenizer
from open_clip.transformer import ResidualAttentionBlock, VisionTransformer
from timm.layers.format import Format
from timm.layers.patch_embed import PatchEmbed
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer as TimmVisionTransformer
from torch import Tensor, nn

from georetrieve.encoders.checkpoints import load_strictly
from georetrieve.encoders.networks.base import Network
from georetrieve.encoders.networks.dual import DualNetwork, Tokenizer
from georetrieve.encoders.networks.open_clip_vision import (
    AttentiveOpenClipTimm,
    AttentiveOpenClipVit,
    OpenClipTimm,
    OpenClipVit,
)
from georetrieve.encoders.networks.timm_cnn import TimmCnn
from georetrieve.encoders.networks.timm_vit import AttentiveTimmVit, TimmVit
from georetrieve.errors import EncoderError, did_you_mean

__all__ = ["check_arch", "make_network", "make_tokenizer", "tokenizer_repo"]


def check_arch(arch: str) -> dict[str, Any]:
    """Return the configuration of an architecture that OpenCLIP knows and that is supported.

    Raises:
        EncoderError: It is unknown, or one of its towers is of a kind that is not supported.
    """
    config: dict[str, Any] | None = open_clip.get_model_config(arch)
    if config is None:
        choices = open_clip.list_models()
        raise EncoderError(f"Unknown model {arch!r} of OpenCLIP.{did_you_mean(arch, choices)}")
    vision, text = config["vision_cfg"], config["text_cfg"]
    unsupported = {
        "a captioning model": "multimodal_cfg" in config,
        "an image tower that pools by attention": bool(vision.get("attentional_pool")),
        "a ResNet for images": isinstance(vision.get("layers"), (list, tuple)),
        "a text tower of transformers": "hf_model_name" in text,
        "a tokenizer that drops words by chance": "reduction_mask" in _tokenizer_facts(text),
    }
    for what, found in unsupported.items():
        if found:
            raise EncoderError(
                f"{arch} has {what}, which is not supported; use another model of OpenCLIP, such "
                "as ViT-B-32 or ViT-B-16-SigLIP2."
            )
    return config


def tokenizer_repo(arch: str) -> str:
    """Repository of the tokenizer's files; "" where it comes with OpenCLIP."""
    text: dict[str, Any] = check_arch(arch)["text_cfg"]
    return str(text.get("hf_tokenizer_name") or "")


def make_network(arch: str, tensors: Mapping[str, Tensor], *, origin: str) -> DualNetwork:
    """Make a network and put weights into it; every one must find its place.

    Args:
        arch: See :func:`check_arch`.
        tensors: Name → tensor, named as OpenCLIP names them.
        origin: What they are, for messages.

    Raises:
        EncoderError: The architecture is not supported, or the weights do not fit exactly.
    """
    config = check_arch(arch)
    config["vision_cfg"]["timm_model_pretrained"] = False
    custom = config.pop("custom_text", False)
    model = (open_clip.CustomTextCLIP if custom else open_clip.CLIP)(**config)
    load_strictly(model, _as_named_now(model, tensors), origin=origin)
    if isinstance(model.visual, VisionTransformer):
        blocks = model.visual.transformer.resblocks
        plain = all(isinstance(block, ResidualAttentionBlock) for block in blocks)
        return (AttentiveOpenClipVit if plain else OpenClipVit)(model)
    images = _trunk(model.visual, arch)
    kind = AttentiveOpenClipTimm if isinstance(images, AttentiveTimmVit) else OpenClipTimm
    # Rotary positions (EVA) are computed for one size when OpenCLIP makes the network.
    any_size = not isinstance(model.visual.trunk, Eva)
    return kind(model, images, dim=int(config["embed_dim"]), any_size=any_size)


def make_tokenizer(arch: str, folder: Path) -> Tokenizer:
    """The tokenizer of an architecture; where it is one of transformers, its files lie in a folder.

    Raises:
        EncoderError: They do not, or are damaged.
    """
    text: dict[str, Any] = check_arch(arch)["text_cfg"]
    facts = {"context_length": text.get("context_length", 77), **_tokenizer_facts(text)}
    if not text.get("hf_tokenizer_name"):
        simple: Tokenizer = SimpleTokenizer(**facts)
        return simple
    if not (folder / "tokenizer.json").is_file():
        raise EncoderError(f"There is no tokenizer.json of {arch} in {folder}; fetch it anew.")
    mode = text.get("tokenizer_mode")
    try:
        published: Tokenizer = HFTokenizer(
            str(folder),
            tokenizer_mode=mode,
            local_files_only=True,
            trust_remote_code=False,
            **facts,
        )
    except Exception as error:
        # The reader of tokenizer.json fails with whatever it meets.
        reason = str(error).strip().partition("\n")[0]
        raise EncoderError(
            f"The tokenizer of {arch} in {folder} cannot be read: {reason}"
        ) from error
    return published


def _as_named_now(model: nn.Module, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names and shapes of older files."""
    named = dict(tensors)
    if "positional_embedding" in named and not hasattr(model, "positional_embedding"):
        named = convert_to_custom_text_state_dict(named)
    for key in ("logit_scale", "logit_bias"):
        like = getattr(model, key, None)
        if key in named and like is not None and named[key].numel() == like.numel():
            named[key] = named[key].reshape(like.shape)
    return named


def _trunk(visual: nn.Module, arch: str) -> Network:
    trunk: Any = visual.trunk
    transformer = isinstance(trunk, TimmVisionTransformer | Eva)
    if not transformer:
        return TimmCnn(trunk, side_px=int(trunk.pretrained_cfg["input_size"][1]))
    projects = trunk.cls_token is None and trunk.num_classes > 0
    if projects or not isinstance(trunk.patch_embed, PatchEmbed):
        raise EncoderError(
            f"{arch} has an image tower without plain patches or tokens, which is not supported; "
            "use another model of OpenCLIP, such as ViT-B-32 or ViT-B-16-SigLIP2."
        )
    # OpenCLIP makes it for one size; these are what timm sets for images of any size.
    trunk.dynamic_img_size = True
    trunk.patch_embed.strict_img_size = False
    trunk.patch_embed.flatten, trunk.patch_embed.output_fmt = False, Format.NHWC
    return (TimmVit if trunk.cls_token is None else AttentiveTimmVit)(trunk)


def _tokenizer_facts(text: Mapping[str, Any]) -> dict[str, Any]:
    """What a configuration says of how texts are cleaned."""
    return dict(text.get("tokenizer_kwargs") or {})
