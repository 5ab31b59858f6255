"""The bundled encoder: Fisher vectors of local colour and gradients. No download, no GPU.

An image is squashed to 256×256, described at a grid of points (:mod:`~.descriptors`), and each kind
of description summed up as a Fisher vector over a fitted codebook (:mod:`~.codebook`). The Fisher
vectors are square-rooted, brought to length 1, joined, and projected to the stored width.

A codebook comes with the package; :meth:`BundledEncoder.adapt` fits one to a collection, without
labels. Images are encoded one at a time, so that a vector never depends on its neighbours.
"""

from __future__ import annotations

import importlib.resources
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from georetrieve.encoders import descriptors
from georetrieve.encoders.codebook import Codebook, fit_codebook, principal_axes
from georetrieve.encoders.codebook_file import (
    ByteAxes,
    digest,
    pack,
    quantise,
    read_codebooks,
    write_codebooks,
)
from georetrieve.encoders.crew import for_each
from georetrieve.encoders.dense_descriptors import DENSE_DIM, REACH_PX, dense_descriptors
from georetrieve.encoders.transforms import check_rgb
from georetrieve.errors import EncoderError
from georetrieve.types import EncoderSpec, FloatArray

__all__ = ["BundledEncoder", "prepare_image"]

NAME = "bundled"
SHIPPED = "bundled.safetensors"
DESCRIPTOR_WIDTHS = {"colour": descriptors.COLOUR_DIM, "gradient": descriptors.GRADIENT_DIM}
LOCAL_WIDTHS = {"colour": descriptors.COLOUR_DIM, "gradient": 64}
# Squared lengths of the two Fisher vectors in the whole: gradients count twice.
SHARES = {"colour": 1 / 3, "gradient": 2 / 3}
GAUSSIANS = 64
# A projection fitted to other images needs more axes to keep as much of a collection.
DIM, ADAPTED_DIM = 512, 256
FITTING_POINTS = 50_000
FEWEST_IMAGES = 64
TRANSFORM: Mapping[str, Any] = {
    "kind": "squash",
    "side": descriptors.SIDE,
    "resampling": "bicubic",
    "descriptors": "Lab moments and radial RootSIFT every 8 px",
}

Books = Mapping[str, Codebook]


