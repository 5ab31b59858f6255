"""What is taken from a network, as a part of an encoder's name.

``dinov2-vits14,pooling=cls+mean,layers=4`` is the encoder ``dinov2-vits14`` with two options. They
change what the vectors mean, so they are in the name, and with it in the index.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from georetrieve.errors import EncoderError, did_you_mean

__all__ = [
    "Fit",
    "Options",
    "Pooling",
    "canonical_name",
    "index_name",
    "split_name",
    "with_checkpoint_key",
]

Pooling: TypeAlias = Literal["own", "cls", "mean", "cls+mean", "gem"]
Fit: TypeAlias = Literal["own", "squash", "crop"]
VIEWS = (1, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is taken from a network.

    Attributes:
        pooling: How the tokens of an image become one vector: ``own`` (what the network's authors
            use), ``cls`` (class token), ``mean`` (of the patches), ``cls+mean`` (both, one after
            the other), ``gem`` (generalised mean of the patches, p = 3; Radenović et al. 2019).
        layers: Outputs of the last so many blocks, each after the last norm, one after the other
            (DINO's linear evaluation takes 4); with ``cls+mean`` the mean is the last block's.
        size: Side of the square the network sees, pixels; 0: what it was trained with.
        fit: How an image becomes a square: ``squash`` (aspect not kept, all in view) or ``crop``
            (the centre of the shorter side); ``own``: the catalogue's choice.
        rotations: 8: the mean over the quarter turns and their mirror images.
    """

    pooling: Pooling = "own"
    layers: int = 1
    size: int = 0
    fit: Fit = "own"
    rotations: int = 1

    def __post_init__(self) -> None:
        _one_of("pooling", self.pooling, get_args(Pooling))
        _one_of("fit", self.fit, get_args(Fit))
        _one_of("rotations", self.rotations, VIEWS)
        if self.layers < 1:
            raise EncoderError(f"layers={self.layers} is too few; 1 is the last block alone.")
        if self.size < 0:
            raise EncoderError(f"size={self.size} is no number of pixels; 224 is usual.")
        if self.layers > 1 and self.pooling == "own":
            raise EncoderError(
                "layers needs a pooling beside it: cls, mean, cls+mean or gem, such as "
                f"pooling=cls,layers={self.layers}."
            )

    @property
    def suffix(self) -> str:
        """``,pooling=gem,size=448``: the options that are not the default, "" without any."""
        return "".join(
            f",{field.name}={getattr(self, field.name)}"
            for field in fields(self)
            if getattr(self, field.name) != field.default
        )


def split_name(name: str) -> tuple[str, Options]:
    """Take the options off the end of an encoder's name.

    Raises:
        EncoderError: An option is unknown, given twice or has no such value.
    """
    base, given = name, dict[str, str]()
    while match := re.fullmatch(r"(.+),([A-Za-z_-]+)=([^,=]*)", base, re.DOTALL):
        base, key, value = match.groups()
        known = [field.name for field in fields(Options)]
        if key not in known:
            raise EncoderError(
                f"Unknown option {key!r} of encoder {name!r}; there are {', '.join(known)}."
                f"{did_you_mean(key, known)}"
            )
        if key in given:
            raise EncoderError(f"Encoder {name!r} has the option {key!r} twice.")
        given[key] = value
    values: dict[str, Any] = dict(given)
    for key in given.keys() - {"pooling", "fit"}:
        if not given[key].isdecimal():
            raise EncoderError(f"{key}={given[key]!r} of encoder {name!r} is not a whole number.")
        values[key] = int(given[key])
    return base, Options(**values)


def canonical_name(name: str) -> str:
    """The name with its options in their order, those that are the default left out.

    Raises:
        EncoderError: See :func:`split_name`.
    """
    base, options = split_name(name)
    return base + options.suffix


def index_name(name: str) -> str:
    """What an index calls an encoder: its canonical name, of a checkpoint without the folder.

    Raises:
        EncoderError: See :func:`split_name`.
    """
    base, options = split_name(name)
    arch, mark, file = base.partition("@")
    return (f"{arch}@{Path(file).name}" if mark else arch) + options.suffix


def with_checkpoint_key(name: str, key: str) -> str:
    """``ARCH@FILE`` → ``ARCH@FILE#key``: which part of a full checkpoint is taken.

    Raises:
        EncoderError: The encoder is no file.
    """
    base, options = split_name(name)
    if "@" not in base:
        raise EncoderError(
            f"A checkpoint key ({key!r}) goes with a file, such as "
            f"vit_small_patch16_224@checkpoint.pth; {base!r} is none."
        )
    return f"{base}#{key}{options.suffix}"


def _one_of(what: str, value: object, known: tuple[object, ...]) -> None:
    if value not in known:
        choices = ", ".join(map(str, known))
        hint = did_you_mean(str(value), [str(one) for one in known])
        raise EncoderError(f"Unknown {what} {value!r}; use {choices}.{hint}")
