"""Every encoder by its name. A further family is one file and one line here.

A family's module is imported when one of its encoders is loaded, so listing them needs no torch. It
offers two functions::

    load_named(name, *, device) -> ImageEncoder             what the user asked for
    load_spec(spec, index_dir, *, device) -> ImageEncoder   what a column was made with
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

from georetrieve.errors import EncoderError, SpecMismatchError, did_you_mean
from georetrieve.protocols import ImageEncoder
from georetrieve.types import EncoderSpec

__all__ = ["FAMILIES", "Family", "families", "load_encoder", "load_for_spec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A kind of encoders that one module loads.

    Attributes:
        name: As in :attr:`EncoderSpec.family`.
        summary: What they are, one line.
        module: Imported to load one.
        names: The encoders it has by name.
        form: How its other encoders are written, as an example; "" when it has none.
        mark: What sets the names of that form apart: a name that contains it is the family's.
    """

    name: str
    summary: str
    module: str
    names: tuple[str, ...] = ()
    form: str = ""
    mark: str = ""

    def owns(self, name: str) -> bool:
        """Whether an encoder of this name would be this family's to load."""
        return name in self.names or bool(self.mark and self.mark in name)


FAMILIES: tuple[Family, ...] = (
    Family(
        name="bundled",
        summary="Fisher vectors of local colour and gradients; comes with georetrieve, CPU",
        module="georetrieve.encoders.bundled_family",
        names=("bundled",),
    ),
    Family(
        name="timm",
        summary="a vision transformer of timm with weights from a file (SCAMPI, DINO, your own)",
        module="georetrieve.encoders.vit",
        form="vit_small_patch16_224@weights.pth",
        mark="@",
    ),
)


def families() -> tuple[Family, ...]:
    """All families, in the order they are asked for a name."""
    return FAMILIES


def load_encoder(name: str, *, device: str = "auto") -> ImageEncoder:
    """Load an encoder by its name.

    Args:
        name: ``bundled``, or ``ARCHITECTURE@FILE``.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:INDEX`` or ``mps``.

    Raises:
        EncoderError: The name is unknown, the weights cannot be used, or the device is not there.
    """
    for family in families():
        if family.owns(name):
            encoder: ImageEncoder = importlib.import_module(family.module).load_named(
                name, device=device
            )
            return encoder
    known = [choice for family in families() for choice in (*family.names, family.form) if choice]
    raise EncoderError(f"Unknown encoder {name!r}.{did_you_mean(name, known)}")


def load_for_spec(spec: EncoderSpec, index_dir: Path, *, device: str = "auto") -> ImageEncoder:
    """Load exactly the encoder that a column of an index was made with.

    Args:
        spec: As the index's manifest has it.
        index_dir: Folder of the index; codebooks it owns lie in its folder ``encoders``.
        device: See :func:`load_encoder`.

    Raises:
        EncoderError: The family is unknown, or the weights have moved or changed.
        SpecMismatchError: What was found encodes otherwise than the column was encoded.
    """
    by_name = {family.name: family for family in families()}
    if spec.family not in by_name:
        raise EncoderError(
            f"The index was made with {spec.name}, of the encoder family {spec.family!r}, which "
            f"this version of georetrieve does not have.{did_you_mean(spec.family, by_name)}"
        )
    module = importlib.import_module(by_name[spec.family].module)
    encoder: ImageEncoder = module.load_spec(spec, index_dir, device=device)
    if encoder.spec.fingerprint != spec.fingerprint:
        raise SpecMismatchError(
            f"{spec.name} no longer gives the vectors of this index: {_differing(spec, encoder)}. "
            "Index the folder anew, or use the version of georetrieve that made the index."
        )
    return encoder


def _differing(spec: EncoderSpec, encoder: ImageEncoder) -> str:
    old, new = spec.to_json(), encoder.spec.to_json()
    cosmetic = ("name", "weights", "metric")
    changed = [key for key in old if old[key] != new[key] and key not in cosmetic]
    return ", ".join(f"{key} was {old[key]!r} and is {new[key]!r}" for key in changed)
