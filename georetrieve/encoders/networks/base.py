"""What every network offers, whichever library it comes from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn

__all__ = ["AttentiveNetwork", "Network", "Tokens"]


class Tokens(NamedTuple):
    """The output of one block, after the network's last norm.

    Attributes:
        cls: (N, D) class tokens; where the network has none, what it uses in their place.
        patches: (N, rows, columns, D) patch tokens, rows from the top; registers left out.
    """

    cls: Tensor
    patches: Tensor


class Network(nn.Module, ABC):
    """A network in evaluation mode, fed with normalised pixels.

    ``forward`` is the vector that the network's authors compare images with.

    Attributes:
        dim: Width of that vector.
        token_dim: Width of a token.
        patch_px: Side of the square of pixels a patch covers.
        side_px: Side of the square it was trained with, pixels.
        depth: Number of blocks whose outputs ``tokens`` can give.
    """

    dim: int
    token_dim: int
    patch_px: int
    side_px: int
    depth: int

    @abstractmethod
    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, height, width) → (N, dim)."""

    @abstractmethod
    def tokens(self, pixels: Tensor, *, layers: int = 1) -> list[Tokens]:
        """Outputs of the last ``layers`` blocks, earliest first; sides are multiples of a patch."""

    @abstractmethod
    def check_size(self, side: int) -> None:
        """Accept a side in pixels, or say which sides the network takes.

        Raises:
            EncoderError: The network does not take images of that side.
        """

    def settle(self, side: int) -> None:
        """Compute what depends on the side of an image alone, before the network is traced.

        Backends that rewrite a network would otherwise rewrite the interpolation of its positions
        too, and not to the same numbers.
        """


class AttentiveNetwork(Network):
    """A network with a class token whose attention to the patches can be seen."""

    @abstractmethod
    def attention(self, pixels: Tensor) -> Tensor:
        """(N, 3, height, width) → (N, heads, rows, columns) of the class token in the last block.

        What goes to the class token itself and to registers is left out, so a map sums to ≤ 1.
        """
