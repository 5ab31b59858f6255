"""Networks of timm: SCAMPI, DINO, DINOv2, MAE, ResNets of the catalogue, and what you trained.

``timm:NAME`` is any vision transformer or convolutional network that timm publishes.
``ARCHITECTURE@FILE`` is a file of yours; of a full DINO checkpoint the teacher is taken, or what is
named: ``vit_small_patch16_224@checkpoint.pth#student``.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import timm
from timm.data.config import resolve_data_config
from timm.models import PretrainedCfg

from georetrieve.encoders.catalogue.entry import Entry, RemoteFile
from georetrieve.encoders.catalogue.models import catalogued
from georetrieve.encoders.catalogue.weights_folder import LocalWeights, WeightsFolder
from georetrieve.encoders.checkpoints import file_sha256, read_checkpoint
from georetrieve.encoders.devices import resolve_device
from georetrieve.encoders.families.assembly import assemble
from georetrieve.encoders.features import vector_dim
from georetrieve.encoders.network_encoder import NetworkEncoder
from georetrieve.encoders.networks.timm_models import (
    TimmNetwork,
    check_arch,
    fill,
    make_network,
    usual_positions,
)
from georetrieve.encoders.options import Options, split_name
from georetrieve.encoders.runtime import Runtime
from georetrieve.encoders.transforms import SquareCrop
from georetrieve.errors import EncoderError
from georetrieve.protocols import Progress
from georetrieve.types import EncoderSpec

__all__ = ["entry_for", "load_entry", "load_named", "load_spec"]

PUBLISHED = "timm:"
PARTS = ("teacher", "student")
DOWNLOADED = "model.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """A network without weights yet, and what is to be taken from it.

    Attributes:
        entry: What it is.
        options: What is asked for.
        network: Whose weights are random so far.
        features: As in :attr:`EncoderSpec.features`, besides pooling and layers.
    """

    entry: Entry
    options: Options
    network: TimmNetwork
    features: dict[str, Any]


def load_named(
    name: str, options: Options, *, runtime: Runtime, progress: Progress | None = None
) -> NetworkEncoder:
    """Load a network of the catalogue, ``timm:NAME``, or ``ARCHITECTURE@FILE``.

    Raises:
        EncoderError: The name is unknown, the weights cannot be had or do not fit exactly, the
            options are not the network's, or it cannot run so.
    """
    if not _is_published(name):
        arch, path, key = _split_file(name)
        entry = _entry_for_file(arch, f"{arch}@{path.name}" + (f"#{key}" if key else ""))
        plan = _plan(entry, options, runtime)
        # Not resolved: a download cache names files by a digest and links to them by their name.
        path = path.expanduser().absolute()
        return _load(plan, _lone(path, source=str(path)), runtime, key=key)
    plan = _plan(entry_for(name), options, runtime)
    local = WeightsFolder.default().obtain(plan.entry, progress=progress)
    return _load(plan, local, runtime)


def load_entry(
    entry: Entry, weights: LocalWeights, options: Options, *, runtime: Runtime
) -> NetworkEncoder:
    """Load a published encoder from its files, wherever they lie.

    Raises:
        EncoderError: They do not fit exactly, the options are not the network's, or it cannot run
            so.
    """
    return _load(_plan(entry, options, runtime), weights, runtime)


def load_spec(spec: EncoderSpec, index_dir: Path, *, runtime: Runtime) -> NetworkEncoder:
    """Load the encoder that a column was made with, from where its weights lie now.

    Weights are looked for where they lay, then in the folder ``encoders`` of the index, then in the
    weights folder; their digest must be the recorded one.

    Raises:
        EncoderError: They are in none of these places, or have changed.
    """
    name, options = split_name(spec.name)
    published = _is_published(name)
    entry = entry_for(name) if published else _entry_for_file(spec.arch, name)
    plan = _plan(entry, replace(options, rotations=1), runtime)
    key = spec.revision if name.endswith(f"#{spec.revision}") else ""
    weights = _lone(_find(spec, index_dir), source=spec.weights, sha256=spec.sha256)
    if published:
        weights = replace(weights, revision=spec.revision)
    return _load(plan, weights, runtime, key=key)


def entry_for(name: str) -> Entry:
    """What is known of a network of the catalogue, or of ``timm:NAME``.

    Raises:
        EncoderError: timm does not know it, publishes no weights for it, or feeds it in a way that
            is not supported.
    """
    if entry := catalogued(name):
        return entry
    arch = name.removeprefix(PUBLISHED)
    check_arch(arch)
    facts = timm.get_pretrained_cfg(arch)
    if facts is None or not facts.hf_hub_id:
        raise EncoderError(
            f"timm publishes no weights for {arch!r}; name an architecture with the tag of its "
            "weights, such as timm:vit_small_patch16_224.dino, or give a file: ARCHITECTURE@FILE."
        )
    arch = f"{facts.architecture}.{facts.tag}" if facts.tag else arch
    network = make_network(arch)
    file = facts.hf_hub_filename or DOWNLOADED
    return Entry(
        name=name,
        summary=f"{arch}, as timm publishes it",
        family="timm",
        arch=arch,
        files=(RemoteFile(name=file, sources=(f"hub:{facts.hf_hub_id}@main/{file}",)),),
        dim=network.dim,
        patch_px=network.patch_px,
        side_px=network.side_px,
        transform=_published_transform(arch, facts),
        positions=usual_positions(arch),
        licence=facts.license or "",
        page=f"https://huggingface.co/{facts.hf_hub_id}",
        paper=facts.origin_url or "",
    )


def _published_transform(arch: str, facts: PretrainedCfg) -> SquareCrop:
    """As timm evaluates the network: ``timm.data.create_transform``."""
    config = resolve_data_config(pretrained_cfg=asdict(facts))  # type: ignore[no-untyped-call]
    fits = {"center": "crop", "squash": "squash"}
    if config["crop_mode"] not in fits or config["interpolation"] not in {"bicubic", "bilinear"}:
        raise EncoderError(
            f"timm feeds {arch} with images fitted by {config['crop_mode']!r} and "
            f"{config['interpolation']!r}, which is not supported."
        )
    crop = config["input_size"][1]
    return SquareCrop(
        fit=fits[config["crop_mode"]],  # type: ignore[arg-type]
        resize=math.floor(crop / config["crop_pct"]),
        crop=crop,
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        resampling=config["interpolation"],
    )


def _is_published(name: str) -> bool:
    return name.startswith(PUBLISHED) or catalogued(name) is not None


def _split_file(name: str) -> tuple[str, Path, str]:
    arch, _, place = name.partition("@")
    path, key = place, ""
    for part in PARTS:
        if place.endswith(f"#{part}"):
            path, key = place.removesuffix(f"#{part}"), part
    if not arch or not path:
        raise EncoderError(
            f"Encoder {name!r} lacks its architecture or its file; write ARCHITECTURE@FILE, such "
            "as vit_small_patch16_224@weights.pth. Random weights are never used."
        )
    return arch, Path(path), key


def _entry_for_file(arch: str, name: str) -> Entry:
    """Fed as SCAMPI is; an architecture with a tag gets the channel statistics of that tag."""
    network = make_network(arch)
    facts = timm.get_pretrained_cfg(arch) if "." in arch else None
    transform = SquareCrop.for_side(network.side_px)
    if facts is not None:
        transform = replace(transform, mean=facts.mean, std=facts.std)
    return Entry(
        name=name,
        summary="weights from a file",
        family="timm",
        arch=arch,
        files=(),
        dim=network.dim,
        patch_px=network.patch_px,
        side_px=network.side_px,
        transform=transform,
        positions=usual_positions(arch),
    )


def _lone(path: Path, *, source: str, sha256: str = "") -> LocalWeights:
    """A file of weights that is in no weights folder; without a digest it is not known yet."""
    files = {path.name: path}
    return LocalWeights(folder=path.parent, files=files, sha256=sha256, revision="", source=source)


def _plan(entry: Entry, options: Options, runtime: Runtime) -> _Plan:
    """Check what can be checked before there are weights, which may be a long download."""
    resolve_device(runtime.device)
    network = make_network(entry.arch, positions=entry.positions, vector=entry.vector)
    transform = entry.transform.changed(size=options.size, fit=options.fit)
    network.check_size(transform.crop)
    vector_dim(network, options)
    features = _features(entry, options, side=transform.crop)
    return _Plan(entry=entry, options=options, network=network, features=features)


def _features(entry: Entry, options: Options, *, side: int) -> dict[str, Any]:
    """What is taken from the network where another encoder of its arch and weights may differ."""
    features: dict[str, Any] = {}
    if options.pooling == "own" and entry.vector:
        features["vector"] = entry.vector
    if entry.positions and side != entry.side_px:
        features["positions"] = entry.positions
    return features


def _load(plan: _Plan, weights: LocalWeights, runtime: Runtime, *, key: str = "") -> NetworkEncoder:
    """Load a file; of a full checkpoint the part ``key`` is asked for, "" for the usual one."""
    entry, network = plan.entry, plan.network
    checkpoint = read_checkpoint(weights.path, checkpoint_key=key)
    origin = f"{weights.path} for {entry.arch}"
    fill(network, entry.arch, checkpoint, origin=origin, own=entry.name.startswith(PUBLISHED))
    known = replace(
        weights,
        sha256=weights.sha256 or file_sha256(weights.path),
        revision=weights.revision or checkpoint.part,
    )
    return assemble(
        network,
        entry,
        known,
        transform=entry.transform,
        arch=entry.arch,
        options=plan.options,
        runtime=runtime,
        features=plan.features,
    )


def _find(spec: EncoderSpec, index_dir: Path) -> Path:
    """The file with the recorded digest."""
    places = [Path(spec.weights), index_dir / "encoders" / Path(spec.weights).name]
    found = [path for path in places if path.is_file()]
    for path in found:
        if file_sha256(path) == spec.sha256:
            return path
    if kept := WeightsFolder.default().find_sha256(spec.sha256):
        return kept.path
    name = split_name(spec.name)[0]
    pull = f", or fetch it with: georetrieve encoders pull {name}" if _is_published(name) else ""
    remedy = (
        f"Put the file with SHA-256 {spec.sha256[:12]}… there, or copy it to {places[1]}{pull}."
    )
    if found:
        raise EncoderError(
            f"{found[0]} is not the file the vectors of {spec.name} were made with: its content "
            f"has changed. {remedy}"
        )
    raise EncoderError(f"The weights of {spec.name} are no longer at {spec.weights}. {remedy}")
