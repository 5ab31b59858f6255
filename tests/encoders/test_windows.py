"""Windows over a large image say the same as one look, wherever one look is possible."""

import numpy as np
import pytest
from PIL import Image

from georetrieve.encoders.windows import window_bands, window_patches
from georetrieve.errors import EncoderError

PX = 4


class Means:
    """Features: mean red of a patch, and whether it lies at an edge of its window."""

    patch_px, patch_dim = PX, 2

    def __init__(self):
        self.shapes = []

    def patch_grids(self, windows):
        self.shapes.append(windows.shape)
        count, height, width, _ = windows.shape
        rows, columns = height // PX, width // PX
        cells = windows[..., 0].reshape(count, rows, PX, columns, PX).mean((2, 4))
        near = [np.minimum(np.arange(n), n - 1 - np.arange(n)) for n in (rows, columns)]
        edge = (np.minimum(near[0][:, None], near[1]) == 0) * np.ones((count, 1, 1))
        return np.stack([cells, edge], axis=-1).astype(np.float32)


def noise(width, height):
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def test_an_image_that_one_window_covers_is_seen_at_once():
    image, encoder = noise(20, 12), Means()
    patches = window_patches(encoder, image, window_px=32, stride_px=16)
    assert encoder.shapes == [(1, 12, 20, 3)]
    np.testing.assert_array_equal(patches, encoder.patch_grids(np.asarray(image)[None])[0])


@pytest.mark.parametrize("size", [(64, 48), (61, 50), (130, 17), (3, 70), (1, 1), (16, 16)])
@pytest.mark.parametrize("stride_px", [16, 8, 4, 12])
def test_what_a_window_does_not_change_is_as_in_one_look(size, stride_px):
    image = noise(*size)
    patches = window_patches(Means(), image, window_px=16, stride_px=stride_px, batch_size=3)
    rows, columns = -(-size[1] // PX), -(-size[0] // PX)
    assert patches.shape == (rows, columns, 2)
    missing = ((0, rows * PX - size[1]), (0, columns * PX - size[0]), (0, 0))
    whole = np.pad(np.asarray(image), missing, mode="reflect")
    wanted = Means().patch_grids(whole[None])[0]
    np.testing.assert_allclose(patches[..., 0], wanted[..., 0], rtol=1e-5)


def test_weights_rise_from_the_edge_of_a_window_to_its_middle():
    """Three patches a window, one a step: weights ½, 1, ½ along the only row, by hand."""
    patches = window_patches(Edges(), noise(4 * PX, PX), window_px=3 * PX, stride_px=PX)
    # Patch 1 is in the middle of window 0 (says 1, weight 1) and first in window 1 (0, ½).
    np.testing.assert_allclose(patches[0, :, 0], [0, 2 / 3, 2 / 3, 0], rtol=1e-6)


class Edges(Means):
    """One feature: whether a patch is the middle one of a row of three."""

    patch_dim = 1

    def patch_grids(self, windows):
        count, height, width, _ = windows.shape
        row = np.arange(width // PX) == 1
        return np.tile(row[None, None, :, None], (count, height // PX, 1, 1)).astype(np.float32)


def test_seams_are_softer_than_with_a_plain_mean():
    """A feature that a window's edge spoils changes little from patch to patch."""
    image, window, stride = noise(64 * PX, 64 * PX), 16, 8
    edge = window_patches(Means(), image, window_px=window * PX, stride_px=stride * PX)[..., 1]
    step = np.abs(np.diff(edge[16:48, 16:48], axis=1)).max()
    plain, share = np.zeros((64, 64)), np.zeros((64, 64))
    grid = Means().patch_grids(np.zeros((1, window * PX, window * PX, 3)))[0, ..., 1]
    for top in range(0, 49, stride):
        for left in range(0, 49, stride):
            plain[top : top + window, left : left + window] += grid
            share[top : top + window, left : left + window] += 1
    plain_step = np.abs(np.diff((plain / share)[16:48, 16:48], axis=1)).max()
    assert plain_step == pytest.approx(0.5)
    assert step < 0.15


def test_a_large_image_is_read_window_by_window_and_given_row_by_row():
    image, read = noise(100, 90), []

    def reader(region):
        read.append(region)
        return image.crop(region.box)

    options = {"window_px": 32, "stride_px": 16}
    bands = list(window_bands(Means(), reader, image.size, **options))
    assert max(region.width for region in read) == 32
    firsts = [first for first, _ in bands]
    assert firsts == [0, 4, 8, 12, 15]
    assert [len(band) for _, band in bands] == [4, 4, 4, 3, 8]
    whole = np.concatenate([band for _, band in bands])
    np.testing.assert_array_equal(whole, window_patches(Means(), image, **options))


@pytest.mark.parametrize(
    ("window_px", "stride_px", "message"),
    [
        (30, 16, "A window of 30 px is not whole patches of 4 px; use 32"),
        (32, 18, "A stride of 18 px is not whole patches of 4 px; use 16"),
        (16, 0, "A stride of 0 px is not whole patches of 4 px; use 4"),
        (16, 20, "A stride of 20 px leaves gaps"),
    ],
)
def test_windows_that_do_not_suit_are_refused(window_px, stride_px, message):
    with pytest.raises(EncoderError, match=message):
        window_patches(Means(), noise(64, 64), window_px=window_px, stride_px=stride_px)
