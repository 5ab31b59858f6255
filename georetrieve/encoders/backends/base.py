"""What a backend is given and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

__all__ = ["Forward", "Job", "Runner"]

Forward = Callable[[torch.Tensor], torch.Tensor]
"""(N, 3, side, side) pixels on the job's device -> what the network returns, for any N."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A network to be run, and how.

    Attributes:
        module: In evaluation mode, float32, on ``device``. Takes (N, 3, side, side) normalised
            pixels; returns one tensor whose first dimension is N and last D.
        side: Height and width of its input, pixels.
        device: Where the module lies, and where pixels come from and vectors go to.
        precision: ``fp32``, ``bf16``, ``fp16`` or ``int8``.
        calibration: (M, 3, side, side) normalised pixels that ranges of int8 are measured on; None
            at other precisions.
    """

    module: nn.Module
    side: int
    device: torch.device
    precision: str
    calibration: torch.Tensor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """Runs a network on batches of pixels.

    Attributes:
        backend: ``torch``, ``compile``, ``openvino`` or ``onnx``.
        precision: ``fp32``, ``bf16``, ``fp16`` or ``int8``.
        forward: What the backend made of the network.
        cosine: Lowest cosine to PyTorch's fp32 on the images of
            :func:`~georetrieve.encoders.backends.images.probe_images`; 1 for that itself.
    """

    backend: str
    precision: str
    forward: Forward
    cosine: float = 1.0

    @property
    def name(self) -> str:
        """Backend and precision: "openvino bf16"."""
        return f"{self.backend} {self.precision}"

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the float32 output for (N, 3, side, side) normalised float32 pixels.

        Any N ≥ 1; what an image gives does not depend on its batch beyond rounding.
        """
        with torch.inference_mode():
            return self.forward(pixels).float()
