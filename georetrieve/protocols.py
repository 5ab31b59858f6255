"""The contracts between the parts: what a source, an encoder and a store must offer.

A capability is a protocol of its own; nothing implements a method only to refuse it.
``tests/contracts_encoder.py`` and ``tests/contracts_store.py`` check any implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy.typing as npt
from PIL import Image

from georetrieve.types import EncoderSpec, FloatArray, Hits, IntArray, Item, Region

__all__ = [
    "AdaptableEncoder",
    "AttentiveEncoder",
    "DensePatchEncoder",
    "ImageEncoder",
    "LocalPatchEncoder",
    "PatchEncoder",
    "Progress",
    "Raster",
    "RegionReader",
    "ScoringTextEncoder",
    "TextEncoder",
    "Truth",
    "VectorStore",
]


RegionReader: TypeAlias = Callable[[Region], Image.Image]
"""Region → RGB image of its size, such as :meth:`Raster.read`."""


class Raster(Protocol):
    """An opened image, slide or volume, read by region and never whole when it is large.

    Reading is thread-safe. Used as a context manager; closing twice is harmless.
    """

    @property
    def kind(self) -> str:
        """``image``, ``slide`` (a pyramid) or ``volume``."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of level 0, pixels; for a volume of one slice along z."""
        ...

    @property
    def depth(self) -> int:
        """Number of slices along z; 1 for what is not a volume."""
        ...

    @property
    def levels(self) -> tuple[tuple[int, int], ...]:
        """(width, height) of every pyramid level, largest first; one without a pyramid."""
        ...

    @property
    def um_per_px(self) -> float | None:
        """Size of a level-0 pixel in micrometres (mean of x and y); None when unknown."""
        ...

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a user should know, one line each (scale unknown, contradictory metadata ...)."""
        ...

    def read(self, region: Region, size: tuple[int, int] | None = None) -> Image.Image:
        """Return ``region`` as an RGB image, resampled to ``size`` (width, height) if given.

        Reads from the coarsest pyramid level that is still at least as fine as ``size`` asks for.

        Raises:
            SourceError: The region lies outside, or its pixels cannot be decoded.
        """
        ...

    def close(self) -> None:
        """Release files."""
        ...

    def __enter__(self) -> Raster: ...

    def __exit__(self, *exc: object) -> None: ...


@runtime_checkable
class ImageEncoder(Protocol):
    """Turns images into vectors.

    Encoding has two steps so that the first can run in decoding threads beside the second:
    ``prepare`` brings one image to the small fixed-size array the model takes, ``encode_prepared``
    runs the model on a batch of them.
    """

    @property
    def spec(self) -> EncoderSpec:
        """What the vectors depend on."""
        ...

    def prepare(self, image: Image.Image) -> npt.NDArray[Any]:
        """Bring an RGB image of any size to the model's input; thread-safe."""
        ...

    def encode_prepared(self, batch: Sequence[npt.NDArray[Any]]) -> FloatArray:
        """Return (N, D) vectors of N prepared images; a vector does not depend on its batch."""
        ...

    def encode_images(self, images: Sequence[Image.Image], *, batch_size: int = 32) -> FloatArray:
        """Return (N, D) vectors of N RGB images of any sizes."""
        ...


@runtime_checkable
class PatchEncoder(ImageEncoder, Protocol):
    """An image encoder that also describes the patches of an image."""

    def encode_patches(self, images: Sequence[Image.Image], *, batch_size: int = 32) -> FloatArray:
        """Return (N, S, S, D_patch) vectors: row, column and width of each image's patch grid."""
        ...


@runtime_checkable
class DensePatchEncoder(PatchEncoder, Protocol):
    """A patch encoder that takes images of many sizes, and so windows of large ones."""

    @property
    def patch_px(self) -> int:
        """Side of the square of pixels a patch covers."""
        ...

    @property
    def patch_dim(self) -> int:
        """Width of a patch's features."""
        ...

    def patch_grids(self, windows: npt.NDArray[Any]) -> FloatArray:
        """Return (N, rows, columns, D) features of (N, height, width, 3) bytes, not resized.

        Raises:
            EncoderError: The sides are not whole patches, or too many or too few for the encoder.
        """
        ...