class BundledEncoder:
    """Encodes images on the CPU; satisfies the image, local patch and adaptable encoder protocols.

    Attributes:
        min_images_to_adapt: Fewest images worth fitting to.
        patch_px: Side of a patch of :meth:`patch_grids`: a pixel.
        patch_dim: Width of its descriptor.
        reach_px: Farthest pixel beyond a patch that its descriptor depends on.
    """

    min_images_to_adapt = FEWEST_IMAGES
    patch_px = 1
    patch_dim = DENSE_DIM
    reach_px = REACH_PX

    def __init__(
        self, books: Books, axes: ByteAxes, *, weights: str, adapted: bool = False
    ) -> None:
        """Use :meth:`shipped`, :meth:`load` or :meth:`fit`.

        Args:
            books: Codebooks of the colour and of the gradient descriptors.
            axes: Projection from the joined Fisher vectors to D numbers.
            weights: Where they come from, for the spec.
            adapted: They were fitted to the collection they are to describe.
        """
        self._books = books
        self._axes = axes
        self._projection = axes.floats()
        self.spec = EncoderSpec(
            name=NAME,
            family="bundled",
            weights=weights,
            sha256=digest(pack(books, self._axes)),
            dim=self._projection.shape[1],
            transform=TRANSFORM,
            patch_size=descriptors.SIDE // descriptors.GRID,
            normalised=True,
            metric="euclidean",
            adapted=adapted,
        )

    @classmethod
    def shipped(cls) -> BundledEncoder:
        """Load the codebook that comes with the package."""
        data = importlib.resources.files("georetrieve.encoders") / "data" / SHIPPED
        with importlib.resources.as_file(data) as path:
            return cls.load(path)

    @classmethod
    def load(cls, path: Path) -> BundledEncoder:
        """Read what :meth:`save` wrote.

        Raises:
            EncoderError: The file is missing, damaged or of another kind.
        """
        books, axes, facts = read_codebooks(path, DESCRIPTOR_WIDTHS)
        return cls(books, axes, weights=path.name, adapted=bool(facts["adapted"]))

    def save(self, path: Path) -> None:
        """Write everything that was fitted to one safetensors file."""
        facts = {"adapted": self.spec.adapted, "transform": dict(TRANSFORM)}
        write_codebooks(path, self._books, self._axes, facts)

    @classmethod
    def fit(
        cls, prepared: Sequence[npt.NDArray[Any]], *, seed: int = 0, adapted: bool = False
    ) -> BundledEncoder:
        """Fit codebooks and projection, without labels, to prepared images.

        The same images and seed give the same encoder.

        Raises:
            EncoderError: The images are too few, or all alike.
        """
        if len(prepared) < FEWEST_IMAGES:
            raise EncoderError(
                f"{len(prepared)} images are too few to fit the bundled encoder to; give at least "
                f"{FEWEST_IMAGES}, or use it as shipped."
            )
        with torch.inference_mode():
            points = _sample_points(prepared, seed)
            books = {
                kind: fit_codebook(rows, width=LOCAL_WIDTHS[kind], gaussians=GAUSSIANS, seed=seed)
                for kind, rows in points.items()
            }
            del points
            rows = torch.stack(
                for_each(lambda image: _joined_fisher_vectors(image, books), prepared)
            )
            axes, _ = principal_axes(rows, ADAPTED_DIM if adapted else DIM)
            return cls(books, quantise(axes), weights="fitted", adapted=adapted)

    def adapt(self, prepared: Sequence[npt.NDArray[Any]], *, seed: int = 0) -> BundledEncoder:
        """Return an encoder fitted, without labels, to the prepared images of a collection.

        Raises:
            EncoderError: The images are too few, or all alike.
        """
        return self.fit(prepared, seed=seed, adapted=True)

    def prepare(self, image: Image.Image) -> npt.NDArray[np.uint8]:
        """Squash an RGB image of any size to (256, 256, 3) bytes; thread-safe.

        Raises:
            EncoderError: The image is not RGB.
        """
        return prepare_image(image)

    def encode_prepared(self, batch: Sequence[npt.NDArray[Any]]) -> FloatArray:
        """Return (N, D) float32 vectors of length 1 of N prepared images; thread-safe."""

        def encode(image: npt.NDArray[Any]) -> FloatArray:
            vector = _joined_fisher_vectors(image, self._books) @ self._projection
            unit: FloatArray = (vector / vector.norm()).numpy()
            return unit

        vectors = np.empty((len(batch), self.spec.dim), dtype=np.float32)
        for row, vector in zip(vectors, for_each(encode, batch), strict=True):
            row[:] = vector
        return vectors

    def encode_images(self, images: Sequence[Image.Image], *, batch_size: int = 32) -> FloatArray:
        """Return (N, D) float32 vectors of length 1 of N RGB images of any sizes."""
        del batch_size  # images are encoded one at a time
        return self.encode_prepared([self.prepare(image) for image in images])

    def encode_patches(self, images: Sequence[Image.Image], *, batch_size: int = 32) -> FloatArray:
        """Return (N, 32, 32, 89) whitened local descriptors, colour before gradients.

        A patch knows nothing of where in the image it lies: its gradients are upright, and its
        distance from the centre is taken to be the average one.
        """
        del batch_size
        side, width = descriptors.GRID, sum(book.means.shape[1] for book in self._books.values())
        patches = np.empty((len(images), side, side, width), dtype=np.float32)

        def describe(image: Image.Image) -> FloatArray:
            local = _local_descriptors(self.prepare(image), upright=True)
            local["colour"][:, -1] = self._books["colour"].centre[-1]
            whitened = [book.whiten(local[kind]) for kind, book in self._books.items()]
            cells: FloatArray = torch.cat(whitened, dim=1).reshape(side, side, width).numpy()
            return cells

        for place, cells in zip(patches, for_each(describe, images), strict=True):
            place[:] = cells
        return patches

    def patch_grids(self, windows: npt.NDArray[Any]) -> FloatArray:
        """Return (N, height, width, D) descriptors of (N, height, width, 3) bytes, not resized.

        They are those of :mod:`~.dense_descriptors`, made for maps, and depend on no codebook:
        other ones than those of :meth:`encode_patches`, which describe whole images.
        """
        grids = np.empty((*windows.shape[:3], DENSE_DIM), dtype=np.float32)

        def describe(place: int) -> None:
            lab = descriptors.lab_planes(np.array(windows[place]))  # torch wants to own its bytes
            dense_descriptors(lab, torch.from_numpy(grids[place]))

        for_each(describe, range(len(windows)))
        return grids


def prepare_image(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Squash an RGB image of any size to (256, 256, 3) bytes.

    Raises:
        EncoderError: The image is not RGB.
    """
    check_rgb(image)
    side = (descriptors.SIDE, descriptors.SIDE)
    return np.array(image.resize(side, Image.Resampling.BICUBIC))


def _local_descriptors(image: npt.NDArray[np.uint8], *, upright: bool = False) -> dict[str, Tensor]:
    """(GRID², D) descriptors of a prepared image, by kind."""
    lab = descriptors.lab_planes(image)
    return {
        "colour": descriptors.colour_descriptors(lab),
        "gradient": descriptors.gradient_descriptors(lab[0], upright=upright),
    }


def _joined_fisher_vectors(image: npt.NDArray[np.uint8], books: Books) -> Tensor:
    """Square-rooted Fisher vectors of length 1, one behind the other."""
    local = _local_descriptors(image)
    parts: list[Tensor] = []
    for kind, book in books.items():
        vector = book.fisher_vector(book.whiten(local[kind]))
        rooted = vector.sign() * vector.abs().sqrt()
        parts.append(rooted * (math.sqrt(SHARES[kind]) / rooted.norm()))
    return torch.cat(parts)


def _sample_points(prepared: Sequence[npt.NDArray[Any]], seed: int) -> dict[str, Tensor]:
    """As many descriptors of every image, chosen at random, 50,000 in all at most."""
    generator = np.random.default_rng(seed)
    count = min(descriptors.GRID**2, FITTING_POINTS // len(prepared))
    samples: dict[str, list[Tensor]] = {kind: [] for kind in LOCAL_WIDTHS}
    chosen = [
        torch.from_numpy(generator.choice(descriptors.GRID**2, count, replace=False))
        for _ in prepared
    ]

    def sample(task: tuple[npt.NDArray[Any], Tensor]) -> dict[str, Tensor]:
        image, places = task
        return {kind: local[places] for kind, local in _local_descriptors(image).items()}

    for sampled in for_each(sample, list(zip(prepared, chosen, strict=True))):
        for kind, rows in sampled.items():
            samples[kind].append(rows)
    return {kind: torch.cat(rows) for kind, rows in samples.items()}
