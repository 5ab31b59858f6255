"""Small fields of view that methods can be fitted to, and what they should make of them."""

import numpy as np
import pytest
from PIL import Image

from georetrieve.sources.fields import FieldOfView, LabelledField
from georetrieve.sources.masks.arrays import ArrayTruth
from georetrieve.sources.masks.classes import ClassTable


@pytest.fixture
def classes():
    return ClassTable.of_names(["pore", "quartz", "pyrite"])


@pytest.fixture
def field_of():
    """Makes a field of view of one RGB array a view."""

    def make(*pixels, name="slice", view_names=None, group=""):
        images = [Image.fromarray(np.asarray(one, np.uint8)) for one in pixels]
        readers = tuple(lambda region, image=image: image.crop(region.box) for image in images)
        names = view_names or (("",) if len(images) == 1 else ("ppl", "xpl")[: len(images)])
        return FieldOfView(
            name=name, size=images[0].size, views=readers, view_names=names, group=group
        )

    return make


@pytest.fixture
def labelled(field_of):
    """Makes a labelled field of class numbers: each class in its colour, with noise."""

    def make(numbers, *, colours=((20, 20, 20), (120, 120, 120), (230, 230, 230)), **facts):
        numbers = np.asarray(numbers)
        rng = np.random.default_rng(int(np.abs(numbers).sum()))
        pixels = np.array(colours)[numbers] + rng.integers(-6, 7, (*numbers.shape, 1))
        views = facts.pop("views", 1)
        arrays = [np.clip(pixels, 0, 255) for _ in range(views)]
        return LabelledField(field_of(*arrays, **facts), ArrayTruth(numbers))

    return make


@pytest.fixture
def checkers():
    """Makes (height, width) class numbers in squares of 8 px."""

    def make(height, width, n_classes=3, shift=0):
        rows, columns = np.indices((height, width)) // 8
        return (rows + columns + shift) % n_classes

    return make
