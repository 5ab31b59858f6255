"""Networks that put images and texts into one space."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TypeAlias

from torch import Tensor

from georetrieve.encoders.networks.base import AttentiveNetwork, Network

__all__ = ["AttentiveDualNetwork", "DualNetwork", "Tokenizer"]

Tokenizer: TypeAlias = Callable[[list[str]], Tensor]
"""Texts → (N, L) numbers of tokens, L as the network takes it; what is beyond is cut off."""


class DualNetwork(Network):
    """A network of two towers, whose vectors are compared by their cosine.

    Attributes:
        logit_scale: Factor of a cosine in the networks' own score of an image and a text.
        logit_bias: What is added to it: the score is ``logit_scale × cosine + logit_bias``, of
            which CLIP takes the softmax over texts (Radford et al. 2021, Figure 3), SigLIP the
            sigmoid (Zhai et al. 2023, Algorithm 1). 0 where the network has none.
    """

    logit_scale: float
    logit_bias: float

    @abstractmethod
    def texts(self, tokens: Tensor) -> Tensor:
        """Numbers of tokens (N, L) → vectors (N, dim), not normalised."""


class AttentiveDualNetwork(DualNetwork, AttentiveNetwork):
    """One whose class token's attention to the patches of an image can be seen."""