@runtime_checkable
class LocalPatchEncoder(DensePatchEncoder, Protocol):
    """A dense patch encoder to which what lies far from a patch says nothing."""

    @property
    def reach_px(self) -> int:
        """Farthest pixel beyond a patch that its features depend on."""
        ...


@runtime_checkable
class AttentiveEncoder(ImageEncoder, Protocol):
    """An image encoder that shows what of an image its class token attends to."""

    def attention(self, images: Sequence[Image.Image], *, batch_size: int = 32) -> FloatArray:
        """Return (N, heads, rows, columns) attention to each patch; a map sums to at most 1."""
        ...


@runtime_checkable
class TextEncoder(Protocol):
    """Turns words into vectors that can be compared with those of images.

    It is one object with the :class:`ImageEncoder` whose spec it shares.
    """

    @property
    def spec(self) -> EncoderSpec:
        """What the vectors depend on."""
        ...

    def encode_texts(self, texts: Sequence[str], *, batch_size: int = 256) -> FloatArray:
        """Return (N, D) vectors of N texts; longer ones are cut off where the encoder stops."""
        ...


@runtime_checkable
class ScoringTextEncoder(TextEncoder, Protocol):
    """A text encoder whose network has a score of its own of an image and a text."""

    @property
    def logit_scale(self) -> float:
        """Factor of the cosine in that score."""
        ...

    @property
    def logit_bias(self) -> float:
        """What is added to it; 0 where the network compares texts with each other only."""
        ...


@runtime_checkable
class AdaptableEncoder(ImageEncoder, Protocol):
    """An image encoder that can be fitted, without labels, to the collection it will describe."""

    @property
    def min_images_to_adapt(self) -> int:
        """Fewest images worth fitting to."""
        ...

    def adapt(self, prepared: Sequence[npt.NDArray[Any]], *, seed: int = 0) -> AdaptableEncoder:
        """Return a copy fitted to prepared images; the same images give the same encoder."""
        ...

    def save(self, path: Path) -> None:
        """Write everything that was fitted to one safetensors file."""
        ...


class Truth(Protocol):
    """What is known of the pixels of an image: a mask, outlines, clicks."""

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), pixels."""
        ...

    def read(self, region: Region) -> IntArray:
        """Return the (height, width) class numbers of a region; -1 where nothing is known."""
        ...


class VectorStore(Protocol):
    """Vectors of one encoder, found again by nearness."""

    @property
    def spec(self) -> EncoderSpec:
        """The encoder whose vectors are held."""
        ...

    def __len__(self) -> int: ...

    def add(self, items: Sequence[Item], vectors: FloatArray) -> None:
        """Insert items with their (N, D) vectors; an item whose id is there is replaced.

        Raises:
            StoreError: Widths differ from the spec, or a vector is zero or not finite.
        """
        ...

    def remove(self, ids: Sequence[str]) -> None:
        """Remove items by id; unknown ids are ignored."""
        ...

    def search(
        self,
        queries: FloatArray,
        k: int,
        *,
        where: str | None = None,
        exclude_groups: Sequence[str | None] | None = None,
        exclude_ids: Sequence[str | None] | None = None,
    ) -> Hits:
        """Return the k nearest items of each of the (Q, D) queries.

        Args:
            queries: (Q, D).
            k: Neighbours asked for, ≥ 1; where fewer exist the hits are padded.
            where: SQL condition on the item columns.
            exclude_groups: For each query, the group whose items are left out (None: nothing).
            exclude_ids: For each query, the item left out (None: nothing).

        Raises:
            StoreError: The width differs, ``where`` is not valid, or k < 1.
        """
        ...


class Progress(Protocol):
    """Told how far long work is; the command line draws bars with it, a caller may not care."""

    def start(self, stage: str, total: int | None, unit: str = "items") -> None:
        """A stage begins: what is done, how many steps it has (None: unknown), what a step is."""
        ...

    def advance(self, steps: int = 1) -> None:
        """Steps of the current stage are done."""
        ...

    def grow(self, steps: int) -> None:
        """The current stage turned out to have this many further steps."""
        ...

    def say(self, message: str) -> None:
        """A line the user should read now."""
        ...

    def finish(self) -> None:
        """The current stage ends."""
        ...
