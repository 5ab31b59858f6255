"""Networks of transformers: vision transformers, and the convolutional ones that pool a map."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from georetrieve.encoders.networks.base import AttentiveNetwork, Network, Tokens
from georetrieve.encoders.networks.dual import AttentiveDualNetwork, DualNetwork
from georetrieve.encoders.networks.patches import check_whole_patches
from georetrieve.errors import EncoderError

__all__ = [
    "HfCnn",
    "HfDual",
    "HfDualWithClassToken",
    "HfMaskedAutoencoder",
    "HfVit",
    "HfVitWithClassToken",
]


class HfVit(Network):
    """Any size of image that is whole patches, square or not, through a vision transformer.

    Positions are brought to other sizes by transformers itself, once for each.

    Args:
        model: The vision transformer.
        norm: Its last norm.
        prefix: Number of tokens before those of the patches: class token and registers.
        normed: Its last hidden state has passed the norm.
        resizes: It must be told to take images of other sizes.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        norm: nn.Module,
        prefix: int,
        normed: bool = True,
        resizes: bool = True,
    ) -> None:
        super().__init__()
        facts: Any = model.config
        self.model, self.norm = model, norm
        self._prefix, self._normed, self._resizes = prefix, normed, resizes
        self.dim = self.token_dim = int(facts.hidden_size)
        self.patch_px, self.side_px = _side(facts.patch_size), _side(facts.image_size)
        self.depth = int(facts.num_hidden_layers)
        self._embeddings = _remember_positions(model)

    def forward(self, pixels: Tensor) -> Tensor:
        """See :meth:`Network.forward`: the class token after the last norm."""
        return self._normed_states(pixels, 1)[0][:, 0]

    def tokens(self, pixels: Tensor, *, layers: int = 1) -> list[Tokens]:
        """See :meth:`Network.tokens`."""
        rows, columns = (side // self.patch_px for side in pixels.shape[-2:])
        return [
            Tokens(
                self._class_token(state),
                state[:, self._prefix :].reshape(state.shape[0], rows, columns, state.shape[-1]),
            )
            for state in self._normed_states(pixels, layers)
        ]

    def check_size(self, side: int) -> None:
        """See :meth:`Network.check_size`."""
        check_whole_patches(side, self.patch_px)

    def settle(self, side: int) -> None:
        """See :meth:`Network.settle`."""
        if self._embeddings is not None:
            device = next(self.model.parameters()).device
            pixels = torch.zeros(1, 3, side, side, device=device)
            with torch.no_grad():
                self._embeddings(pixels, **self._arguments(pixels))

    def _class_token(self, state: Tensor) -> Tensor:
        return state[:, 0]

    def _normed_states(self, pixels: Tensor, layers: int) -> list[Tensor]:
        """The last outputs of blocks (N, tokens, D) after the last norm."""
        if layers == 1:
            state: Tensor = self._run(pixels).last_hidden_state
            return [state if self._normed else self.norm(state)]
        states = self._run(pixels, output_hidden_states=True).hidden_states
        return [self.norm(state) for state in states[-layers:]]

    def _run(self, pixels: Tensor, **arguments: Any) -> Any:  # noqa: ANN401 - transformers' output
        return self.model(pixels, **self._arguments(pixels), **arguments)

    def _arguments(self, pixels: Tensor) -> dict[str, Any]:
        """What the model must be told besides, and its embeddings with it."""
        del pixels  # only some need it
        return {"interpolate_pos_encoding": True} if self._resizes else {}


class HfVitWithClassToken(HfVit, AttentiveNetwork):
    """One whose class token's attention can be seen."""

    def attention(self, pixels: Tensor) -> Tensor:
        """See :meth:`AttentiveNetwork.attention`; images one by one, for the matrices are large."""
        rows, columns = (side // self.patch_px for side in pixels.shape[-2:])
        maps: list[Tensor] = []
        last = _last_attention(self.model)
        fused = last.config
        hook = last.register_forward_hook(
            lambda _module, _inputs, output: maps.append(output[1][:, :, 0, self._prefix :])
        )
        try:
            # Only where attention is spelled out can it be seen; the other blocks need not.
            last.config = copy.copy(fused)
            last.config._attn_implementation = "eager"
            for number in range(len(pixels)):
                self._run(pixels[number : number + 1])
        finally:
            last.config = fused
            hook.remove()
        return torch.cat(maps).reshape(len(pixels), -1, rows, columns)


class HfMaskedAutoencoder(HfVitWithClassToken):
    """The encoder of a masked autoencoder (He et al. 2022), all patches in view and in order."""

    def _arguments(self, pixels: Tensor) -> dict[str, Any]:
        rows, columns = (side // self.patch_px for side in pixels.shape[-2:])
        # It shuffles patches by this noise and keeps the first; with none masked all are kept.
        order = torch.arange(rows * columns, device=pixels.device, dtype=torch.float32)
        return {**super()._arguments(pixels), "noise": order.expand(pixels.shape[0], -1)}


class HfDual(HfVit, DualNetwork):
    """SigLIP: its pooling head stands in for a class token, and is the image's vector.

    Args:
        model: Both towers.
        prefix: See :class:`HfVit`.
        normed: See :class:`HfVit`.
    """

    def __init__(self, model: nn.Module, *, prefix: int = 0, normed: bool = True) -> None:
        both: Any = model
        images = both.vision_model
        super().__init__(images, norm=images.post_layernorm, prefix=prefix, normed=normed)
        self.whole = both
        self.logit_scale = float(both.logit_scale.detach().exp())
        self.logit_bias = float(both.logit_bias.detach()) if hasattr(both, "logit_bias") else 0.0

    def forward(self, pixels: Tensor) -> Tensor:
        """See :meth:`Network.forward`: what is compared with texts, not normalised."""
        return self._class_token(self._normed_states(pixels, 1)[0])

    def texts(self, tokens: Tensor) -> Tensor:
        """See :meth:`DualNetwork.texts`."""
        vectors: Tensor = self.whole.text_model(input_ids=tokens).pooler_output
        return vectors

    def _class_token(self, state: Tensor) -> Tensor:
        pooled: Tensor = self.whole.vision_model.head(state)
        return pooled


class HfDualWithClassToken(HfDual, HfVitWithClassToken, AttentiveDualNetwork):
    """CLIP: the class token, projected, is the image's vector."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model, prefix=1, normed=False)
        self.dim = int(self.whole.config.projection_dim)

    def forward(self, pixels: Tensor) -> Tensor:
        """See :meth:`Network.forward`: what is compared with texts, not normalised."""
        vectors: Tensor = self.whole.visual_projection(super().forward(pixels))
        return vectors

    def texts(self, tokens: Tensor) -> Tensor:
        """See :meth:`DualNetwork.texts`."""
        vectors: Tensor = self.whole.text_projection(super().texts(tokens))
        return vectors

    def _class_token(self, state: Tensor) -> Tensor:
        return state[:, 0]


class HfCnn(Network):
    """ResNet and ConvNeXt: the last map gives the patches, what is pooled of it the vector.

    Args:
        model: The network.
        norm: Its last norm, over channels; None where it has none after the map.
    """

    depth = 1

    def __init__(self, model: nn.Module, *, norm: nn.Module | None = None) -> None:
        super().__init__()
        facts: Any = model.config
        self.model, self.norm = model, norm
        self.dim = self.token_dim = int(facts.hidden_sizes[-1])
        self.side_px = _side(getattr(facts, "image_size", 224))
        self.patch_px = _stride(model)

    def forward(self, pixels: Tensor) -> Tensor:
        """See :meth:`Network.forward`."""
        pooled: Tensor = self.model(pixels).pooler_output
        return pooled.flatten(1)

    def tokens(self, pixels: Tensor, *, layers: int = 1) -> list[Tokens]:
        """See :meth:`Network.tokens`; there is one layer."""
        del layers  # checked against depth by the caller
        output = self.model(pixels)
        cells = output.last_hidden_state.permute(0, 2, 3, 1)
        patches = cells if self.norm is None else self.norm(cells)
        return [Tokens(output.pooler_output.flatten(1), patches)]

    def check_size(self, side: int) -> None:
        """See :meth:`Network.check_size`."""
        check_whole_patches(side, self.patch_px)


class _Positions:
    """Stands for the method that brings positions to a size, and keeps what it gives."""

    def __init__(self, interpolate: Callable[[Tensor, int, int], Tensor]) -> None:
        self._interpolate = interpolate
        self._known: dict[tuple[Any, ...], Tensor] = {}

    def __call__(self, embeddings: Tensor, height: int, width: int) -> Tensor:
        # PyTorch's tracer gives sides as tensors; a trace is for one size.
        key = (int(height), int(width), embeddings.device, embeddings.dtype)
        if key not in self._known:
            with torch.inference_mode(False), torch.no_grad():
                self._known[key] = self._interpolate(embeddings, *key[:2])
        return self._known[key]


def _remember_positions(model: nn.Module) -> nn.Module | None:
    """Have a model resample positions once for each size; the part that does, if there is one."""
    for module in model.modules():
        if hasattr(module, "interpolate_pos_encoding"):
            part: Any = module
            part.interpolate_pos_encoding = _Positions(part.interpolate_pos_encoding)
            return module
    return None


def _side(value: Any) -> int:  # noqa: ANN401 - whatever a file says
    """The side of a square that a configuration writes as a number or twice."""
    sides = set(value) if isinstance(value, (list, tuple)) else {value}
    if len(sides) != 1:
        raise EncoderError(f"The network takes {value} pixels; only squares are supported.")
    return int(sides.pop())


def _stride(model: nn.Module) -> int:
    """Pixels of the image that a step of the last map is."""
    probe = torch.empty(1, 3, 64, 64, device=next(model.parameters()).device)
    with torch.inference_mode():
        features: Tensor = model.eval()(probe).last_hidden_state
    return 64 // int(features.shape[-1])


def _last_attention(model: nn.Module) -> Any:  # noqa: ANN401 - a module with a config
    """The attention of the last block: whatever its class, it has a configuration of its own."""
    *_, last = (
        module
        for module in model.modules()
        if type(module).__name__.endswith("Attention") and hasattr(module, "config")
    )
    return last
