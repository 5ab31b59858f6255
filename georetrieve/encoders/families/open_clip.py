"""Models of OpenCLIP, for images and texts: the catalogue's, and ``open_clip:MODEL/TAG``."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import open_clip

from georetrieve.encoders.catalogue.entry import Entry, RemoteFile
from georetrieve.encoders.catalogue.models import catalogued
from georetrieve.encoders.catalogue.weights_folder import LocalWeights
from georetrieve.encoders.checkpoints import read_checkpoint
from georetrieve.encoders.families.assembly import assemble
from georetrieve.encoders.families.published_models import PublishedModels
from georetrieve.encoders.network_encoder import NetworkEncoder
from georetrieve.encoders.networks.open_clip_models import (
    check_arch,
    make_network,
    make_tokenizer,
    tokenizer_repo,
)
from georetrieve.encoders.options import Options
from georetrieve.encoders.runtime import Runtime
from georetrieve.encoders.transforms import SquareCrop
from georetrieve.errors import EncoderError, did_you_mean

__all__ = ["entry_for", "further", "load_entry", "load_named", "load_spec"]

OPEN = "open_clip:"
# Under either name the same tensors are published; where neither is, they are pickled.
SAFE = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors")
PICKLED = "open_clip_pytorch_model.bin"
CONFIG = "open_clip_config.json"
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
WEIGHTS = (".safetensors", ".bin", ".pt", ".pth")
QUICK = "-quickgelu"


def entry_for(name: str) -> Entry:
    """What is known of a model of the catalogue, or of ``open_clip:MODEL/TAG``.

    Raises:
        EncoderError: OpenCLIP does not know it, or it is of a kind that is not supported.
    """
    if entry := catalogued(name):
        return entry
    model, _, tag = name.removeprefix(OPEN).rpartition("/")
    if not model:
        raise EncoderError(
            f"{name!r} lacks its tag; write open_clip:MODEL/TAG, such as "
            "open_clip:ViT-B-32/laion2b_s34b_b79k."
        )
    config, facts = check_arch(model), open_clip.get_pretrained_cfg(model, tag)
    if not facts:
        tags = open_clip.list_pretrained_tags_by_model(model)
        raise EncoderError(f"Unknown tag {tag!r} of {model}.{did_you_mean(tag, tags)}")
    arch = _as_trained(model, config, facts)
    side = config["vision_cfg"]["image_size"]
    return Entry(
        name=name,
        summary=f"OpenCLIP {model} / {tag}: images and texts",
        family="open_clip",
        arch=arch,
        files=_files(name, arch, facts),
        dim=config["embed_dim"],
        patch_px=config["vision_cfg"].get("patch_size", 0),
        side_px=side,
        transform=_transform(name, side, facts),
        page="https://github.com/mlfoundations/open_clip",
        text=True,
        metric="cosine",
    )


def _as_trained(model: str, config: dict[str, Any], facts: dict[str, Any]) -> str:
    """The architecture with the activation that the weights were trained with."""
    if facts.get("quick_gelu", False) == config.get("quick_gelu", False):
        return model
    other = model.removesuffix(QUICK) if config.get("quick_gelu") else model + QUICK
    check_arch(other)
    return other


def _files(name: str, arch: str, facts: dict[str, Any]) -> tuple[RemoteFile, ...]:
    weights = _weights_file(name, facts)
    # Always there, so that a repository without safetensors is not taken for an empty one.
    beside = weights.sources[0].replace(SAFE[0], CONFIG)
    config = (RemoteFile(name=CONFIG, sources=(beside,)),) if weights.optional else ()
    return (weights, *config, *_tokenizer_files(arch))


def _weights_file(name: str, facts: dict[str, Any]) -> RemoteFile:
    repo, _, file = facts.get("hf_hub", "").rpartition("/")
    if repo and not file:
        sources = tuple(f"hub:{repo}@main/{safe}" for safe in SAFE)
        return RemoteFile(name=SAFE[0], sources=sources, optional=True)
    source = f"hub:{repo}@main/{file}" if repo else facts.get("url", "")
    found = Path(source).name
    if not found.endswith(WEIGHTS):
        raise EncoderError(
            f"The weights of {name} are published in a form that is not supported "
            f"({found or 'none'}); use another tag."
        )
    return RemoteFile(name=found, sources=(source,), sha256=_published_digest(source))


def _published_digest(source: str) -> str:
    """OpenAI puts the digest into the address, OpenCLIP the first digits of it into the name."""
    if "openaipublic" in source:
        return source.split("/")[-2]
    short = re.search(r"-([0-9a-f]{8})\.pt$", source)
    return short[1] if short and "mlfoundations" in source else ""


def _tokenizer_files(arch: str) -> tuple[RemoteFile, ...]:
    repo = tokenizer_repo(arch)
    return tuple(
        RemoteFile(name=name, sources=(f"hub:{repo}@main/{name}",), optional=name != TOKENIZER[0])
        for name in (TOKENIZER if repo else ())
    )


def _transform(name: str, side: object, facts: dict[str, Any]) -> SquareCrop:
    fits = {"shortest": "crop", "squash": "squash"}
    fit = fits.get(facts.get("resize_mode", "shortest"))
    if fit is None or not isinstance(side, int):
        raise EncoderError(f"{name} is not fed with squares, which is not supported.")
    return SquareCrop(
        fit=fit,  # type: ignore[arg-type]
        resize=side,
        crop=side,
        mean=tuple(facts["mean"]),
        std=tuple(facts["std"]),
        resampling=facts.get("interpolation", "bicubic"),
    )


def further(entry: Entry, local: LocalWeights) -> Entry | None:
    """What must be fetched besides: pickled weights where no safetensors file is published."""
    if _weights_of(local) is not None:
        return None
    stem = entry.files[0].sources[0].removesuffix(SAFE[0])
    file = RemoteFile(name=PICKLED, sources=(stem + PICKLED,))
    return replace(entry, files=(file, *entry.files[1:]))


def _weights_of(local: LocalWeights) -> Path | None:
    """The file of weights, of those that were written down with their digests."""
    paths = [path for name, path in local.files.items() if name.endswith(WEIGHTS)]
    return paths[0] if paths else None


def load_entry(
    entry: Entry, weights: LocalWeights, options: Options, *, runtime: Runtime
) -> NetworkEncoder:
    """Load a published encoder from its files, wherever they lie.

    Raises:
        EncoderError: They do not fit exactly, the options are not the network's, or it cannot run
            so.
    """
    path = _weights_of(weights)
    if path is None:
        raise EncoderError(f"There are no weights of {entry.name} in {weights.folder}.")
    _refuse_programs(path)
    network = make_network(entry.arch, read_checkpoint(path), origin=f"{path} for {entry.arch}")
    return assemble(
        network,
        entry,
        weights,
        transform=entry.transform,
        arch=entry.arch,
        options=options,
        runtime=runtime,
        tokenizer=make_tokenizer(entry.arch, weights.folder),
    )


MODELS = PublishedModels(entry_for, further, load_entry)
load_named, load_spec = MODELS.load_named, MODELS.load_spec


def _refuse_programs(path: Path) -> None:
    """Refuse TorchScript: to read its weights, PyTorch would have to load its program."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        if any("/code/" in name for name in archive.namelist()):
            raise EncoderError(
                f"{path} is refused: it is a TorchScript program, as OpenAI published CLIP. Use "
                "the same weights as safetensors, from another repository."
            )
