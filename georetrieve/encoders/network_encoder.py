"""An encoder around a network: transform, run, pool."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import nn

from georetrieve.encoders.backends import Runner, make_runner
from georetrieve.encoders.devices import resolve_device
from georetrieve.encoders.features import PatchHead, VectorHead
from georetrieve.encoders.networks.base import AttentiveNetwork, Network
from georetrieve.encoders.options import Options
from georetrieve.encoders.runtime import Runtime
from georetrieve.encoders.transforms import SquareCrop
from georetrieve.types import EncoderSpec, FloatArray

__all__ = ["AttentiveNetworkEncoder", "NetworkEncoder"]


class NetworkEncoder:
    """An image and patch encoder.

    Args:
        network: With its weights, on the CPU.
        transform: What is done to an image first.
        spec: What the vectors depend on.
        options: What is taken from the network.
        runtime: Where and how it runs.

    Raises:
        EncoderError: The network does not give what the options ask for, or cannot run so.
    """

    def __init__(
        self,
        network: Network,
        transform: SquareCrop,
        spec: EncoderSpec,
        *,
        options: Options | None = None,
        runtime: Runtime | None = None,
    ) -> None:
        self._options = options or Options()
        self._runtime = runtime or Runtime()
        network.check_size(transform.crop)
        self._device = resolve_device(self._runtime.device)
        self._network = network.eval().requires_grad_(False).to(self._device)
        self._transform = transform
        self._spec = spec
        self._network.settle(transform.crop)
        self._runner = self._run(VectorHead(self._network, self._options))

    def _run(self, head: nn.Module) -> Runner:
        return make_runner(
            head.eval(),
            side=self._transform.crop,
            device=self._device,
            backend=self._runtime.backend,
            precision=self._runtime.precision,
        )

    @cached_property
    def _patch_runner(self) -> Runner:
        return self._run(PatchHead(self._network, self._options))

    @cached_property
    def _any_size_runner(self) -> Runner:
        """Takes windows of any size; other backends than PyTorch are made for one."""
        in_torch = self._runner.backend in {"torch", "compile"}
        return make_runner(
            PatchHead(self._network, self._options).eval(),
            side=self._transform.crop,
            device=self._device,
            precision=self._runner.precision if in_torch else "fp32",
        )

    @property
    def spec(self) -> EncoderSpec:
        """What the vectors depend on."""
        return self._spec

    @property
    def patch_px(self) -> int:
        """Side of the square of pixels a patch covers."""
        return self._network.patch_px

    @property
    def patch_dim(self) -> int:
        """Width of a patch's features: of a token times the layers asked for."""
        return self._network.token_dim * self._options.layers

    @property
    def network(self) -> Network:
        """The network."""
        return self._network

    @property
    def runs_as(self) -> str:
        """Device, backend and precision in use: "cpu, openvino bf16"."""
        return f"{self._device}, {self._runner.name}"

    def prepare(self, image: Image.Image) -> npt.NDArray[np.uint8]:
        """Return an RGB image as (side, side, 3) bytes; thread-safe."""
        return self._transform.prepare(image)

    @torch.inference_mode()
    def encode_prepared(self, batch: Sequence[npt.NDArray[np.uint8]]) -> FloatArray:
        """Return the (N, D) float32 vectors of N prepared images."""
        if not len(batch):
            return np.empty((0, self._spec.dim), np.float32)
        vectors = self._runner(self._transform.normalise(batch, self._device))
        if self._spec.normalised:
            vectors = nn.functional.normalize(vectors.float(), dim=-1)
        return _to_numpy(vectors)

    def encode_images(self, images: Sequence[Image.Image], *, batch_size: int = 32) -> FloatArray:
        """Return the (N, D) float32 vectors of N RGB images of any sizes."""
        vectors = [self.encode_prepared(batch) for batch in self._batches(images, batch_size)]
        return np.concatenate(vectors) if vectors else self.encode_prepared([])

    @torch.inference_mode()
    def encode_patches(self, images: Sequence[Image.Image], *, batch_size: int = 32) -> FloatArray:
        """Return the (N, S, S, D) float32 patch tokens after the last norm, rows from the top.

        They describe the square centre that is left after the crop; D is the width of a token times
        the layers asked for.
        """
        side = self._transform.crop // self._network.patch_px
        grids = [np.empty((0, side, side, self.patch_dim), np.float32)]
        for batch in self._batches(images, batch_size):
            pixels = self._transform.normalise(batch, self._device)
            grids.append(_to_numpy(self._patch_runner(pixels)))
        return np.concatenate(grids)

    @torch.inference_mode()
    def patch_grids(self, windows: npt.NDArray[np.uint8]) -> FloatArray:
        """Return the (N, rows, columns, D) patch features of windows as they are, not resized.

        Args:
            windows: (N, height, width, 3) bytes; the sides are multiples of a patch.

        Raises:
            EncoderError: The network does not take windows of that size.
        """
        for side in windows.shape[1:3]:
            self._network.check_size(side)
        pixels = self._transform.normalise(list(windows), self._device)
        return _to_numpy(self._any_size_runner(pixels))

    def _batches(
        self, images: Sequence[Image.Image], batch_size: int
    ) -> Iterator[list[npt.NDArray[np.uint8]]]:
        for start in range(0, len(images), batch_size):
            yield [self.prepare(image) for image in images[start : start + batch_size]]


class AttentiveNetworkEncoder(NetworkEncoder):
    """One whose class token's attention can be seen."""

    _network: AttentiveNetwork

    @torch.inference_mode()
    def attention(self, images: Sequence[Image.Image], *, batch_size: int = 32) -> FloatArray:
        """Return (N, heads, S, S): the class token's attention to each patch in the last block."""
        maps = [
            _to_numpy(self._network.attention(self._transform.normalise(batch, self._device)))
            for batch in self._batches(images, batch_size)
        ]
        side = self._transform.crop // self._network.patch_px
        return np.concatenate(maps) if maps else np.empty((0, 0, side, side), np.float32)


def _to_numpy(tensor: torch.Tensor) -> FloatArray:
    return tensor.float().cpu().numpy()
