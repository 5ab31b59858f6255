"""Networks of transformers from their published files: configuration, weights, tokenizer.

Only what this module names is made, from the classes of transformers itself: no code of a
repository runs, nothing is unpickled, nothing is fetched.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor

from georetrieve.encoders.networks.base import Network
from georetrieve.encoders.networks.dual import Tokenizer
from georetrieve.encoders.networks.hf_vision import (
    HfCnn,
    HfDual,
    HfDualWithClassToken,
    HfMaskedAutoencoder,
    HfVitWithClassToken,
)
from georetrieve.errors import EncoderError

__all__ = ["Kind", "kind_of", "make_network", "make_tokenizer"]

TROUBLES = ("missing", "unexpected", "mismatched")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of network that is supported.

    Attributes:
        arch: Its class in transformers, without a head.
        wrap: Makes a :class:`Network` of it.
        left_out: What the names begin with of published tensors that no vector depends on: heads
            for classes, decoders, and numbers of positions that old files hold.
        arguments: With which the class is made.
        changes: What is set otherwise than in the configuration.
        text: It has a tower for texts.
    """

    arch: str
    wrap: Callable[[Any], Network]
    left_out: tuple[str, ...] = ("classifier.",)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)
    text: bool = False


def _dino(model: transformers.PreTrainedModel) -> Network:
    registers = getattr(model.config, "num_register_tokens", 0)
    norm = model.get_submodule("norm" if hasattr(model, "norm") else "layernorm")
    return HfVitWithClassToken(model, norm=norm, prefix=1 + registers, resizes=False)


KINDS = {
    "clip": Kind(
        arch="CLIPModel",
        wrap=HfDualWithClassToken,
        left_out=("text_model.embeddings.position_ids", "vision_model.embeddings.position_ids"),
        text=True,
    ),
    "convnext": Kind(arch="ConvNextModel", wrap=lambda model: HfCnn(model, norm=model.layernorm)),
    "dinov2": Kind(arch="Dinov2Model", wrap=_dino),
    "dinov2_with_registers": Kind(arch="Dinov2WithRegistersModel", wrap=_dino),
    "dinov3_vit": Kind(arch="DINOv3ViTModel", wrap=_dino),
    "resnet": Kind(arch="ResNetModel", wrap=HfCnn),
    "siglip": Kind(
        arch="SiglipModel",
        wrap=HfDual,
        left_out=("text_model.embeddings.position_ids", "vision_model.embeddings.position_ids"),
        text=True,
    ),
    "vit": Kind(
        arch="ViTModel",
        wrap=lambda model: HfVitWithClassToken(model, norm=model.layernorm, prefix=1),
        left_out=("classifier.", "pooler.", "vit.pooler."),
        arguments={"add_pooling_layer": False},
    ),
    "vit_mae": Kind(
        arch="ViTMAEModel",
        wrap=lambda model: HfMaskedAutoencoder(model, norm=model.layernorm, prefix=1),
        left_out=("decoder.",),
        changes={"mask_ratio": 0.0},
    ),
}


def kind_of(config: Mapping[str, Any], *, origin: str) -> Kind:
    """The kind that a ``config.json`` describes.

    Raises:
        EncoderError: It is none that is supported, or its weights are quantised.
    """
    kind = KINDS.get(str(config.get("model_type", "")))
    if kind is None:
        known = ", ".join(sorted(KINDS))
        raise EncoderError(
            f"{origin} is of type {config.get('model_type')!r}, which is not supported; supported "
            f"are {known}. Code that comes with a model is never run."
        )
    if "quantization_config" in config:
        raise EncoderError(f"{origin} is quantised; use the weights it was made from.")
    return kind


def make_network(
    config: Mapping[str, Any], tensors: Mapping[str, Tensor], *, origin: str
) -> Network:
    """Make a network and put published weights into it; every one must find its place.

    Args:
        config: What ``config.json`` says.
        tensors: Name → tensor, named as published; transformers knows older names.
        origin: What they are, for messages.

    Raises:
        EncoderError: The kind is not supported; a tensor is missing, left over, of another shape
            or not finite.
    """
    kind = kind_of(config, origin=origin)
    given = {key: t for key, t in tensors.items() if not key.startswith(kind.left_out)}
    _check_values(given, origin)
    facts = {key: value for key, value in config.items() if key not in {"auto_map", "dtype"}}
    arch = getattr(transformers, kind.arch)
    with _silence():
        try:
            made = arch.config_class.from_dict({**facts, **kind.changes})
            model, found = arch.from_pretrained(
                None,
                config=made,
                state_dict=given,
                dtype=torch.float32,
                output_loading_info=True,
                local_files_only=True,
                **kind.arguments,
            )
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise EncoderError(f"{origin} does not fit its config.json: {reason}") from error
    _check_report(found, origin)
    return kind.wrap(model.eval())


def make_tokenizer(folder: Path, network: Network, *, origin: str) -> Tokenizer:
    """The tokenizer whose files lie in a folder.

    Raises:
        EncoderError: They do not, or are damaged.
    """
    model: Any = network.get_submodule("whole")
    length = int(model.config.text_config.max_position_embeddings)
    with _silence():
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise EncoderError(
                f"The tokenizer of {origin} cannot be read from {folder}: {reason}"
            ) from error

    def tokenize(texts: list[str]) -> Tensor:
        # To full length always: SigLIP was trained so, and CLIP does not mind.
        tokens = tokenizer(
            texts, padding="max_length", truncation=True, max_length=length, return_tensors="pt"
        )
        numbers: Tensor = tokens["input_ids"]
        return numbers

    return tokenize


def _check_values(tensors: Mapping[str, Tensor], origin: str) -> None:
    broken = [
        key
        for key, tensor in tensors.items()
        if tensor.ndim and not (tensor.is_floating_point() and torch.isfinite(tensor).all())
    ]
    if broken:
        raise EncoderError(
            f"{origin} holds values that are not finite floating-point numbers ({_few(broken)}); "
            "the files are damaged or quantised, use the original weights."
        )


def _check_report(found: Mapping[str, Any], origin: str) -> None:
    troubles = {what: sorted(map(_name, found[f"{what}_keys"])) for what in TROUBLES}
    said = [f"{len(keys)} keys {what} ({_few(keys)})" for what, keys in troubles.items() if keys]
    said += [str(error).strip().partition("\n")[0] for error in found.get("error_msgs", ())]
    if said:
        raise EncoderError(
            f"{origin} does not fit its config.json: {'; '.join(said)}. Fetch both anew."
        )


def _name(key: str | tuple[object, ...]) -> str:
    """A key, of which transformers may give the shapes too."""
    return key if isinstance(key, str) else str(key[0])


def _few(keys: list[str]) -> str:
    return ", ".join(keys[:3]) + (", …" if len(keys) > 3 else "")


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Let transformers say nothing while it loads: what matters is checked and said here."""
    talk: Any = transformers.utils.logging
    before, bars = talk.get_verbosity(), talk.is_progress_bar_enabled()
    talk.set_verbosity(logging.CRITICAL)
    talk.disable_progress_bar()
    try:
        yield
    finally:
        talk.set_verbosity(before)
        if bars:
            talk.enable_progress_bar()
