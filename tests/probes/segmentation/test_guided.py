import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from georetrieve.errors import StoreError
from georetrieve.probes.segmentation import guided as guided_module
from georetrieve.probes.segmentation.guided import guided, guided_bands
from georetrieve.probes.segmentation.settings import PatchSettings
from georetrieve.sources.fields import FieldOfView

RNG = np.random.default_rng(0)


def scene(height=60, width=80):
    """An image of two halves with a little noise, and a speckled map of it."""
    right = np.arange(width) >= width // 2
    colours = np.where(right[None, :, None], [0.8, 0.7, 0.5], [0.2, 0.3, 0.4])
    image = np.clip(colours + RNG.normal(0, 0.02, (height, width, 3)), 0, 1).astype(np.float32)
    share = np.where(right, 0.75, 0.25)[None, :] * np.ones((height, 1))
    wrong = RNG.random((height, width)) < 0.3
    first = np.where(wrong, 1 - share, share).astype(np.float32)
    return image, np.stack([first, 1 - first], axis=-1), right


def test_speckles_go_and_the_border_stays():
    image, probabilities, right = scene()
    truth = np.broadcast_to(right, probabilities.shape[:2])
    before = ((probabilities[..., 0] > 0.5) == truth).mean()
    after = (guided(probabilities, image, 8)[..., 0] > 0.5) == truth
    assert before < 0.75
    assert after.mean() > 0.99
    assert after[:, 38:42].mean() > 0.95  # at the border itself


def test_where_the_image_is_even_it_is_a_mean_of_means():
    probabilities = RNG.random((20, 20, 1)).astype(np.float32)
    both = np.concatenate([probabilities, 1 - probabilities], axis=2)
    smooth = guided(both, np.full((20, 20, 3), 0.5, np.float32), 2)
    box = both[8:13, 8:13]  # the mean of the 5 × 5 means of 5 × 5 pixels
    windows = np.lib.stride_tricks.sliding_window_view(both, (5, 5), axis=(0, 1)).mean((3, 4))
    assert box.shape == (5, 5, 2)
    np.testing.assert_allclose(smooth[10, 10], windows[6:11, 6:11].mean((0, 1)), atol=1e-5)


def test_what_is_certain_stays_certain_and_shares_sum_to_one():
    image, probabilities, _ = scene()
    certain = np.zeros_like(probabilities)
    certain[..., 1] = 1
    np.testing.assert_allclose(guided(certain, image, 4), certain, atol=1e-4)
    smooth = guided(probabilities, image, 4)
    assert smooth.min() >= 0
    np.testing.assert_allclose(smooth.sum(2), 1, atol=1e-5)


@pytest.mark.parametrize("heights", [[60], [1] * 60, [17, 40, 3]])
def test_bands_and_tiles_are_the_whole(heights, monkeypatch):
    monkeypatch.setattr(guided_module, "ROWS", 13)
    monkeypatch.setattr(guided_module, "COLUMNS", 30)
    pixels = RNG.integers(0, 255, (60, 80, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    field = FieldOfView(
        name="f",
        size=(80, 60),
        views=(lambda region: picture.crop(region.box),) * 2,
        view_names=("ppl", "xpl"),
    )
    _, probabilities, _ = scene()
    tops = np.cumsum([0, *heights[:-1]])
    bands = ((top, probabilities[top : top + n]) for top, n in zip(tops, heights, strict=True))
    found = list(guided_bands(bands, field, 3))
    assert [top for top, _ in found] == list(np.cumsum([0, *(len(b) for _, b in found[:-1])]))
    image = np.concatenate([pixels, pixels], axis=2).astype(np.float32) / 255
    whole = guided(probabilities, image, 3)
    np.testing.assert_allclose(np.concatenate([band for _, band in found]), whole, atol=1e-4)


def test_images_smaller_than_the_filter():
    probabilities = np.full((2, 1, 3), 1 / 3, np.float32)
    smooth = guided(probabilities, np.zeros((2, 1, 3), np.float32), 16)
    np.testing.assert_allclose(smooth, probabilities, atol=1e-6)


@pytest.mark.parametrize("radius", [-1, 257])
def test_a_radius_out_of_range(radius):
    with pytest.raises(StoreError, match="smooth_px"):
        PatchSettings(smooth_px=radius)


def test_it_is_the_published_filter():
    """Equations 14 to 16 of the paper, with a linear system solved at every pixel."""
    image = RNG.random((24, 31, 4)).astype(np.float32)
    shares = RNG.dirichlet([1, 1, 1], (24, 31)).astype(np.float32)

    def mean(values):
        return ndimage.uniform_filter(
            values, (7, 7) + (1,) * (values.ndim - 2), output=np.float64, mode="reflect"
        )

    middle, average = mean(image), mean(shares)
    outer = image[..., :, None] * image[..., None, :].astype(np.float64)
    spread = mean(outer) - middle[..., :, None] * middle[..., None, :]
    both = mean(image[..., :, None] * shares[..., None, :].astype(np.float64))
    together = both - middle[..., :, None] * average[..., None, :]
    slopes = np.linalg.solve(spread + guided_module.EVEN * np.eye(4), together)
    offsets = average - np.einsum("hwi,hwic->hwc", middle, slopes)
    wanted = np.einsum("hwi,hwic->hwc", image, mean(slopes)) + mean(offsets)
    wanted = np.maximum(wanted, 0) / np.maximum(wanted, 0).sum(axis=2, keepdims=True)
    np.testing.assert_allclose(guided(shares, image, 3), wanted, atol=1e-5)


def test_a_class_that_is_nowhere_stays_so():
    image, probabilities, _ = scene()
    none = np.zeros_like(probabilities[..., :1])
    more = guided(np.concatenate([none, probabilities, none], axis=2), image, 4)
    assert not more[..., [0, 3]].any()
    np.testing.assert_array_equal(more[..., 1:3], guided(probabilities, image, 4))


def test_what_is_not_known_anywhere_stays_so():
    image, probabilities, _ = scene()
    assert not guided(np.zeros_like(probabilities), image, 4).any()
