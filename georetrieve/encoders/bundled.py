"""The bundled encoder: Fisher vectors of local colour and gradients. No download, no GPU.

An image is squashed to 256×256, described at a grid of points (:mod:`~.descriptors`), and each kind
of description summed up as a Fisher vector over a fitted codebook (:mod:`~.codebook`). The Fisher
vectors are square-rooted, brought to length 1, joined, and projected to the stored width.

A codebook comes with the package; :meth:`BundledEncoder.adapt` fits one to a collection, without
labels. Images are encoded one at a time, so that a vector never depends on its neighbours.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from georetrieve.encoders import descriptors
from georetrieve.encoders.codebook import Codebook, fit_codebook, principal_axes
from georetrieve.errors import EncoderError
from georetrieve.types import EncoderSpec, FloatArray

__all__ = ["BundledEncoder"]

S = TypeVar("S")
T = TypeVar("T")

NAME = "bundled"
FORMAT = "georetrieve-bundled-1"
SHIPPED = "bundled.safetensors"
BOOK_PARTS = ("centre", "projection", "weights", "means", "variances")
LOCAL_WIDTHS = {"colour": descriptors.COLOUR_DIM, "gradient": 64}
GAUSSIANS = 64
DIM = 256
FITTING_POINTS = 100_000
FEWEST_IMAGES = 64
TRANSFORM: Mapping[str, Any] = {
    "kind": "squash",
    "side": descriptors.SIDE,
    "resampling": "bicubic",
    "descriptors": "Lab moments and RootSIFT at scales 2, 4, 8 px, every 8 px",
}

Books = Mapping[str, Codebook]


class BundledEncoder:
    """Encodes images on the CPU; satisfies the image, patch and adaptable encoder protocols.

    Attributes:
        min_images_to_adapt: Fewest images worth fitting to.
    """

    min_images_to_adapt = FEWEST_IMAGES

    def __init__(self, books: Books, axes: Tensor, *, weights: str, adapted: bool = False) -> None:
        """Use :meth:`shipped`, :meth:`load` or :meth:`fit`.

        Args:
            books: Codebooks of the colour and of the gradient descriptors.
            axes: (sum of the Fisher vectors' widths, D) projection.
            weights: Where they come from, for the spec.
            adapted: They were fitted to the collection they are to describe.
        """
        self._books = books
        self._axes = axes.half()
        self._projection = self._axes.float()
        self.spec = EncoderSpec(
            name=NAME,
            family="bundled",
            weights=weights,
            sha256=_digest(self._tensors()),
            dim=axes.shape[1],
            transform=TRANSFORM,
            patch_size=descriptors.SIDE // descriptors.GRID,
            normalised=True,
            metric="euclidean",
            adapted=adapted,
        )

    @classmethod
    def shipped(cls, *, device: str = "auto") -> BundledEncoder:
        """Load the codebook that comes with the package.

        Raises:
            EncoderError: A device other than the CPU was asked for.
        """
        data = importlib.resources.files("georetrieve.encoders") / "data" / SHIPPED
        with importlib.resources.as_file(data) as path:
            return cls.load(path, device=device)

    @classmethod
    def load(cls, path: Path, *, device: str = "auto") -> BundledEncoder:
        """Read what :meth:`save` wrote.

        Raises:
            EncoderError: The file is missing, damaged or of another kind, or a device other than
                the CPU was asked for.
        """
        if device not in {"auto", "cpu"}:
            raise EncoderError(
                f"The bundled encoder runs on the CPU, not on {device!r}; leave the device out."
            )
        facts, tensors = _read(path)
        books = {
            kind: Codebook(*(tensors[f"{kind}.{part}"].float() for part in BOOK_PARTS))
            for kind in LOCAL_WIDTHS
        }
        axes = tensors["axes"]
        joined = sum(book.dim for book in books.values())
        if axes.ndim != 2 or axes.shape[0] != joined:
            raise EncoderError(
                f"{path} is no codebook of the bundled encoder: its axes are of shape "
                f"{tuple(axes.shape)}, its Fisher vectors {joined} numbers wide. Fit it anew."
            )
        return cls(books, axes, weights=path.name, adapted=facts["adapted"])

    def save(self, path: Path) -> None:
        """Write everything that was fitted to one safetensors file."""
        facts = {"format": FORMAT, "adapted": self.spec.adapted, "transform": dict(TRANSFORM)}
        metadata = {"georetrieve": json.dumps(facts, sort_keys=True)}
        path.write_bytes(save(self._tensors(), metadata=metadata))

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
                _for_each(lambda image: _joined_fisher_vectors(image, books), prepared)
            )
            _, axes, _ = principal_axes(rows, DIM)
            return cls(books, axes, weights="fitted", adapted=adapted)

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
        if image.mode != "RGB":
            raise EncoderError(
                f"An image of mode {image.mode!r} was given to an encoder, which takes RGB; read "
                "it with georetrieve's sources, or convert it."
            )
        side = (descriptors.SIDE, descriptors.SIDE)
        return np.array(image.resize(side, Image.Resampling.BICUBIC))

    def encode_prepared(self, batch: Sequence[npt.NDArray[Any]]) -> FloatArray:
        """Return (N, D) float32 vectors of length 1 of N prepared images; thread-safe."""

        def encode(image: npt.NDArray[Any]) -> FloatArray:
            vector = _joined_fisher_vectors(image, self._books) @ self._projection
            unit: FloatArray = (vector / vector.norm()).numpy()
            return unit

        return np.stack(_for_each(encode, batch)).reshape(len(batch), self.spec.dim)

    def encode_images(self, images: Sequence[Image.Image], *, batch_size: int = 32) -> FloatArray:
        """Return (N, D) float32 vectors of length 1 of N RGB images of any sizes."""
        del batch_size  # images are encoded one at a time
        return self.encode_prepared([self.prepare(image) for image in images])

    def encode_patches(self, images: Sequence[Image.Image], *, batch_size: int = 32) -> FloatArray:
        """Return (N, 32, 32, 83) whitened local descriptors, colour before gradients."""
        del batch_size
        side, width = descriptors.GRID, sum(book.means.shape[1] for book in self._books.values())
        patches = np.empty((len(images), side, side, width), dtype=np.float32)
        with torch.inference_mode():
            for cells, image in zip(patches, images, strict=True):
                local = _local_descriptors(self.prepare(image))
                whitened = [book.whiten(local[kind]) for kind, book in self._books.items()]
                cells[:] = torch.cat(whitened, dim=1).reshape(side, side, width).numpy()
        return patches

    def _tensors(self) -> dict[str, Tensor]:
        tensors = {
            f"{kind}.{part}": getattr(book, part).contiguous()
            for kind, book in self._books.items()
            for part in BOOK_PARTS
        }
        return {**tensors, "axes": self._axes.contiguous()}


def _for_each(work: Callable[[S], T], images: Sequence[S]) -> list[T]:
    """Apply ``work`` to every image, each on one thread, as many at a time as torch has threads.

    An image is too small to share among threads: they would wait for each other more than work, the
    longer the busier the machine is. One thread an image also adds up in one order, everywhere.
    """

    def alone(image: S) -> T:
        with torch.inference_mode():
            return work(image)

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # new threads take it over
    try:
        with ThreadPoolExecutor(threads, thread_name_prefix="bundled") as pool:
            return list(pool.map(alone, images))
    finally:
        torch.set_num_threads(threads)


def _local_descriptors(image: npt.NDArray[np.uint8]) -> dict[str, Tensor]:
    """(GRID², D) descriptors of a prepared image, by kind."""
    lab = descriptors.lab_planes(image)
    return {
        "colour": descriptors.colour_descriptors(lab),
        "gradient": descriptors.gradient_descriptors(lab[0]),
    }


def _joined_fisher_vectors(image: npt.NDArray[np.uint8], books: Books) -> Tensor:
    """Square-rooted Fisher vectors of length 1, one behind the other."""
    local = _local_descriptors(image)
    parts: list[Tensor] = []
    for kind, book in books.items():
        vector = book.fisher_vector(book.whiten(local[kind]))
        rooted = vector.sign() * vector.abs().sqrt()
        parts.append(rooted / rooted.norm())
    return torch.cat(parts)


def _sample_points(prepared: Sequence[npt.NDArray[Any]], seed: int) -> dict[str, Tensor]:
    """As many descriptors of every image, chosen at random, 100,000 in all at most."""
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

    for sampled in _for_each(sample, list(zip(prepared, chosen, strict=True))):
        for kind, rows in sampled.items():
            samples[kind].append(rows)
    return {kind: torch.cat(rows) for kind, rows in samples.items()}


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tuple(tensors[name].shape)} ".encode())
        digest.update(tensors[name].numpy().tobytes())
    return digest.hexdigest()


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Facts and tensors of a codebook file, checked.

    Raises:
        EncoderError: The file is missing, damaged or of another kind.
    """
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {}).get("georetrieve", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 -- no mapping
    except (SafetensorError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise EncoderError(f"The codebook {path} cannot be read: {reason}.") from error
    if facts.get("format") != FORMAT:
        raise EncoderError(
            f"{path} is no codebook of the bundled encoder of this version (format "
            f"{facts.get('format')!r} instead of {FORMAT!r}); fit it anew."
        )
    wanted = {f"{kind}.{part}" for kind in LOCAL_WIDTHS for part in BOOK_PARTS} | {"axes"}
    if set(tensors) != wanted:
        differing = ", ".join(sorted(set(tensors) ^ wanted))
        raise EncoderError(
            f"The codebook {path} lacks tensors, or has some too many: {differing}. Fit it anew."
        )
    return facts, tensors
