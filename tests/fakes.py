"""An encoder whose vectors can be worked out by hand, in three sizes of grid.

The vector of an image is, cell by cell of a coarse grid (rows from the top), the mean red, green
and blue in [0, 1], and at the end the constant 1: an all-red image gives ``(1, 0, 0) * cells +
(1,)``. An image is cut into cells at ``row * height // grid``, so an image of at least ``grid``
pixels a side has no empty cell; smaller ones are enlarged first, without smoothing.

The fixture ``fake_family`` registers the names ``fake`` (2×2 cells, D = 13), ``fake3`` (3×3,
D = 28) and ``fake-adaptable`` (2×2, minus the mean of the collection it was adapted to).
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import load_file, save_file

from georetrieve.encoders.registry import Family
from georetrieve.types import EncoderSpec

__all__ = ["FAKE_FAMILY", "FakeAdaptableEncoder", "FakeEncoder", "fake_vector", "solid"]


def solid(red, green, blue, size=(8, 8)):
    """An image of one colour."""
    return Image.new("RGB", size, (red, green, blue))


def fake_vector(red, green, blue, *, grid=2):
    """What :class:`FakeEncoder` gives for an image of one colour."""
    cell = np.array([red, green, blue]) / 255
    return np.append(np.tile(cell, grid * grid), 1).astype(np.float32)


class FakeEncoder:
    """Image and patch encoder; see the module."""

    def __init__(self, grid=2, name="fake"):
        self.grid = grid
        self.spec = EncoderSpec(
            name=name,
            family="fake",
            weights="none",
            sha256=f"{grid:064x}",
            dim=3 * grid * grid + 1,
            transform={"kind": "grid", "grid": grid},
            patch_size=1,
        )
        self.images_encoded = 0  # so that a test can tell that nothing was encoded twice

    def prepare(self, image):
        """(grid, grid, 3) float32 means in [0, 1]."""
        pixels = np.asarray(image, np.float32) / 255
        if min(pixels.shape[:2]) < self.grid:
            pixels = pixels.repeat(self.grid, axis=0).repeat(self.grid, axis=1)
        rows, columns = (
            [side * step // self.grid for step in range(self.grid + 1)] for side in pixels.shape[:2]
        )
        cells = [
            pixels[top:bottom, left:right].mean((0, 1), dtype=np.float64)
            for top, bottom in pairwise(rows)
            for left, right in pairwise(columns)
        ]
        return np.reshape(cells, (self.grid, self.grid, 3)).astype(np.float32)

    def encode_prepared(self, batch):
        self.images_encoded += len(batch)
        cells = np.reshape(batch, (len(batch), self.spec.dim - 1)).astype(np.float32)
        return np.hstack([cells, np.ones((len(batch), 1), np.float32)])

    def encode_images(self, images, *, batch_size=32):
        return self.encode_prepared([self.prepare(image) for image in images])

    def encode_patches(self, images, *, batch_size=32):
        cells = np.reshape(
            [self.prepare(i) for i in images], (len(images), self.grid, self.grid, 3)
        )
        return np.concatenate([cells, np.ones_like(cells[..., :1])], axis=-1).astype(np.float32)


class FakeAdaptableEncoder(FakeEncoder):
    """The 2×2 encoder less the mean of the collection it was adapted to."""

    min_images_to_adapt = 4

    def __init__(self, mean=None):
        super().__init__(2, "fake-adaptable")
        self.mean = np.zeros(self.spec.dim, np.float32) if mean is None else mean
        facts = self.spec.to_json()
        digest = "".join(f"{round(float(value) * 255) % 256:02x}" for value in self.mean)
        self.spec = EncoderSpec.from_json(
            {**facts, "sha256": digest.ljust(64, "0"), "adapted": mean is not None}
        )

    def encode_prepared(self, batch):
        return super().encode_prepared(batch) - self.mean

    def adapt(self, prepared, *, seed=0):
        mean = FakeEncoder().encode_prepared(prepared).mean(axis=0)
        mean[-1] = 0
        return FakeAdaptableEncoder(mean)

    def save(self, path):
        save_file({"mean": self.mean, "adapted": np.array([self.spec.adapted])}, path)

    @classmethod
    def load(cls, path):
        values = load_file(path)
        return cls(values["mean"] if values["adapted"][0] else None)


def load_named(name, options=None, *, runtime=None, progress=None):
    encoders = {
        "fake": FakeEncoder,
        "fake3": lambda: FakeEncoder(3, "fake3"),
        "fake-adaptable": FakeAdaptableEncoder,
    }
    return encoders[name]()


def load_spec(spec, index_dir, *, runtime=None):
    if spec.name == "fake-adaptable":
        return FakeAdaptableEncoder.load(
            Path(index_dir) / "encoders" / f"{spec.column}.safetensors"
        )
    return load_named(spec.name)


FAKE_FAMILY = Family(
    name="fake",
    summary="mean colours of a coarse grid",
    module="fakes",
    names=("fake", "fake3", "fake-adaptable"),
)
