"""Features of windows kept for the next time: who adds clicks to an image maps it again and again.

Windows are known by their pixels, so whatever shows the same pixels finds them: other clicks,
another region that falls on the same windows, the same image in another session.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from georetrieve.protocols import DensePatchEncoder, LocalPatchEncoder
from georetrieve.types import EncoderSpec, FloatArray

__all__ = ["KeptLocalWindows", "KeptWindows", "keep_windows"]


class KeptWindows:
    """A dense patch encoder that keeps what it last said of windows; thread-safe.

    Args:
        encoder: Whose features.
        most_bytes: Of features kept; the ones used longest ago go first.
    """

    def __init__(self, encoder: DensePatchEncoder, most_bytes: int) -> None:
        self._encoder, self._most_bytes = encoder, most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, FloatArray] = OrderedDict()
        self._bytes = 0

    @property
    def spec(self) -> EncoderSpec:
        """See :class:`~georetrieve.protocols.ImageEncoder`."""
        return self._encoder.spec

    @property
    def patch_px(self) -> int:
        """See :class:`~georetrieve.protocols.DensePatchEncoder`."""
        return self._encoder.patch_px

    @property
    def patch_dim(self) -> int:
        """See :class:`~georetrieve.protocols.DensePatchEncoder`."""
        return self._encoder.patch_dim

    def prepare(self, image: Image.Image) -> npt.NDArray[Any]:
        """See :class:`~georetrieve.protocols.ImageEncoder`."""
        return self._encoder.prepare(image)

    def encode_prepared(self, batch: Sequence[npt.NDArray[Any]]) -> FloatArray:
        """See :class:`~georetrieve.protocols.ImageEncoder`."""
        return self._encoder.encode_prepared(batch)

    def encode_images(self, images: Sequence[Image.Image], *, batch_size: int = 32) -> FloatArray:
        """See :class:`~georetrieve.protocols.ImageEncoder`."""
        return self._encoder.encode_images(images, batch_size=batch_size)

    def encode_patches(self, images: Sequence[Image.Image], *, batch_size: int = 32) -> FloatArray:
        """See :class:`~georetrieve.protocols.PatchEncoder`."""
        return self._encoder.encode_patches(images, batch_size=batch_size)

    def patch_grids(self, windows: npt.NDArray[Any]) -> FloatArray:
        """See :class:`~georetrieve.protocols.DensePatchEncoder`; only new windows are encoded."""
        keys = [_key(window) for window in windows]
        grids: list[FloatArray | None] = [self._find(key) for key in keys]
        new = [place for place, grid in enumerate(grids) if grid is None]
        if new:
            for place, grid in zip(new, self._encoder.patch_grids(windows[new]), strict=True):
                grids[place] = grid
                self._keep(keys[place], grid)
        return np.stack([grid for grid in grids if grid is not None])

    def _find(self, key: bytes) -> FloatArray | None:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def _keep(self, key: bytes, grid: FloatArray) -> None:
        if grid.nbytes > self._most_bytes:
            return
        own = grid.copy()  # not a view that keeps its whole batch
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = own
            self._bytes += own.nbytes
            while self._bytes > self._most_bytes:
                _, gone = self._kept.popitem(last=False)
                self._bytes -= gone.nbytes


class KeptLocalWindows(KeptWindows):
    """The same of an encoder to which what lies far from a patch says nothing."""

    def __init__(self, encoder: LocalPatchEncoder, most_bytes: int) -> None:
        super().__init__(encoder, most_bytes)
        self._reach_px = encoder.reach_px

    @property
    def reach_px(self) -> int:
        """See :class:`~georetrieve.protocols.LocalPatchEncoder`."""
        return self._reach_px


def keep_windows(encoder: DensePatchEncoder, most_bytes: int) -> KeptWindows:
    """An encoder that gives the same features, those of windows it has seen at once."""
    if isinstance(encoder, LocalPatchEncoder):
        return KeptLocalWindows(encoder, most_bytes)
    return KeptWindows(encoder, most_bytes)


def _key(window: npt.NDArray[Any]) -> bytes:
    whole = hashlib.sha256(repr((window.shape, window.dtype.str)).encode())
    whole.update(np.ascontiguousarray(window).data)
    return whole.digest()
