"""Every encoder by its name. A further family is one file and one line here.

A family's module is imported when one of its encoders is loaded, so listing them needs no torch. It
offers two functions::

    load_named(name, options, *, runtime, progress) -> ImageEncoder   what the user asked for
    load_spec(spec, index_dir, *, runtime) -> ImageEncoder            what a column was made with

and, where its weights are published, two more::

    load_entry(entry, weights, options, *, runtime) -> ImageEncoder   from files at hand
    entry_for(name) -> Entry                                          where others' weights are

and a family that sees only in a repository which files hold the weights, another::

    further(entry, weights) -> Entry | None                           what must be fetched besides
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

from georetrieve.encoders.catalogue.entry import Entry
from georetrieve.encoders.catalogue.models import ENTRIES, catalogued
from georetrieve.encoders.catalogue.weights_folder import LocalWeights, WeightsFolder
from georetrieve.encoders.options import Options, split_name
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import EncoderError, SpecMismatchError, did_you_mean
from georetrieve.protocols import ImageEncoder, Progress
from georetrieve.types import EncoderSpec

__all__ = [
    "FAMILIES",
    "Family",
    "families",
    "family_of",
    "find_entry",
    "is_published",
    "load_encoder",
    "load_entry",
    "load_for_spec",
    "pull_weights",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A kind of encoders that one module loads.

    Attributes:
        name: As in :attr:`EncoderSpec.family`.
        summary: What they are, one line.
        module: Imported to load one.
        names: The encoders it has by name, beside those of the catalogue.
        forms: How its other encoders are written, as examples.
        marks: What sets the names of those forms apart: a name that contains one is the family's.
    """

    name: str
    summary: str
    module: str
    names: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()

    def owns(self, name: str) -> bool:
        """Whether an encoder of this name would be this family's to load."""
        return name in self.all_names or any(mark in name for mark in self.marks)

    @property
    def all_names(self) -> tuple[str, ...]:
        """Names of its own, and of the catalogue's entries that it loads."""
        return (*self.names, *(entry.name for entry in ENTRIES if entry.family == self.name))


FAMILIES: tuple[Family, ...] = (
    Family(
        name="bundled",
        summary="Fisher vectors of local colour and gradients; comes with georetrieve, CPU",
        module="georetrieve.encoders.families.bundled",
        names=("bundled",),
    ),
    Family(
        name="open_clip",
        summary="a model of OpenCLIP: images and texts in one space",
        module="georetrieve.encoders.families.open_clip",
        forms=("open_clip:ViT-B-32/laion2b_s34b_b79k",),
        marks=("open_clip:",),
    ),
    Family(
        name="hf",
        summary="a vision model on the Hugging Face hub",
        module="georetrieve.encoders.families.hf",
        forms=("hf:facebook/dinov2-base",),
        marks=("hf:",),
    ),
    Family(
        name="timm",
        summary="a vision transformer or ResNet of timm; published weights, or yours from a file",
        module="georetrieve.encoders.families.timm",
        forms=("timm:vit_small_patch16_224.dino", "vit_small_patch16_224@weights.pth"),
        marks=("timm:", "@"),
    ),
)


def families() -> tuple[Family, ...]:
    """All families, in the order they are asked for a name."""
    return FAMILIES


def family_of(name: str) -> Family:
    """The family that loads an encoder, by its name without options.

    Raises:
        EncoderError: None does; the nearest name is suggested.
    """
    for family in families():
        if family.owns(name):
            return family
    known = [one for family in families() for one in (*family.all_names, *family.forms)]
    raise EncoderError(f"Unknown encoder {name!r}.{did_you_mean(name, known)}")


def find_entry(name: str) -> Entry:
    """What is known of an encoder that is published, by its name without options.

    Args:
        name: Of the catalogue, or an open form (``timm:…``, ``hf:…``, ``open_clip:…``).

    Raises:
        EncoderError: The name is unknown, or its weights are a file of yours or come with
            georetrieve.
    """
    if entry := catalogued(name):
        return entry
    family = family_of(name)
    if not is_published(name):
        raise EncoderError(
            f"The weights of {name} are on this machine already; what can be downloaded has a name "
            "of 'georetrieve encoders list', or begins with timm:, hf: or open_clip:."
        )
    entry_of_name: Entry = _module(family).entry_for(name)
    return entry_of_name


