"""Checkpoint files: read without running anything, matched to a network without forgiving anything.

A pickle can run any program when it is opened, so files are read as safetensors or with PyTorch's
restricted unpickler, never otherwise. A key that is missing or left over means that the file
belongs to another network; its vectors would be noise, so it is an error.
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import re
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from georetrieve.errors import EncoderError

__all__ = ["Checkpoint", "file_sha256", "load_strictly", "read_checkpoint"]

SUFFIXES = (".pth", ".pt", ".safetensors", ".bin")
NETWORKS = ("teacher", "student")
WRAPPERS = ("state_dict", "model")
PREFIXES = ("module.", "backbone.")
CLASSIFIER = frozenset({"head.weight", "head.bias"})
# How many batches a norm has seen: of no use but to training, and older files lack it.
COUNTED = ".num_batches_tracked"
# The projection heads that DINO (Caron et al. 2021) and DINOv2 (Oquab et al. 2023) train with; only
# full checkpoints have them.
PROJECTION = ("head.mlp.", "head.last_layer.", "dino_head.", "ibot_head.")
NAMED_KEYS = 3


class Checkpoint(dict[str, Tensor]):
    """A state dict, and the part of the file it came from.

    Attributes:
        part: ``teacher`` or ``student`` of a full DINO checkpoint, else "".
    """

    def __init__(self, tensors: Mapping[str, Tensor], part: str = "") -> None:
        super().__init__(tensors)
        self.part = part


def file_sha256(path: Path) -> str:
    """Hex digest of a file, read in pieces.

    Raises:
        EncoderError: The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise EncoderError(_unreadable(path, error)) from error


