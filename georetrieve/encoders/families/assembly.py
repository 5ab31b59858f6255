"""An encoder from its parts: what its vectors depend on, written down, and the class that fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from georetrieve.encoders.catalogue.entry import Entry
from georetrieve.encoders.catalogue.weights_folder import LocalWeights, WeightsFolder
from georetrieve.encoders.devices import resolve_device
from georetrieve.encoders.features import vector_dim
from georetrieve.encoders.network_encoder import AttentiveNetworkEncoder, NetworkEncoder
from georetrieve.encoders.networks.base import AttentiveNetwork, Network
from georetrieve.encoders.networks.dual import AttentiveDualNetwork, DualNetwork, Tokenizer
from georetrieve.encoders.networks.patches import check_whole_patches
from georetrieve.encoders.options import Options
from georetrieve.encoders.runtime import Runtime
from georetrieve.encoders.text_encoder import AttentiveTextNetworkEncoder, TextNetworkEncoder
from georetrieve.encoders.transforms import SquareCrop
from georetrieve.errors import EncoderError
from georetrieve.protocols import Progress
from georetrieve.types import EncoderSpec

__all__ = ["assemble", "check_before", "find_weights", "obtain"]

Further = Callable[[Entry, LocalWeights], Entry | None]


def check_before(entry: Entry, options: Options, runtime: Runtime) -> None:
    """Refuse what can be refused before weights are downloaded, which may take long.

    Raises:
        EncoderError: The device is not there, or the size asked for is not whole patches.
    """
    resolve_device(runtime.device)
    if entry.patch_px:
        transform = entry.transform.changed(size=options.size, fit=options.fit)
        check_whole_patches(transform.crop, entry.patch_px)


def obtain(entry: Entry, further: Further, progress: Progress | None) -> LocalWeights:
    """Find or download weights, and what only they tell must be fetched besides.

    Args:
        entry: What is known before.
        further: The family's; see :mod:`georetrieve.encoders.registry`.
        progress: Told of a download.

    Raises:
        EncoderError: They cannot be had.
    """
    kept = WeightsFolder.default()
    weights = kept.obtain(entry, progress=progress)
    besides = further(entry, weights)
    return kept.obtain(besides, progress=progress) if besides else weights


def assemble(
    network: Network,
    entry: Entry,
    weights: LocalWeights,
    *,
    transform: SquareCrop,
    arch: str,
    options: Options,
    runtime: Runtime,
    features: Mapping[str, Any] | None = None,
    tokenizer: Tokenizer | None = None,
) -> NetworkEncoder:
    """Make the encoder of a network.

    Of a network of images and texts, vectors have length 1 and are compared by their cosine. It
    encodes texts unless another pooling is asked for: such vectors are in another space.

    Args:
        network: With its weights, on the CPU.
        entry: What it is.
        weights: Where it comes from.
        transform: What its authors do to an image first.
        arch: As in :attr:`EncoderSpec.arch`.
        options: What is taken from it.
        runtime: Where and how it runs.
        features: As in :attr:`EncoderSpec.features`, besides pooling and layers.
        tokenizer: Of a :class:`DualNetwork`.

    Raises:
        EncoderError: The network does not give what the options ask for, or cannot run so.
    """
    own, dual = options.pooling == "own", isinstance(network, DualNetwork)
    transform = transform.changed(size=options.size, fit=options.fit)
    taken = {} if own else {"pooling": options.pooling, "layers": options.layers}
    spec = EncoderSpec(
        name=entry.name + options.suffix,
        family=entry.family,
        weights=weights.source,
        sha256=weights.sha256,
        arch=arch,
        revision=weights.revision,
        transform=transform.to_json(),
        features={**taken, **(features or {})},
        dim=vector_dim(network, options),
        patch_size=network.patch_px,
        normalised=dual and own,
        metric="cosine" if dual else entry.metric,
    )
    parts: dict[str, Any] = {"options": options, "runtime": runtime}
    if isinstance(network, DualNetwork) and own and tokenizer is not None:
        if isinstance(network, AttentiveDualNetwork):
            return AttentiveTextNetworkEncoder(network, transform, spec, tokenizer, **parts)
        return TextNetworkEncoder(network, transform, spec, tokenizer, **parts)
    plain = AttentiveNetworkEncoder if isinstance(network, AttentiveNetwork) else NetworkEncoder
    return plain(network, transform, spec, **parts)


def find_weights(spec: EncoderSpec, index_dir: Path) -> LocalWeights:
    """The weights that a column was made with, by their digest.

    They are looked for in the weights folder, then in the folder ``encoders`` of the index, where
    a copy of an encoder's folder of weights may lie.

    Raises:
        EncoderError: They are in neither place, or have changed.
    """
    beside = WeightsFolder(index_dir / "encoders")
    for kept in (WeightsFolder.default(), beside):
        found = kept.find_sha256(spec.sha256)
        if found is not None:
            return replace(found, source=spec.weights, revision=spec.revision)
    name = spec.name.partition(",")[0]
    raise EncoderError(
        f"The weights that the vectors of {spec.name} were made with (SHA-256 "
        f"{spec.sha256[:12]}…) are not on this machine. Fetch them: georetrieve encoders pull "
        f"{name}; or copy their folder from a machine that has them into {beside.root}."
    )
