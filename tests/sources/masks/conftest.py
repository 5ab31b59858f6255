"""Small masks and the fields they belong to."""

import numpy as np
import pytest
from PIL import Image

from georetrieve.sources.fields import FieldOfView


@pytest.fixture
def field():
    """A grey field of view of a size; its pixels are never the point."""

    def make(name="a.png", size=(6, 4), **facts):
        def read(region):
            return Image.new("RGB", (region.width, region.height), (90, 90, 90))

        return FieldOfView(name=name, size=size, views=(read,), **facts)

    return make


@pytest.fixture
def put_mask(tmp_path):
    """Write an array as an image below a folder and return its path."""

    def write(name, values, dtype=np.uint8, palette=None):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(np.asarray(values, dtype))
        if palette is not None:
            image.putpalette([part for colour in palette for part in colour])
        image.save(path)
        return path

    return write