def read_checkpoint(path: Path, *, checkpoint_key: str = "") -> Checkpoint:
    """Read the state dict of a backbone from a file of PyTorch or a ``.safetensors`` file.

    Taken as they are: plain state dicts, those under ``state_dict`` or ``model``, and full DINO
    checkpoints (``teacher`` and ``student``), whose projection head is left out. The prefixes
    ``module.`` and ``backbone.`` that wrappers add are taken off.

    Args:
        path: The file.
        checkpoint_key: ``teacher`` or ``student`` of a full checkpoint; "" takes the teacher if the
            file has one.

    Raises:
        EncoderError: The file is missing, damaged, no checkpoint, would run code when unpickled, or
            lacks the part asked for.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise EncoderError(
            f"{path} is not a checkpoint by its name; weights end in {', '.join(SUFFIXES)}."
        )
    if not path.is_file():
        raise EncoderError(f"There are no weights at {path}: no such file. Give its full path.")
    payload = _read(path)
    tensors, part = _choose(payload, path, checkpoint_key)
    stripped = _strip(tensors, path)
    if part:
        stripped = {key: t for key, t in stripped.items() if not key.startswith(PROJECTION)}
    return Checkpoint(stripped, part)


def load_strictly(
    model: nn.Module,
    checkpoint: Mapping[str, Tensor],
    *,
    origin: str,
    classifier: Collection[str] = CLASSIFIER,
) -> None:
    """Put every tensor of a checkpoint into a network without classifier; both must match.

    Only a classifier is left out where the network has none, and how many batches a norm has seen
    may lack. The tensors replace the network's, so it may have been made on the ``meta`` device.

    Args:
        model: The network.
        checkpoint: Name → tensor.
        origin: What the weights are, for the message: "weights.pth for vit_small_patch16_224".
        classifier: Names of the classifier's tensors.

    Raises:
        EncoderError: A key is missing, left over or of another shape, or a value is not finite.
    """
    wanted = model.state_dict()
    given = {key: torch.tensor(0) for key in wanted if key.endswith(COUNTED)}
    given |= {k: t for k, t in checkpoint.items() if k in wanted or k not in classifier}
    missing = [key for key in wanted if key not in given]
    left_over = [key for key in given if key not in wanted]
    reshaped = [
        f"{key} {tuple(given[key].shape)} instead of {tuple(wanted[key].shape)}"
        for key in wanted
        if key in given and given[key].shape != wanted[key].shape
    ]
    troubles = [("missing", missing), ("left over", left_over), ("of another shape", reshaped)]
    found = [f"{len(keys)} keys {what} ({_few(keys)})" for what, keys in troubles if keys]
    if found:
        raise EncoderError(
            f"{origin} does not fit: {'; '.join(found)}. Name the architecture these weights were "
            "made with."
        )
    broken = [
        key
        for key, tensor in given.items()
        if tensor.is_floating_point() != wanted[key].is_floating_point()
        or not torch.isfinite(tensor).all()
    ]
    if broken:
        raise EncoderError(
            f"{origin} holds values that are not finite floating-point numbers ({_few(broken)}); "
            "the file is damaged or quantised, use the original weights."
        )
    model.load_state_dict(given, strict=True, assign=True)
    model.float()


def _read(path: Path) -> object:
    try:
        if path.suffix.lower() == ".safetensors":
            return load_file(path)
        with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
            # PyTorch wonders aloud about unusual files; what comes of them is checked below.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        # An invalid argument is PyTorch's, which looks for something before or behind the file.
        damaged = error.errno in {None, errno.EINVAL}
        raise EncoderError((_refusal if damaged else _unreadable)(path, error)) from error
    except SafetensorError as error:
        raise EncoderError(f"{path} is damaged or no safetensors file ({error}).") from error
    except Exception as error:
        # Damaged pickles make the restricted unpickler fail in any way there is.
        raise EncoderError(_refusal(path, error)) from error


def _refusal(path: Path, error: Exception) -> str:
    match = re.search(r"GLOBAL (\S+)", str(error))
    if match:
        return (
            f"{path} is refused: it wants to run or build {match[1]}, and weights are only "
            "numbers. Save the model's state_dict() with torch.save or as safetensors."
        )
    return (
        f"{path} is refused: it is damaged, or no checkpoint of tensors ({type(error).__name__}). "
        "Copy it again, or save the model's state_dict() with torch.save."
    )


def _choose(payload: object, path: Path, asked: str) -> tuple[dict[Any, Any], str]:
    if not isinstance(payload, dict):
        raise EncoderError(
            f"{path} holds a {type(payload).__name__}, not a state dict; save model.state_dict()."
        )
    if asked and not isinstance(payload.get(asked), dict):
        raise EncoderError(
            f"{path} has no part {asked!r}; it has {_few([str(key) for key in payload])}."
        )
    for key in (asked,) if asked else NETWORKS:
        if isinstance(payload.get(key), dict):
            return payload[key], key
    for key in WRAPPERS:
        if isinstance(payload.get(key), dict):
            return payload[key], ""
    return payload, ""


def _strip(tensors: Mapping[Any, Any], path: Path) -> dict[str, Tensor]:
    stripped: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if not isinstance(name, str) or not _is_dense(tensor):
            raise EncoderError(
                f"{path} is no state dict: its entry {str(name)!r} is a {type(tensor).__name__}, "
                "not a dense tensor under a name; save model.state_dict()."
            )
        key = name
        for prefix in PREFIXES:
            key = key.removeprefix(prefix)
        if key in stripped:
            raise EncoderError(f"{path} holds {key!r} twice, with and without a wrapper's prefix.")
        stripped[key] = tensor
    if not stripped:
        raise EncoderError(f"{path} holds no tensor; save model.state_dict().")
    return stripped


def _is_dense(value: object) -> bool:
    return isinstance(value, Tensor) and value.layout is torch.strided and not value.is_quantized


def _few(keys: list[str]) -> str:
    shown = ", ".join(keys[:NAMED_KEYS])
    return f"{shown}, …" if len(keys) > NAMED_KEYS else shown


def _unreadable(path: Path, error: OSError) -> str:
    return f"{path} cannot be read: {error.strerror or error}."
