"""One vector for the eight views of a square."""

import numpy as np
import pytest
from contracts_encoder import blobs
from fakes import FakeAdaptableEncoder, FakeEncoder
from PIL import Image

from georetrieve.encoders.rotations import VIEWS, robust, view
from georetrieve.errors import EncoderError
from georetrieve.protocols import (
    AdaptableEncoder,
    AttentiveEncoder,
    DensePatchEncoder,
    PatchEncoder,
    TextEncoder,
)


def test_the_views_of_a_square_by_hand():
    square = np.array([[1, 2], [3, 4]])
    views = [view(square, number).tolist() for number in range(VIEWS)]
    assert views == [
        [[1, 2], [3, 4]],
        [[2, 4], [1, 3]],
        [[4, 3], [2, 1]],
        [[3, 1], [4, 2]],
        [[2, 1], [4, 3]],
        [[4, 2], [3, 1]],
        [[3, 4], [1, 2]],
        [[1, 3], [2, 4]],
    ]


@pytest.mark.parametrize("number", range(VIEWS))
def test_every_view_of_an_image_has_its_vector(number):
    """Means of cells over all views are the same for all: exact up to rounding."""
    encoder, image = robust(FakeEncoder(3)), blobs(0, (96, 96))
    turned = Image.fromarray(view(np.asarray(image), number))
    plain, other = encoder.encode_images([image, turned])
    np.testing.assert_allclose(plain, other, atol=1e-6)
    assert np.abs(FakeEncoder(3).encode_images([image]) - plain).max() > 1e-3


def test_the_mean_by_hand():
    """A red corner is in each of the four cells in two of the eight views: a quarter of red."""
    image = Image.new("RGB", (8, 8))
    image.paste((255, 0, 0), (0, 0, 4, 4))
    vector = robust(FakeEncoder()).encode_images([image])[0]
    np.testing.assert_allclose(vector, [*([0.25, 0, 0] * 4), 1], atol=1e-6)


def test_patches_turn_with_the_image():
    encoder, image = robust(FakeEncoder(3)), blobs(1, (96, 96))
    assert isinstance(encoder, PatchEncoder)
    upright = encoder.encode_patches([image])[0]
    for number in range(VIEWS):
        turned = Image.fromarray(view(np.asarray(image), number))
        found = encoder.encode_patches([turned])[0]
        np.testing.assert_allclose(found, view(upright, number), atol=1e-6)
    assert encoder.encode_patches([]).shape == (0, 3, 3, 4)


def test_the_spec_says_so_and_what_can_be_adapted_still_can():
    plain, turned = FakeEncoder(), robust(FakeEncoder())
    assert turned.spec.name == "fake,rotations=8"
    assert turned.spec.features == {"rotations": 8}
    assert turned.spec.fingerprint != plain.spec.fingerprint
    assert not isinstance(turned, AdaptableEncoder)
    adapted = robust(FakeAdaptableEncoder()).adapt([np.ones((2, 2, 3), np.float32)] * 4)
    assert adapted.spec.adapted
    assert adapted.spec.features == {"rotations": 8}
    assert isinstance(adapted, AdaptableEncoder)


def test_an_encoder_that_sees_no_squares_is_refused():
    class Strip(FakeEncoder):
        def prepare(self, image):
            return np.zeros((2, 3, 3), np.float32)

    with pytest.raises(EncoderError, match="fake does not see squares"):
        robust(Strip())


class TalkingEncoder(FakeEncoder):
    """One with texts and attention: the red of each cell."""

    def encode_texts(self, texts, *, batch_size=256):
        return np.array([[len(text)] * self.spec.dim for text in texts], np.float32)

    def attention(self, images, *, batch_size=32):
        return self.encode_patches(images)[..., 0][:, None]


def test_texts_and_attention_are_kept():
    encoder, image = robust(TalkingEncoder(3)), blobs(1, (96, 96))
    assert isinstance(encoder, TextEncoder)
    assert encoder.encode_texts(["quartz"])[0, 0] == 6
    assert isinstance(encoder, AttentiveEncoder)
    upright = encoder.attention([image])[0, 0]
    turned = Image.fromarray(view(np.asarray(image), 5))
    np.testing.assert_allclose(encoder.attention([turned])[0, 0], view(upright, 5), atol=1e-6)


def test_what_the_encoder_within_lacks_is_not_promised():
    encoder = robust(FakeEncoder())
    promised = TextEncoder | AttentiveEncoder | AdaptableEncoder | DensePatchEncoder
    assert not isinstance(encoder, promised)


class WindowEncoder(FakeEncoder):
    """Patches of 2 px: the red of the upper left pixel, and the row that the patch lies in."""

    patch_px, patch_dim = 2, 2

    def __init__(self):
        super().__init__()
        self.seen = []

    def patch_grids(self, windows):
        self.seen.append(windows.shape[1:3])
        corners = windows[:, ::2, ::2, 0].astype(np.float32)
        rows = np.arange(corners.shape[1], dtype=np.float32)[:, None]
        return np.stack([corners, np.broadcast_to(rows, corners.shape)], axis=-1)


def test_windows_by_hand():
    """Each pixel of a patch comes to its upper left corner in two of the eight views."""
    within = WindowEncoder()
    encoder = robust(within)
    assert isinstance(encoder, DensePatchEncoder)
    assert isinstance(encoder, PatchEncoder)
    assert (encoder.patch_px, encoder.patch_dim) == (2, 2)
    windows = np.zeros((1, 2, 4, 3), np.uint8)  # one row of two patches
    windows[0, :, :, 0] = [[4, 8, 40, 80], [12, 16, 120, 160]]
    found = encoder.patch_grids(windows)
    assert found.shape == (1, 1, 2, 2)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[0, 0, :, 0], [10, 100])
    # In four views the patches lie in one row, 0; in the others either is two times in row 1.
    np.testing.assert_array_equal(found[0, 0, :, 1], [0.25, 0.25])
    assert within.seen == [(2, 4), (4, 2)] * 4
    assert encoder.patch_grids(windows[:0]).shape == (0, 1, 2, 2)


@pytest.mark.parametrize("number", range(VIEWS))
def test_the_features_of_windows_turn_with_them(number):
    encoder = robust(WindowEncoder())
    windows = np.stack([np.asarray(blobs(seed, (6, 4))) for seed in range(2)])
    turned = np.stack([view(window, number) for window in windows])
    wanted = [view(grid, number) for grid in encoder.patch_grids(windows)]
    np.testing.assert_allclose(encoder.patch_grids(turned), wanted, atol=1e-5)
