"""How encoders run where that is left open: loading a quick engine must not outlast the work."""

from __future__ import annotations

from collections.abc import Collection

from georetrieve.encoders.runtime import FASTEST, Runtime

__all__ = ["runtime_for"]

FEW_FILES = 100
FEW_BYTES = 50_000_000
"""Below both, a ViT-S/16 is done before OpenVINO is loaded: 7 s of a processor, 0.1 s an image."""


def runtime_for(asked: Runtime, sizes: Collection[int]) -> Runtime:
    """What was asked for; where backend and precision are left open, plain PyTorch for a few files.

    Args:
        asked: By the user.
        sizes: Bytes of the files to be encoded; slides and volumes are large, and many items.
    """
    open_to_all = (asked.backend, asked.precision) == (FASTEST.backend, FASTEST.precision)
    if open_to_all and len(sizes) < FEW_FILES and sum(sizes) < FEW_BYTES:
        return Runtime(device=asked.device)
    return asked