def pull_weights(
    name: str, *, accept_licence: bool = False, progress: Progress | None = None
) -> LocalWeights:
    """Download the weights of an encoder to this machine, so that it loads without a network.

    Args:
        name: As for :func:`find_entry`.
        accept_licence: The user accepts the licence; asked for where it is not a usual one.
        progress: Told of the download, in megabytes.

    Raises:
        EncoderError: The name is unknown, the weights cannot be had, or the licence was not
            accepted explicitly.
    """
    entry, kept = find_entry(name), WeightsFolder.default()
    weights = kept.pull(entry, accept_licence=accept_licence, progress=progress)
    if entry in ENTRIES:  # all their files are known
        return weights
    further = getattr(_module(family_of(name)), "further", None)
    besides = further(entry, weights) if further else None
    return kept.pull(besides, progress=progress) if besides else weights


def is_published(name: str) -> bool:
    """Whether an encoder's weights are published: not a file of yours, nor part of georetrieve."""
    marks = tuple(mark for family in families() for mark in family.marks if mark.endswith(":"))
    return name.startswith(marks) or catalogued(name) is not None


def load_encoder(
    name: str, *, runtime: Runtime | None = None, progress: Progress | None = None
) -> ImageEncoder:
    """Load an encoder by its name; weights that are not here yet are downloaded.

    Args:
        name: Of the catalogue, or an open form (``ARCHITECTURE@FILE``, ``timm:…``, ``hf:…``,
            ``open_clip:…``), with options after commas; see
            :class:`~georetrieve.encoders.options.Options`.
        runtime: Where and how it runs; by default PyTorch in single precision.
        progress: Told of a download.

    Raises:
        EncoderError: The name or an option is unknown, the weights cannot be had or used, or it
            cannot run so.
    """
    base, options = split_name(name)
    module = _module(family_of(base))
    encoder: ImageEncoder = module.load_named(
        base, replace(options, rotations=1), runtime=runtime or Runtime(), progress=progress
    )
    return _turned(encoder) if options.rotations > 1 else encoder


def load_entry(
    entry: Entry,
    weights: LocalWeights,
    *,
    options: Options | None = None,
    runtime: Runtime | None = None,
) -> ImageEncoder:
    """Load an encoder of the catalogue from files at hand, whatever their digests.

    For checks with files of one's own making; a user's encoders come from :func:`load_encoder`.

    Raises:
        EncoderError: The files do not fit exactly, or the encoder cannot run so.
    """
    module = _module(family_of(entry.name))
    encoder: ImageEncoder = module.load_entry(
        entry, weights, options or Options(), runtime=runtime or Runtime()
    )
    return encoder


def load_for_spec(
    spec: EncoderSpec, index_dir: Path, *, runtime: Runtime | None = None
) -> ImageEncoder:
    """Load exactly the encoder that a column of an index was made with.

    Args:
        spec: As the index's manifest has it.
        index_dir: Folder of the index; codebooks it owns lie in its folder ``encoders``.
        runtime: See :func:`load_encoder`.

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
    upright = replace(spec, features={k: v for k, v in spec.features.items() if k != "rotations"})
    module = _module(by_name[spec.family])
    encoder: ImageEncoder = module.load_spec(upright, index_dir, runtime=runtime or Runtime())
    if "rotations" in spec.features:
        encoder = _turned(encoder)
    if encoder.spec.fingerprint != spec.fingerprint:
        raise SpecMismatchError(
            f"{spec.name} no longer gives the vectors of this index: {_differing(spec, encoder)}. "
            "Index the folder anew, or use the version of georetrieve that made the index."
        )
    return encoder


def _module(family: Family) -> ModuleType:
    return importlib.import_module(family.module)


def _turned(encoder: ImageEncoder) -> ImageEncoder:
    from georetrieve.encoders.rotations import robust

    return robust(encoder)


def _differing(spec: EncoderSpec, encoder: ImageEncoder) -> str:
    old, new = spec.to_json(), encoder.spec.to_json()
    cosmetic = ("name", "weights", "metric")
    changed = [key for key in old if old[key] != new[key] and key not in cosmetic]
    return ", ".join(f"{key} was {old[key]!r} and is {new[key]!r}" for key in changed)
