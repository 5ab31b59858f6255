"""An encoder around a network of images and texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from georetrieve.encoders.network_encoder import AttentiveNetworkEncoder, NetworkEncoder
from georetrieve.encoders.networks.dual import AttentiveDualNetwork, DualNetwork, Tokenizer
from georetrieve.encoders.options import Options
from georetrieve.encoders.runtime import Runtime
from georetrieve.encoders.transforms import SquareCrop
from georetrieve.types import EncoderSpec, FloatArray

__all__ = ["AttentiveTextNetworkEncoder", "TextNetworkEncoder"]


class TextNetworkEncoder(NetworkEncoder):
    """An encoder of images, patches and texts.

    Args:
        network: With its weights, on the CPU.
        transform: What is done to an image first.
        spec: What the vectors depend on.
        tokenizer: What is done to a text first.
        options: What is taken from the network.
        runtime: Where and how images run; texts run in PyTorch in single precision.

    Raises:
        EncoderError: The network does not give what the options ask for, or cannot run so.
    """

    _network: DualNetwork

    def __init__(
        self,
        network: DualNetwork,
        transform: SquareCrop,
        spec: EncoderSpec,
        tokenizer: Tokenizer,
        *,
        options: Options | None = None,
        runtime: Runtime | None = None,
    ) -> None:
        super().__init__(network, transform, spec, options=options, runtime=runtime)
        self._tokenizer = tokenizer

    @property
    def logit_scale(self) -> float:
        """See :class:`DualNetwork`."""
        return self._network.logit_scale

    @property
    def logit_bias(self) -> float:
        """See :class:`DualNetwork`."""
        return self._network.logit_bias

    @torch.inference_mode()
    def encode_texts(self, texts: Sequence[str], *, batch_size: int = 256) -> FloatArray:
        """Return (N, D) float32 vectors of length 1 of N texts, cut off where the network ends."""
        vectors = [np.empty((0, self._spec.dim), np.float32)]
        for start in range(0, len(texts), batch_size):
            tokens = self._tokenizer(list(texts[start : start + batch_size]))
            raw = self._network.texts(tokens.to(self._device)).float()
            vectors.append(nn.functional.normalize(raw, dim=-1).cpu().numpy())
        return np.concatenate(vectors)


class AttentiveTextNetworkEncoder(TextNetworkEncoder, AttentiveNetworkEncoder):
    """One whose class token's attention can be seen."""

    _network: AttentiveDualNetwork
