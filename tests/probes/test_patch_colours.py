import numpy as np
import pytest
from PIL import Image

from georetrieve.encoders.registry import load_encoder
from georetrieve.probes.patch_colours import patch_picture


def test_an_image_stands_beside_its_patches():
    pixels = np.full((40, 61, 3), 200, np.uint8)
    pixels[:, :30] = (40, 60, 160)
    image = Image.fromarray(pixels)
    picture, share = patch_picture(load_encoder("bundled"), image)
    assert picture.size == (2 * 61 + 8, 40)
    np.testing.assert_array_equal(np.asarray(picture)[:, :61], pixels)
    assert 0.9 < share <= 1
    left, right = np.asarray(picture)[20, 69 + 8], np.asarray(picture)[20, 69 + 52]
    # Far from their border the two halves are two colours, each one all over.
    assert np.abs(left.astype(int) - right).max() > 60
    assert np.ptp(np.asarray(picture)[5:35, 69:74].reshape(-1, 3), axis=0).max() <= 40


@pytest.mark.parametrize("size", [(1, 1), (3, 2)])
def test_tiny_images(size):
    picture, _ = patch_picture(load_encoder("bundled"), Image.new("RGB", size))
    assert picture.height == size[1]
