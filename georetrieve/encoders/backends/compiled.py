"""PyTorch's compiler: fewer passes over memory, for half a minute of compiling."""

from __future__ import annotations

import torch

from georetrieve.encoders.backends.base import Forward, Job
from georetrieve.encoders.backends.eager import lowered, typed
from georetrieve.errors import EncoderError

__all__ = ["build"]


def build(job: Job) -> Forward:
    """Compile the module once, for any number of images.

    Raises:
        EncoderError: It cannot be compiled, on a CPU for want of a C++ compiler for example.
    """
    # Dynamic: otherwise the last, smaller batch would be compiled for again.
    run = typed(job, torch.compile(lowered(job), dynamic=True))

    def forward(pixels: torch.Tensor) -> torch.Tensor:
        # A batch of one is a case of its own to the compiler; two it has seen.
        single = len(pixels) == 1
        return run(pixels.expand(2, -1, -1, -1) if single else pixels)[: len(pixels)]

    try:
        with torch.inference_mode():
            forward(torch.zeros(2, 3, job.side, job.side, device=job.device))
    except Exception as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise EncoderError(
            f"torch.compile cannot compile this network at {job.precision} on {job.device}: "
            f"{first}. It needs a C++ compiler (g++) on a CPU; or choose --backend torch."
        ) from error
    return forward
