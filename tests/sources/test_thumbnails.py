"""Small pictures of items."""

import io

import numpy as np
import pytest
from PIL import Image

from georetrieve.sources.thumbnails import thumbnail


@pytest.mark.parametrize(
    ("size", "small"),
    [
        ((320, 80), (160, 40)),
        ((80, 320), (40, 160)),
        ((160, 30), (160, 30)),
        ((5, 7), (5, 7)),
        ((4000, 2), (160, 1)),
    ],
)
def test_the_long_side_is_at_most_160_pixels(size, small):
    with Image.open(io.BytesIO(thumbnail(Image.new("RGB", size)))) as made:
        assert (made.format, made.size) == ("WEBP", small)


def test_it_looks_like_the_image():
    pixels = np.zeros((320, 320, 3), np.uint8)
    pixels[:, 160:] = (200, 30, 40)
    with Image.open(io.BytesIO(thumbnail(Image.fromarray(pixels)))) as made:
        found = np.asarray(made.convert("RGB"), int)
    assert np.abs(found[:, :70]).max() <= 12
    assert np.abs(found[:, 90:] - [200, 30, 40]).max() <= 12
