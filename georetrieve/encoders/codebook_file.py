"""Codebooks on disk: one safetensors file of tensors, with what they are as JSON beside them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from georetrieve.encoders.codebook import Codebook
from georetrieve.errors import EncoderError

__all__ = ["ByteAxes", "digest", "pack", "quantise", "read_codebooks", "write_codebooks"]

FORMAT = "georetrieve-bundled-1"
FACTS = "georetrieve"
PARTS = ("centre", "projection", "weights", "means", "variances")
AXES = ("axes.bytes", "axes.steps")


@dataclass(frozen=True, slots=True)
class ByteAxes:
    """A projection in bytes: a quarter of the size, and the same neighbours.

    Attributes:
        values: (F, D) int8.
        steps: (D,) float32, what a byte's step of each axis is worth.
    """

    values: Tensor
    steps: Tensor

    def floats(self) -> Tensor:
        """(F, D) float32."""
        return self.values.float() * self.steps


def quantise(axes: Tensor) -> ByteAxes:
    """Round (F, D) float axes to 255 steps each."""
    steps = axes.abs().amax(dim=0) / 127
    return ByteAxes((axes / steps).round().to(torch.int8), steps)


def pack(books: Mapping[str, Codebook], axes: ByteAxes) -> dict[str, Tensor]:
    """Name every tensor: ``colour.means``, ..., ``axes.bytes``, ``axes.steps``."""
    tensors = {
        f"{kind}.{part}": getattr(book, part).contiguous()
        for kind, book in books.items()
        for part in PARTS
    }
    return {**tensors, AXES[0]: axes.values.contiguous(), AXES[1]: axes.steps.contiguous()}


def digest(tensors: Mapping[str, Tensor]) -> str:
    """Hex SHA-256 over names, shapes and bytes, in the order of the names."""
    hashed = hashlib.sha256()
    for name in sorted(tensors):
        hashed.update(f"{name} {tuple(tensors[name].shape)} ".encode())
        hashed.update(tensors[name].numpy().tobytes())
    return hashed.hexdigest()


def write_codebooks(
    path: Path, books: Mapping[str, Codebook], axes: ByteAxes, facts: Mapping[str, Any]
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
) -> tuple[dict[str, Codebook], ByteAxes, dict[str, Any]]:
    """Read what :func:`write_codebooks` wrote.

    Args:
        path: The file.
        widths: Names of the codebooks it must hold, and no others, with the width of the
            descriptors each is for.

    Returns:
        The codebooks, the projection of their joined Fisher vectors, and the facts.

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
    wanted = {f"{kind}.{part}" for kind in widths for part in PARTS} | set(AXES)
    if set(tensors) != wanted:
        differing = ", ".join(sorted(set(tensors) ^ wanted))
        raise EncoderError(
            f"The codebook {path} lacks tensors, or has some too many: {differing}. Fit it anew."
        )
    books = {kind: Codebook(*(tensors[f"{kind}.{part}"] for part in PARTS)) for kind in widths}
    fault = _fault(books, tensors, widths)
    if fault:
        raise EncoderError(f"The codebook {path} does not fit together: {fault}. Fit it anew.")
    return books, ByteAxes(*(tensors[name] for name in AXES)), facts


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
    axes, steps = (tensors[name] for name in AXES)
    joined = sum(book.dim for book in books.values())
    if axes.shape != (joined, steps.numel()):
        return f"axes are of shape {tuple(axes.shape)}, Fisher vectors {joined} numbers wide"
    return ""
