"""Small maps and what they are maps of."""

import numpy as np
import pytest
from PIL import Image

from georetrieve.probes.segmentation.interface import Band
from georetrieve.sources.fields import FieldOfView
from georetrieve.sources.masks.classes import ClassTable, MapClass

TABLE = ClassTable(
    (
        MapClass("pore", 0, (0, 114, 178)),
        MapClass("quartz", 10, (230, 159, 0)),
        MapClass("clay", 20, (0, 158, 115)),
    )
)


@pytest.fixture
def table():
    """Three classes with the codes 0, 10 and 20."""
    return TABLE


@pytest.fixture
def field():
    """A grey field of view."""

    def make(size, name="s/a.png", **facts):
        def read(region):
            return Image.new("RGB", (region.width, region.height), (120, 120, 120))

        return FieldOfView(name=name, size=size, views=(read,), **facts)

    return make


@pytest.fixture
def bands():
    """The map of (height, width) class numbers in bands of some height; -1 has no probability."""

    def cut(classes, rows, sure=1.0):
        numbers = np.asarray(classes)
        spread = (1 - sure) / (len(TABLE) - 1)
        for top in range(0, len(numbers), rows):
            part = numbers[top : top + rows]
            shares = np.full((*part.shape, len(TABLE)), spread, np.float32)
            np.put_along_axis(shares, np.maximum(part, 0)[..., None], sure, axis=2)
            shares[part < 0] = 0
            yield Band(top, shares)

    return cut
