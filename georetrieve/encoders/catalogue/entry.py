"""What is known of a published encoder before its weights are here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from georetrieve.encoders.transforms import SquareCrop

__all__ = ["Entry", "RemoteFile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """A file of weights, or of what belongs to them.

    Attributes:
        name: Under which it is kept.
        sources: Where it is published, tried in order: ``https://…``, or
            ``hub:OWNER/REPO@REVISION/PATH`` for a file on the Hugging Face hub.
        sha256: Digest, or the first digits of it, where its publisher tells; "" otherwise (it is
            recorded when the file is first fetched, and verified ever after).
        optional: It need not exist.
    """

    name: str
    sources: tuple[str, ...]
    sha256: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A published encoder.

    Attributes:
        name: What a user types.
        summary: One line.
        family: Which loads it; see :data:`georetrieve.encoders.registry.FAMILIES`.
        arch: Architecture in the library the family uses.
        files: The weights first, then what else is needed.
        dim: Width of its own vector.
        patch_px: Side of a patch, pixels.
        side_px: Side of the square it was trained with, pixels.
        transform: What is done to an image first.
        positions: How its positional embedding is brought to other sizes, as its authors do it;
            see :func:`georetrieve.encoders.networks.timm_vit.resample_positions`.
        vector: What its own vector is, where that is not what its library gives: ``patch-mean``,
            see :class:`georetrieve.encoders.networks.timm_vit.TimmVit`.
        megabytes: About how much is downloaded.
        licence: SPDX identifier, or its name.
        licence_url: Where it can be read.
        gated: The licence must be accepted explicitly before the weights are fetched.
        paper: Where the encoder is described.
        page: Where it is published.
        text: It encodes texts too.
        metric: The distance its authors compare vectors with.
    """

    name: str
    summary: str
    family: str
    arch: str
    files: tuple[RemoteFile, ...]
    dim: int
    patch_px: int
    side_px: int
    transform: SquareCrop = field(default_factory=SquareCrop)
    positions: Literal["", "dino", "dinov2", "antialiased", "bicubic"] = ""
    vector: Literal["", "patch-mean"] = ""
    megabytes: int = 0
    licence: str = ""
    licence_url: str = ""
    gated: bool = False
    paper: str = ""
    page: str = ""
    text: bool = False
    metric: Literal["euclidean", "cosine"] = "euclidean"
