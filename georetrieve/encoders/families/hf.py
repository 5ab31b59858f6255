"""Networks of transformers: DINOv3 and others of the catalogue, and ``hf:OWNER/REPO``.

Vectors are what their authors compare: the class token after the last norm (DINOv2, DINOv3, ViT,
MAE), what is compared with texts (CLIP, SigLIP), what is pooled (ResNet, ConvNeXt). A classifier
that comes with the weights is left out; DINOv2's sees what ``pooling=cls+mean`` gives.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from georetrieve.encoders.catalogue.entry import Entry, RemoteFile
from georetrieve.encoders.catalogue.models import catalogued
from georetrieve.encoders.catalogue.weights_folder import LocalWeights
from georetrieve.encoders.checkpoints import read_checkpoint
from georetrieve.encoders.families.assembly import assemble
from georetrieve.encoders.families.hf_images import read_transform
from georetrieve.encoders.families.published_models import PublishedModels
from georetrieve.encoders.network_encoder import NetworkEncoder
from georetrieve.encoders.networks.hf_models import kind_of, make_network, make_tokenizer
from georetrieve.encoders.options import Options
from georetrieve.encoders.runtime import Runtime
from georetrieve.encoders.transforms import SquareCrop
from georetrieve.errors import EncoderError

__all__ = ["entry_for", "further", "load_entry", "load_named", "load_spec"]

OPEN = "hf:"
CONFIG = "config.json"
WHOLE, PARTS, PICKLED = "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"
BESIDE = (
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.json",
    "merges.txt",
    "spiece.model",
)


def entry_for(name: str) -> Entry:
    """What is known of a network of the catalogue, or of ``hf:OWNER/REPO``, before it is fetched.

    Raises:
        EncoderError: The name is not written so.
    """
    if entry := catalogued(name):
        return entry
    match = re.fullmatch(r"hf:([\w.-]+/[\w.-]+)(?:@([\w.-]+))?", name)
    if match is None:
        raise EncoderError(
            f"{name!r} names no repository; write hf:OWNER/REPO, such as hf:facebook/dinov2-base, "
            "with @REVISION after it if you want a certain one."
        )
    repo, revision = match[1], match[2] or "main"
    needed = (_remote(repo, revision, WHOLE, optional=True), _remote(repo, revision, CONFIG))
    beside = (PARTS, *BESIDE)
    return Entry(
        name=name,
        summary=f"{repo} on the Hugging Face hub",
        family="hf",
        arch="",
        files=(*needed, *(_remote(repo, revision, file, optional=True) for file in beside)),
        dim=0,
        patch_px=0,
        side_px=0,
        page=f"https://huggingface.co/{repo}",
    )


def _remote(repo: str, revision: str, file: str, *, optional: bool = False) -> RemoteFile:
    return RemoteFile(name=file, sources=(f"hub:{repo}@{revision}/{file}",), optional=optional)


def further(entry: Entry, local: LocalWeights) -> Entry | None:
    """What must be fetched besides, as only the files that are there tell; None: nothing.

    Raises:
        EncoderError: The list of the parts is damaged.
    """
    if not entry.name.startswith(OPEN) or WHOLE in local.files:
        return None
    config = next(file for file in entry.files if file.name == CONFIG)
    stem = config.sources[0].removesuffix(CONFIG)
    files = tuple(RemoteFile(name=name, sources=(stem + name,)) for name in _weight_names(local))
    return replace(entry, files=(*files, *(file for file in entry.files if file.name != WHOLE)))


def _weight_names(local: LocalWeights) -> list[str]:
    if WHOLE in local.files:
        return [WHOLE]
    return _part_names(local.files[PARTS]) if PARTS in local.files else [PICKLED]


def _part_names(index: Path) -> list[str]:
    parts = _read_json(index).get("weight_map")
    names = sorted({str(name) for name in parts.values()}) if isinstance(parts, dict) else []
    if not names or any(Path(name).name != name for name in names):
        raise EncoderError(f"{index} does not say which files hold the weights.")
    return names


def load_entry(
    entry: Entry, weights: LocalWeights, options: Options, *, runtime: Runtime
) -> NetworkEncoder:
    """Load a published encoder from its files, wherever they lie.

    Raises:
        EncoderError: They do not fit exactly, the options are not the network's, or it cannot run
            so.
    """
    folder = weights.folder
    config = _read_json(folder / CONFIG)
    kind = kind_of(config, origin=entry.name)
    tensors: dict[str, Tensor] = {}
    for name in _weight_names(weights):
        tensors |= read_checkpoint(folder / name)
    network = make_network(config, tensors, origin=f"{entry.name} in {folder}")
    return assemble(
        network,
        entry,
        weights,
        transform=_transform(entry, weights),
        arch=config["model_type"],
        options=options,
        runtime=runtime,
        tokenizer=make_tokenizer(folder, network, origin=entry.name) if kind.text else None,
    )


MODELS = PublishedModels(entry_for, further, load_entry)
load_named, load_spec = MODELS.load_named, MODELS.load_spec


def _transform(entry: Entry, weights: LocalWeights) -> SquareCrop:
    """The catalogue's, or what the repository says."""
    if not entry.name.startswith(OPEN):
        return entry.transform
    for name in ("preprocessor_config.json", "processor_config.json"):
        if name in weights.files:
            return read_transform(_read_json(weights.files[name]), origin=entry.name)
    raise EncoderError(
        f"{entry.name} does not say what is done to an image first: it has no "
        "preprocessor_config.json. Use a repository that has one."
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EncoderError(f"{path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise EncoderError(f"{path} is damaged: it is no JSON ({error}).") from error
    if not isinstance(content, dict):
        raise EncoderError(f"{path} is damaged: it holds a {type(content).__name__}.")
    return content
