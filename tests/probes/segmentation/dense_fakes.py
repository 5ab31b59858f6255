"""A dense patch encoder whose features can be worked out by hand."""

from dataclasses import replace

import numpy as np
from fakes import FakeEncoder

from georetrieve.errors import EncoderError
from georetrieve.sources.fields import FieldOfView, LabelledField

__all__ = ["ArrayTruth", "DenseFake", "field_of", "labelled"]


class DenseFake(FakeEncoder):
    """A patch's features: its mean red, green and blue in [0, 1], and the constant ½."""

    patch_dim = 4

    def __init__(self, patch_px=4, name="dense-fake"):
        super().__init__(2, name)
        self.patch_px = patch_px
        self.spec = replace(self.spec, sha256=f"{patch_px:064x}", patch_size=patch_px)
        self.windows_seen = 0

    def patch_grids(self, windows):
        count, height, width, _ = windows.shape
        if height % self.patch_px or width % self.patch_px:
            raise EncoderError(f"{height}×{width} is not whole patches")
        self.windows_seen += count
        rows, columns = height // self.patch_px, width // self.patch_px
        cells = windows.reshape(count, rows, self.patch_px, columns, self.patch_px, 3)
        means = cells.mean((2, 4), dtype=np.float64) / 255
        return np.concatenate([means, np.full_like(means[..., :1], 0.5)], -1).astype(np.float32)


class ArrayTruth:
    """A mask in memory that counts what is read of it."""

    def __init__(self, labels):
        self.labels = np.asarray(labels, np.int64)

    @property
    def size(self):
        return self.labels.shape[::-1]

    def read(self, region):
        left, top, right, bottom = region.box
        return self.labels[top:bottom, left:right]


def field_of(*pictures, name="field", view_names=None):
    """A field of views given as images of one size."""
    return FieldOfView(
        name=name,
        size=pictures[0].size,
        views=tuple(lambda region, one=one: one.crop(region.box) for one in pictures),
        view_names=view_names or (("",) if len(pictures) == 1 else ("ppl", "xpl")[: len(pictures)]),
    )


def labelled(labels, *pictures, **options):
    """The same with its mask."""
    return LabelledField(field_of(*pictures, **options), ArrayTruth(labels))
