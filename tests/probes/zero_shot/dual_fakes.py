"""An encoder of colours and their names, whose cosines can be worked out by hand.

An image is its mean (red, green, blue) over 255. A text that names colours is their sum; any other
is a direction of its own in the upper half of the blue-grey plane, drawn from its last letters.
"""

import numpy as np

from georetrieve.encoders.registry import Family
from georetrieve.types import EncoderSpec

COLOURS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1)}


class DualEncoder:
    """Images and texts; ``bias`` makes it one of the sigmoid loss."""

    logit_scale = 10.0

    def __init__(self, name="dual", bias=0.0):
        self.logit_bias = bias
        self.spec = EncoderSpec(
            name=name,
            family="dual",
            weights="none",
            sha256=f"{3:064x}",
            dim=3,
            transform={"kind": "colours"},
            metric="cosine",
        )
        self.texts_at_once = []

    def prepare(self, image):
        return np.asarray(image, np.float32).mean((0, 1)) / 255

    def encode_prepared(self, batch):
        return np.float32(batch)

    def encode_images(self, images, *, batch_size=32):
        return self.encode_prepared([self.prepare(image) for image in images])

    def encode_texts(self, texts, *, batch_size=256):
        self.texts_at_once.append(len(texts))
        return np.float32([_direction(text) for text in texts])


def _direction(text):
    named = [COLOURS[word] for word in text.split() if word in COLOURS]
    if named:
        return np.sum(named, axis=0)
    angle = np.pi * (sum(text.encode()) % 97) / 97
    return np.array([1, 1, 0]) * np.cos(angle) / 2**0.5 + np.array([0, 0, 1]) * np.sin(angle)


def load_named(name, options=None, *, runtime=None, progress=None):
    return DualEncoder(name, bias=-8.0 if name == "dual-sigmoid" else 0.0)


def load_spec(spec, index_dir, *, runtime=None):
    return load_named(spec.name)


DUAL_FAMILY = Family(
    name="dual",
    summary="colours and their names",
    module="dual_fakes",
    names=("dual", "dual-sigmoid"),
)
