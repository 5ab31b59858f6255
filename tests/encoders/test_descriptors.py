"""Local descriptors against what can be worked out by hand."""

import math

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from georetrieve.encoders import descriptors
from georetrieve.encoders.descriptors import (
    COLOUR_DIM,
    GRADIENT_DIM,
    GRID,
    SIDE,
    colour_descriptors,
    gradient_descriptors,
    lab_planes,
)

CENTRE = GRID // 2 * GRID + GRID // 2


def image_of(rgb):
    return np.broadcast_to(np.array(rgb, dtype=np.uint8), (SIDE, SIDE, 3)).copy()


def smooth_noise(seed):
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.uniform(0, 255, (1, 3, 20, 20)).astype(np.float32))
    fine = torch.nn.functional.interpolate(coarse, (SIDE, SIDE), mode="bilinear")
    return fine[0].permute(1, 2, 0).to(torch.uint8).numpy()


def test_lab_is_that_of_scikit_image():
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    ours = lab_planes(image).permute(1, 2, 0).numpy()
    np.testing.assert_allclose(ours, rgb2lab(image), atol=0.1)


@pytest.mark.parametrize(("grey", "lightness"), [(0, 0.0), (255, 100.0), (119, 50.03)])
def test_greys_have_no_hue(grey, lightness):
    lab = lab_planes(image_of((grey, grey, grey)))
    assert lab[0].mean().item() == pytest.approx(lightness, abs=0.01)
    assert lab[1:].abs().max().item() < 1e-3


def test_shapes():
    lab = lab_planes(smooth_noise(0))
    assert colour_descriptors(lab).shape == (GRID**2, COLOUR_DIM)
    assert gradient_descriptors(lab[0]).shape == (GRID**2, GRADIENT_DIM)


def test_a_flat_image_has_its_colour_no_deviation_and_no_gradient():
    lab = lab_planes(image_of((200, 120, 40)))
    described = colour_descriptors(lab).numpy()
    # What is left of the colour when nine tenths of the light's, which is the same, are taken off.
    rest = 0.1 * lab[:, 0, 0].numpy()
    for scale in range(4):
        mean, deviation = described[:, 6 * scale :][:, :3], described[:, 6 * scale + 3 :][:, :3]
        np.testing.assert_allclose(mean, np.broadcast_to(rest, mean.shape), atol=1e-3)
        np.testing.assert_allclose(deviation, 0, atol=1e-3)
    assert gradient_descriptors(lab[0]).abs().max() < 1e-3


def test_the_radius_is_ten_at_the_middle_of_an_edge():
    radius = colour_descriptors(lab_planes(image_of((9, 9, 9))))[:, -1].reshape(GRID, GRID)
    middle, edge = 4 / 128, 124 / 128
    assert radius[16, 31].item() == pytest.approx(10 * math.hypot(middle, edge), abs=1e-5)
    assert radius[16, 16].item() == pytest.approx(10 * math.hypot(middle, middle), abs=1e-5)


def test_a_ramp_of_lightness_has_the_mean_and_deviation_of_a_uniform_distribution():
    """Pixels 0 … n-1 of slope one: mean (n-1)/2, variance (n²-1)/12 (windows of 4, 8, 16, 32)."""
    lab = torch.zeros(3, SIDE, SIDE)
    lab[0] = torch.arange(SIDE)[None, :].expand(SIDE, SIDE) / 4
    described = colour_descriptors(lab).reshape(GRID, GRID, -1)
    # Columns 205 … 255 are the brightest fifth; blocks of 4 px have their means at 205.5, ... .
    light = descriptors._light(lab)[0].item()
    assert 225 / 4 < light < 235 / 4
    for scale, window in enumerate((4, 8, 16, 32)):
        mean, deviation = described[10, 16, 6 * scale], described[10, 16, 6 * scale + 3]
        # The point of column 16 lies between pixels 131 and 132.
        assert mean.item() == pytest.approx(131.5 / 4 - 0.9 * light, abs=1e-3)
        assert deviation.item() == pytest.approx(math.sqrt((window**2 - 1) / 12) / 4, rel=1e-3)


def test_another_lamp_changes_colours_little():
    lab = lab_planes(smooth_noise(1)).clone()
    other = lab + torch.tensor([10.0, -4.0, 6.0])[:, None, None]
    moved = (colour_descriptors(other) - colour_descriptors(lab)).abs().amax(dim=0)
    assert moved.max().item() == pytest.approx(1.0, abs=1e-3)  # a tenth of ten


@pytest.mark.parametrize(("axis", "first_bin"), [(1, 0), (0, 2)])
def test_a_ramp_falls_into_the_bin_of_its_direction(axis, first_bin):
    """Lightness rising to the right is direction 0, rising downwards direction 2 (90°)."""
    ramp = torch.arange(SIDE, dtype=torch.float32)
    plane = ramp[None, :].expand(SIDE, SIDE) if axis else ramp[:, None].expand(SIDE, SIDE)
    described = gradient_descriptors(plane, upright=True)[CENTRE].reshape(3, 8, 16)
    share = described.square().sum(dim=2)
    # cos⁴ of 0° and ±45° over 1.5: 2/3 in the bin itself, 1/6 in each neighbour.
    assert share.argmax(dim=1).tolist() == [first_bin] * 3
    neighbours = share[:, [(first_bin + 1) % 8, (first_bin - 1) % 8]]
    assert torch.allclose(neighbours[:, 0], neighbours[:, 1], rtol=1e-4)
    opposite = share[:, (first_bin + 4) % 8]
    assert opposite.max() < 1e-6


def test_seen_along_the_radius_a_cone_looks_alike_everywhere():
    """Lightness rising from the centre outwards is direction 0 at every point of the frame."""
    axis = torch.arange(SIDE) - (SIDE - 1) / 2
    cone = torch.hypot(axis[:, None], axis[None, :])
    described = gradient_descriptors(cone).reshape(GRID, GRID, 3, 8, 16)
    inner = described[6:-6, 6:-6, 0].square().sum(dim=-1).reshape(-1, 8)
    assert (inner.argmax(dim=1) == 0).float().mean() > 0.95


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_quarter_turn_moves_descriptors_and_leaves_them_as_they_are(turns):
    image = smooth_noise(2)
    lab, turned = lab_planes(image), lab_planes(np.rot90(image, turns).copy())
    for one, other in (
        (colour_descriptors(lab), colour_descriptors(turned)),
        (gradient_descriptors(lab[0]), gradient_descriptors(turned[0])),
    ):
        grid = one.reshape(GRID, GRID, -1)
        expected = torch.rot90(grid, turns, (0, 1))
        torch.testing.assert_close(other.reshape(GRID, GRID, -1), expected, atol=1e-2, rtol=1e-3)


def test_upright_descriptors_do_turn():
    image = smooth_noise(2)
    lab, turned = lab_planes(image), lab_planes(np.rot90(image).copy())
    grid = gradient_descriptors(lab[0], upright=True).reshape(GRID, GRID, -1)
    other = gradient_descriptors(turned[0], upright=True).reshape(GRID, GRID, -1)
    assert (other - torch.rot90(grid, 1, (0, 1))).abs().max() > 0.1


def test_faint_gradients_are_not_stretched_to_full_length():
    noise = torch.from_numpy(np.random.default_rng(0).normal(0, 0.2, (SIDE, SIDE))).float()
    faint, strong = gradient_descriptors(50 + noise), gradient_descriptors(50 + 100 * noise)
    lengths = [part[:, :128].norm(dim=1).median().item() for part in (faint, strong)]
    assert lengths[0] < 0.5 * lengths[1]
    assert lengths[1] > 2
