"""Vectors that do not care which way up a specimen lies: the mean over the square's symmetries.

A palynomorph on a slide has no upright. The eight views (four quarter turns, and their mirror
images: the dihedral group D4) are exact on pixels, nothing is interpolated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from georetrieve.encoders.options import split_name
from georetrieve.errors import EncoderError
from georetrieve.protocols import (
    AdaptableEncoder,
    AttentiveEncoder,
    DensePatchEncoder,
    ImageEncoder,
    PatchEncoder,
    TextEncoder,
)
from georetrieve.types import EncoderSpec, FloatArray

__all__ = ["VIEWS", "robust", "view"]

VIEWS = 8


def view(picture: npt.NDArray[Any], number: int) -> npt.NDArray[Any]:
    """View ``number`` (0 … 7) of a (rows, columns, …) array: quarter turns, from 4 on mirrored."""
    turned = np.rot90(picture, number % 4)
    return np.ascontiguousarray(turned if number < 4 else turned[:, ::-1])


def robust(encoder: ImageEncoder) -> ImageEncoder:
    """Wrap an encoder so that the eight views of an image have one vector.

    It can do whatever the encoder within can: patches, windows, attention, texts, being adapted.

    Raises:
        EncoderError: The encoder does not bring images to squares.
    """
    prepared = encoder.prepare(Image.new("RGB", (8, 8)))
    if prepared.ndim != 3 or prepared.shape[0] != prepared.shape[1]:
        raise EncoderError(
            f"{encoder.spec.name} does not see squares, so rotations=8 cannot be had with it."
        )
    mixins = [mixin for protocol, mixin in _CAPABILITIES if isinstance(encoder, protocol)]
    made: ImageEncoder = type("RotationRobust", (*mixins, _Views), {})(encoder)
    return made


class _Views:
    """Mean over the eight views, of length 1 where the encoder's vectors have length 1."""

    def __init__(self, encoder: ImageEncoder) -> None:
        self._encoder = encoder
        self._spec = _turned(encoder.spec)

    @property
    def spec(self) -> EncoderSpec:
        return self._spec

    @property
    def runs_as(self) -> str:
        return str(getattr(self._encoder, "runs_as", ""))

    def prepare(self, image: Image.Image) -> npt.NDArray[Any]:
        return self._encoder.prepare(image)

    def encode_prepared(self, batch: Sequence[npt.NDArray[Any]]) -> FloatArray:
        vectors = np.zeros((len(batch), self._spec.dim), np.float64)
        for number in range(VIEWS):
            vectors += self._encoder.encode_prepared([view(square, number) for square in batch])
        vectors /= VIEWS
        if self._spec.normalised:
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors.astype(np.float32)

    def encode_images(self, images: Sequence[Image.Image], *, batch_size: int = 32) -> FloatArray:
        parts = [
            self.encode_prepared([self.prepare(one) for one in images[start : start + batch_size]])
            for start in range(0, len(images), batch_size)
        ]
        return np.concatenate([np.empty((0, self._spec.dim), np.float32), *parts])


class _Patches(_Views):
    """Patch features too: each view's grid turned back, then the mean."""

    _encoder: PatchEncoder

    def encode_patches(self, images: Sequence[Image.Image], *, batch_size: int = 32) -> FloatArray:
        return _mean_of_images(
            images, lambda turned: self._encoder.encode_patches(turned, batch_size=batch_size)
        )


class _Windows(_Patches):
    """Windows too; of one that is not square half of the views stand upright, half lie."""

    _encoder: DensePatchEncoder

    @property
    def patch_px(self) -> int:
        return self._encoder.patch_px

    @property
    def patch_dim(self) -> int:
        return self._encoder.patch_dim

    def patch_grids(self, windows: npt.NDArray[Any]) -> FloatArray:
        def grids(number: int) -> FloatArray:
            turned = [view(window, number) for window in windows]
            return self._encoder.patch_grids(np.stack(turned) if turned else windows)

        return _mean_upright(grids)


class _Attention(_Views):
    """Attention too, likewise."""

    _encoder: AttentiveEncoder

    def attention(self, images: Sequence[Image.Image], *, batch_size: int = 32) -> FloatArray:
        def heads_last(turned: Sequence[Image.Image]) -> FloatArray:
            return np.moveaxis(self._encoder.attention(turned, batch_size=batch_size), 1, -1)

        return np.moveaxis(_mean_of_images(images, heads_last), -1, 1)


class _Texts(_Views):
    """Texts as they are: they have no upright either."""

    _encoder: Any

    def encode_texts(self, texts: Sequence[str], *, batch_size: int = 256) -> FloatArray:
        vectors: FloatArray = self._encoder.encode_texts(texts, batch_size=batch_size)
        return vectors

    @property
    def logit_scale(self) -> float:
        return float(self._encoder.logit_scale)

    @property
    def logit_bias(self) -> float:
        return float(self._encoder.logit_bias)


class _Adaptable(_Views):
    """Fitted to the images as they lie; what is kept is the encoder within."""

    _encoder: AdaptableEncoder

    @property
    def min_images_to_adapt(self) -> int:
        return self._encoder.min_images_to_adapt

    def adapt(self, prepared: Sequence[npt.NDArray[Any]], *, seed: int = 0) -> ImageEncoder:
        return robust(self._encoder.adapt(prepared, seed=seed))

    def save(self, path: Path) -> None:
        self._encoder.save(path)


_CAPABILITIES: tuple[tuple[type, type], ...] = (
    (DensePatchEncoder, _Windows),
    (PatchEncoder, _Patches),
    (AttentiveEncoder, _Attention),
    (TextEncoder, _Texts),
    (AdaptableEncoder, _Adaptable),
)


def _mean_of_images(
    images: Sequence[Image.Image], encode: Callable[[Sequence[Image.Image]], FloatArray]
) -> FloatArray:
    """Mean of the (N, rows, columns, D) grids that ``encode`` gives of all views of images."""

    def grids(number: int) -> FloatArray:
        if number == 0:
            return encode(images)
        return encode([Image.fromarray(view(np.asarray(image), number)) for image in images])

    return _mean_upright(grids)


def _mean_upright(grids: Callable[[int], FloatArray]) -> FloatArray:
    """Mean of the (N, rows, columns, D) grids of every view, each turned back."""
    total = grids(0).astype(np.float64)
    for number in range(1, VIEWS):
        back = [_upright(grid, number) for grid in grids(number)]
        total += np.stack(back) if back else 0
    return (total / VIEWS).astype(np.float32)


def _upright(grid: FloatArray, number: int) -> FloatArray:
    """Undo :func:`view`."""
    return np.rot90(grid if number < 4 else grid[:, ::-1], -(number % 4))


def _turned(spec: EncoderSpec) -> EncoderSpec:
    base, options = split_name(spec.name)
    name = base + replace(options, rotations=VIEWS).suffix
    return replace(spec, name=name, features={**spec.features, "rotations": VIEWS})
