"""Which processor a model runs on."""

from __future__ import annotations

import torch

from georetrieve.errors import EncoderError

__all__ = ["resolve_device"]


def resolve_device(name: str = "auto") -> torch.device:
    """Turn ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps`` into a device that is there.

    ``auto`` takes CUDA, else Apple's MPS, else the CPU.

    Raises:
        EncoderError: The name is unknown, or this machine has no such device.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    kind, _, index = name.partition(":")
    if kind not in {"cpu", "cuda", "mps"} or (index and not index.isdigit()):
        raise EncoderError(f"Device {name!r} is unknown; use auto, cpu, cuda, cuda:INDEX or mps.")
    count = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": torch.backends.mps.is_available()}
    if int(index or 0) >= count[kind]:
        raise EncoderError(
            f"Device {name!r} is not there: this machine has {int(count[kind])} {kind} device(s) "
            "that PyTorch can use; try auto or cpu."
        )
    return torch.device(name)
