"""How each publisher writes its weights down, and whose code they are compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn

from georetrieve.benchmarks.clones import CLONES, Clone
from georetrieve.benchmarks.library_references import OpenClip, dinov2_classifier, dinov3
from georetrieve.benchmarks.references import Dino, DinoV2, Mae, Reference, TorchvisionResNet
from georetrieve.benchmarks.seeded import seeded_state
from georetrieve.benchmarks.vit_layouts import ViTLayout, vit_layout
from georetrieve.encoders.catalogue.entry import Entry
from georetrieve.encoders.catalogue.ledger import FileFacts, Ledger, joint_sha256, sha256_of
from georetrieve.encoders.catalogue.weights_folder import LocalWeights, WeightsFolder
from georetrieve.errors import EncoderError

__all__ = [
    "Publisher",
    "at_hand",
    "dinov2_name",
    "layout_of",
    "publisher_of",
    "write_seeded_entry",
    "write_seeded_files",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Who publishes weights.

    Attributes:
        mark: Part of the address of the weights, or the family that loads them.
        make: Makes the network of their code; of a clone, from its folder.
        clone: Where that code is; None: in a library of this environment.
    """

    mark: str
    make: Callable[[Entry, Path], Reference]
    clone: Clone | None = None


def _torchvision(entry: Entry, folder: Path) -> Reference:
    model: nn.Module = getattr(torchvision.models, entry.arch)()
    if "/dino/" in entry.files[0].sources[0]:
        model.fc = nn.Identity()  # DINO publishes the backbone alone
    return TorchvisionResNet(f"torchvision {torchvision.__version__}", model)


def dinov2_name(entry: Entry) -> str:
    """``dinov2_vits14_reg4_pretrain.pth`` is ``dinov2_vits14_reg`` of their hub."""
    return entry.files[0].name.removesuffix("_pretrain.pth").replace("_reg4", "_reg")


# The first whose mark is found.
PUBLISHERS = (
    Publisher(
        mark="hub:IverMartinsen/",
        make=lambda entry, folder: Dino.from_clone(
            folder, entry.dim, entry.patch_px, clone="scampi"
        ),
        clone=CLONES["scampi"],
    ),
    Publisher(mark="fbaipublicfiles.com/dino/dino_resnet", make=_torchvision),
    Publisher(
        mark="fbaipublicfiles.com/dino/",
        make=lambda entry, folder: Dino.from_clone(folder, entry.dim, entry.patch_px),
        clone=CLONES["dino"],
    ),
    Publisher(
        mark="fbaipublicfiles.com/dinov2/",
        make=lambda entry, folder: DinoV2.from_clone(folder, dinov2_name(entry)),
        clone=CLONES["dinov2"],
    ),
    Publisher(
        mark="fbaipublicfiles.com/mae/",
        make=lambda entry, folder: Mae(folder),
        clone=CLONES["mae"],
    ),
    Publisher(mark="download.pytorch.org/models/", make=_torchvision),
    Publisher(mark="hub:facebook/dinov3-", make=lambda entry, folder: dinov3(entry.dim)),
    Publisher(
        mark="hub:facebook/dinov2-base-imagenet1k", make=lambda entry, folder: dinov2_classifier()
    ),
    Publisher(mark="open_clip", make=lambda entry, folder: OpenClip(entry.arch)),
)


def publisher_of(entry: Entry) -> Publisher:
    """Who publishes the weights of an entry.

    Raises:
        EncoderError: It is not written down here.
    """
    for publisher in PUBLISHERS:
        if publisher.mark in entry.files[0].sources[0] or publisher.mark == entry.family:
            return publisher
    raise EncoderError(
        f"How the weights of {entry.name} are published is not known to the benchmarks; write it "
        f"down in {__name__}."
    )


def layout_of(entry: Entry) -> ViTLayout:
    """Names and shapes in the file of a vision transformer that a clone's code publishes."""
    registers = 4 if entry.files[0].name.endswith("_reg4_pretrain.pth") else 0
    return vit_layout(entry.dim, entry.patch_px, registers=registers)


def write_seeded_files(entry: Entry, folder: Path, *, seed: int = 0) -> None:
    """Write random weights of an entry of the catalogue, as they are published, without a clone.

    Raises:
        EncoderError: How they are published is not written down.
    """
    folder.mkdir(parents=True, exist_ok=True)
    publisher = publisher_of(entry)
    if publisher.clone is None:
        network = publisher.make(entry, folder)
        if seed:
            network.fill(seed=seed)
        network.save(entry, folder)
        return
    payload: dict[str, Any] = dict(seeded_state(layout_of(entry).like(), seed=seed))
    if publisher.clone is CLONES["mae"]:
        payload = {"model": payload}
    torch.save(payload, folder / entry.files[0].name)


def write_seeded_entry(entry: Entry, weights: WeightsFolder, *, seed: int = 0) -> LocalWeights:
    """Put random weights where those of an entry would be, as if they had been pulled.

    Every command then runs with the entry's name, and what it finds means nothing.

    Raises:
        EncoderError: The catalogue knows the digest of the entry's files, so no others pass.
    """
    if any(file.sha256 for file in entry.files):
        raise EncoderError(
            f"Random weights cannot stand in for those of {entry.name}: the catalogue knows their "
            "digest. Use another encoder, such as dino-vits16, or ARCHITECTURE@FILE."
        )
    folder = weights.folder(entry.name)
    write_seeded_files(entry, folder, seed=seed)
    ledger = Ledger(name=entry.name, files=_facts(entry, folder), licence=entry.licence)
    ledger.write(folder)
    return at_hand(entry, folder)


def at_hand(entry: Entry, folder: Path) -> LocalWeights:
    """The files of an entry that lie in a folder, whatever their digests."""
    facts = _facts(entry, folder)
    return LocalWeights(
        folder=folder,
        files={name: folder / name for name in facts},
        sha256=joint_sha256(facts),
        revision="",
        source=entry.files[0].sources[0],
    )


def _facts(entry: Entry, folder: Path) -> dict[str, FileFacts]:
    facts: dict[str, FileFacts] = {}
    for file in entry.files:
        path = folder / file.name
        if path.is_file():
            stat = path.stat()
            facts[file.name] = FileFacts(
                sha256=sha256_of(path),
                size=stat.st_size,
                mtime_ns=stat.st_mtime_ns,
                source=file.sources[0],
            )
    return facts
