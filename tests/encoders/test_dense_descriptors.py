"""Dense descriptors: by hand where that can be done, and the same wherever a pixel lies."""

import numpy as np
import pytest
import torch
from PIL import Image

from georetrieve.encoders.bundled import BundledEncoder
from georetrieve.encoders.dense_descriptors import (
    CONSTANT,
    DENSE_DIM,
    PER_SCALE,
    REACH_PX,
    dense_descriptors,
)
from georetrieve.encoders.windows import window_patches

SCALES = range(5)
L, A, B, L_DEVIATION, GRADIENT, LARGER, SMALLER = 0, 1, 2, 3, 6, 7, 8


def described(lightness):
    """(height, width, scales, 9) of a grey image given by its L*."""
    plane = torch.as_tensor(lightness, dtype=torch.float32)
    lab = torch.stack([plane, torch.zeros_like(plane), torch.zeros_like(plane)])
    found = dense_descriptors(lab).numpy()
    assert found.shape == (*plane.shape, DENSE_DIM)
    assert (found[..., -1] == CONSTANT).all()
    return found[..., :-1].reshape(*plane.shape, len(SCALES), PER_SCALE)


@pytest.fixture(scope="module")
def encoder():
    return BundledEncoder.shipped()


def noise(width, height, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_a_flat_image_has_its_colour_and_no_texture():
    found = described(np.full((40, 50), 80.0))
    np.testing.assert_allclose(found[..., L], 30, atol=1e-4)
    np.testing.assert_allclose(found[..., 1:], 0, atol=1e-4)


def test_a_point_is_smoothed_by_the_spline():
    """Of a point of 64 the B3 spline leaves (6/16)² at its place, then less."""
    image = np.full((41, 41), 50.0)
    image[20, 20] += 64
    middle = described(image)[20, 20, :, L]
    assert middle[0] == pytest.approx(64)
    assert middle[1] == pytest.approx(64 * (6 / 16) ** 2)
    # The second step has taps 2 px apart: its centre on the centre, its sides on the first's ends.
    assert middle[2] == pytest.approx(64 * ((6 * 6 + 2 * 4 * 1) / 16**2) ** 2)


def test_the_deviation_is_that_of_the_spline():
    """A checkerboard of ±10: the mean is 0 after one step, and the deviation 10."""
    board = 50 + 10.0 * (-1) ** np.add.outer(np.arange(30), np.arange(30))
    found = described(board)[15, 15]
    assert found[0, L_DEVIATION] == pytest.approx(0, abs=1e-3)
    assert found[1, L] == pytest.approx(0, abs=1e-4)
    assert found[1, L_DEVIATION] == pytest.approx(10, rel=1e-3)


def test_a_ramp_has_a_gradient_whichever_way_it_runs():
    rows, columns = np.mgrid[:60, :60].astype(float)
    for image in (columns, rows, (rows + columns) / np.sqrt(2)):
        found = described(image)[30, 30]
        np.testing.assert_allclose(found[:4, GRADIENT], [1, 1, 2, 4], rtol=1e-4)
        np.testing.assert_allclose(found[:4, [LARGER, SMALLER]], 0, atol=1e-3)


def test_a_bright_line_bends_one_way_and_a_bright_spot_both():
    line, spot = np.zeros((41, 41)), np.zeros((41, 41))
    line[:, 20] = 10
    spot[20, 20] = 10
    np.testing.assert_allclose(described(line)[20, 20, 0, [LARGER, SMALLER]], [0, -20], atol=1e-4)
    np.testing.assert_allclose(described(spot)[20, 20, 0, [LARGER, SMALLER]], [-20, -20], atol=1e-4)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turned_images_have_the_same_descriptors(encoder, turns):
    image = noise(30, 20)
    turned = encoder.patch_grids(np.rot90(image, turns)[None])[0]
    wanted = np.rot90(encoder.patch_grids(image[None])[0], turns)
    np.testing.assert_allclose(turned, wanted, atol=2e-3)


def test_grey_is_not_coloured(encoder):
    grey = np.repeat(noise(30, 20)[..., :1], 3, axis=2)
    found = encoder.patch_grids(grey[None])[0, ..., :-1].reshape(20, 30, 5, PER_SCALE)
    np.testing.assert_allclose(found[..., [A, B]], 0, atol=1e-3)


def test_what_lies_beyond_the_reach_says_nothing(encoder):
    image = noise(2 * REACH_PX + 21, 15)
    other = image.copy()
    other[:, 0] = 255 - other[:, 0]
    one, changed = encoder.patch_grids(np.stack([image, other]))
    same = (one == changed).all(axis=(0, 2))
    assert same[REACH_PX + 1 :].all()
    assert not same[:5].any()


def test_a_window_says_what_one_look_says_but_for_its_edge(encoder):
    image = noise(200, 180)
    whole = encoder.patch_grids(image[None])[0, 20:150, 30:170]
    window = encoder.patch_grids(image[None, 20:150, 30:170])[0]
    inner = (slice(REACH_PX, -REACH_PX),) * 2
    np.testing.assert_array_equal(window[inner], whole[inner])


def test_windows_blend_without_seams(encoder):
    """Half of the reach is far from where most of it is: what edges add is hardly seen."""
    image = noise(330, 260)
    whole = encoder.patch_grids(image[None])[0]
    found = window_patches(encoder, Image.fromarray(image), window_px=160, stride_px=160 - REACH_PX)
    assert np.abs(found - whole).mean() < 2e-3 * np.abs(whole).mean()


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (300, 1), (2, 2)])
def test_any_window_has_descriptors(encoder, shape):
    found = encoder.patch_grids(np.zeros((1, *shape, 3), np.uint8))
    assert found.shape == (1, *shape, DENSE_DIM)
    assert np.isfinite(found).all()
    assert (np.linalg.norm(found, axis=-1) > 1).all()


def test_black_grey_and_white_point_elsewhere(encoder):
    flat = np.repeat(np.array([0, 128, 255], np.uint8), 3).reshape(3, 1, 1, 3)
    found = encoder.patch_grids(flat).reshape(3, -1)
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    assert (unit @ unit.T)[np.triu_indices(3, 1)].max() < 0.9
