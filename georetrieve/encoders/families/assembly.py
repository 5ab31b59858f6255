"""An encoder from its parts: what its vectors depend on, written down, and the class that fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from georetrieve.encoders.catalogue.entry import Entry
from georetrieve.encoders.catalogue.weights_folder import LocalWeights
from georetrieve.encoders.features import vector_dim
from georetrieve.encoders.network_encoder import AttentiveNetworkEncoder, NetworkEncoder
from georetrieve.encoders.networks.base import AttentiveNetwork, Network
from georetrieve.encoders.networks.dual import AttentiveDualNetwork, DualNetwork, Tokenizer
from georetrieve.encoders.options import Options
from georetrieve.encoders.runtime import Runtime
from georetrieve.encoders.text_encoder import AttentiveTextNetworkEncoder, TextNetworkEncoder
from georetrieve.encoders.transforms import SquareCrop
from georetrieve.types import EncoderSpec

__all__ = ["assemble"]


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
