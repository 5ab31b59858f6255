"""PyTorch as it is."""

from __future__ import annotations

import copy
from contextlib import AbstractContextManager

import torch
from torch import nn

from georetrieve.encoders.backends.base import Forward, Job

__all__ = ["build", "lowered", "typed"]

LOW = {"bf16": torch.bfloat16, "fp16": torch.float16}


def build(job: Job) -> Forward:
    """Run the module in PyTorch, operation by operation."""
    return typed(job, lowered(job))


def lowered(job: Job) -> nn.Module:
    """Return the module laid out for the job's precision and device.

    At a lower precision it is a copy, in which what multiplies matrices has its weights rounded
    already; norms, positions and scales keep float32.
    """
    module = job.module
    if job.precision in LOW:
        module = copy.deepcopy(module)
        for part in module.modules():
            if isinstance(part, nn.Linear | nn.Conv2d):
                part.to(LOW[job.precision])
    return module.to(memory_format=_layout(job.device))


def typed(job: Job, module: Forward) -> Forward:
    """Call a module at the job's precision: products in it, what is delicate in float32."""
    layout = _layout(job.device)

    def forward(pixels: torch.Tensor) -> torch.Tensor:
        with _precision(job):
            out: torch.Tensor = module(pixels.contiguous(memory_format=layout))
        return out

    return forward


def _layout(device: torch.device) -> torch.memory_format:
    """Channels last, which convolutions are faster in, where it is well tried."""
    return torch.contiguous_format if device.type == "mps" else torch.channels_last


def _precision(job: Job) -> AbstractContextManager[object]:
    if job.precision in LOW:
        return torch.autocast(job.device.type, LOW[job.precision])
    # By default cuDNN's convolutions round float32 to ten bits (TF32).
    return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
