"""Codebooks on disk: one safetensors file of tensors, with what they are as JSON beside them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from georetrieve.encoders.codebook import Codebook
from georetrieve.errors import EncoderError

__all__ = ["digest", "pack", "read_codebooks", "write_codebooks"]

FORMAT = "georetrieve-bundled-1"
FACTS = "georetrieve"
PARTS = ("centre", "projection", "weights", "means", "variances")
AXES = "axes"


def pack(books: Mapping[str, Codebook], axes: Tensor) -> dict[str, Tensor]:
    """Name every tensor: ``colour.means``, ..., ``axes``."""
    tensors = {
        f"{kind}.{part}": getattr(book, part).contiguous()
        for kind, book in books.items()
        for part in PARTS
    }
    return {**tensors, AXES: axes.contiguous()}


def digest(tensors: Mapping[str, Tensor]) -> str:
    """Hex SHA-256 over names, shapes and bytes, in the order of the names."""
    hashed = hashlib.sha256()
    for name in sorted(tensors):
        hashed.update(f"{name} {tuple(tensors[name].shape)} ".encode())
        hashed.update(tensors[name].numpy().tobytes())
    return hashed.hexdigest()


def write_codebooks(
    path: Path, books: Mapping[str, Codebook], axes: Tensor, facts: Mapping[str, Any]
) -> None:
    """Write codebooks, projection and JSON-able facts.

    Raises:
        EncoderError: The file cannot be written.
    """
    text = json.dumps({"format": FORMAT, **facts}, sort_keys=True)
    try:
        path.write_bytes(save(pack(books, axes), metadata={FACTS: text}))
    except OSError as error:
        raise EncoderError(
            f"The codebook {path} cannot be written ({error.strerror}); choose another place."
        ) from error


def read_codebooks(
    path: Path, widths: Mapping[str, int]
) -> tuple[dict[str, Codebook], Tensor, dict[str, Any]]:
    """Read what :func:`write_codebooks` wrote.

    Args:
        path: The file.
        widths: Names of the codebooks it must hold, and no others, with the width of the
            descriptors each is for.

    Returns:
        The codebooks, the (sum of the Fisher vectors' widths, D) projection, and the facts.

    Raises:
        EncoderError: The file is missing, damaged, of another version, or does not fit together.
    """
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {}).get(FACTS, "{}"))
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise EncoderError(
            f"The codebook {path} cannot be read ({reason}); bring it back from a copy, or fit it "
            "anew."
        ) from error
    if facts.get("format") != FORMAT:
        raise EncoderError(
            f"{path} is no codebook of this version's bundled encoder (its format is "
            f"{facts.get('format')!r} and not {FORMAT!r}); fit it anew."
        )
    wanted = {f"{kind}.{part}" for kind in widths for part in PARTS} | {AXES}
    if set(tensors) != wanted:
        differing = ", ".join(sorted(set(tensors) ^ wanted))
        raise EncoderError(
            f"The codebook {path} lacks tensors, or has some too many: {differing}. Fit it anew."
        )
    books = {kind: Codebook(*(tensors[f"{kind}.{part}"] for part in PARTS)) for kind in widths}
    fault = _fault(books, tensors, widths)
    if fault:
        raise EncoderError(f"The codebook {path} does not fit together: {fault}. Fit it anew.")
    return books, tensors[AXES], facts


def _fault(
    books: Mapping[str, Codebook], tensors: Mapping[str, Tensor], widths: Mapping[str, int]
) -> str:
    """What is wrong with shapes or values, "" when nothing is."""
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            return f"{name} holds values that are not finite"
    for kind, book in books.items():
        local, count = widths[kind], book.weights.numel()
        width = book.projection.numel() // local
        shapes = tuple(tuple(getattr(book, part).shape) for part in PARTS)
        if shapes != ((local,), (local, width), (count,), (count, width), (count, width)):
            return f"the shapes of {kind} are {shapes}, and the descriptors {local} numbers wide"
    axes, joined = tensors[AXES], sum(book.dim for book in books.values())
    if axes.ndim != 2 or axes.shape[0] != joined:
        return f"axes are of shape {tuple(axes.shape)}, Fisher vectors {joined} numbers wide"
    return ""
