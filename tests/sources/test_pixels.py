"""Stored values to 8-bit RGB, by hand-worked numbers."""

import numpy as np
import pytest
from PIL import Image

from georetrieve.errors import SourceError
from georetrieve.sources.pixels import (
    DIM_REMARK,
    Intensity,
    fit_intensity,
    rgb_array,
    rgb_from_pillow,
)


def test_map_rounds_to_the_nearest_step_and_clips():
    values = np.array([-5.0, 0.0, 49.0, 51.0, 100.0, 400.0])
    # 255/100 = 2.55 a unit: 49 -> 124.95, 51 -> 130.05.
    assert Intensity(0, 100).to_uint8(values).tolist() == [0, 0, 125, 130, 255, 255]


def test_nan_is_black_and_infinities_are_the_ends():
    values = np.array([np.nan, -np.inf, np.inf, 0.5], np.float32)
    assert Intensity(0, 1).to_uint8(values).tolist() == [0, 0, 255, 128]


def test_constant_values_become_black():
    assert Intensity(7, 7).to_uint8(np.full((2, 2), 7.0)).tolist() == [[0, 0], [0, 0]]


def test_large_arrays_are_mapped_like_small_ones():
    values = np.arange(3_000_000, dtype=np.uint32).reshape(3, 1_000_000)
    mapped = Intensity(0, 2_999_999).to_uint8(values)
    expected = np.rint(values.astype(np.float64) * 255 / 2_999_999)
    assert np.abs(mapped - expected).max() <= 1
    assert (mapped[0, 0], mapped[2, -1]) == (0, 255)


@pytest.mark.parametrize(
    ("dtype", "bits", "sample", "expected"),
    [
        (np.uint16, None, [0, 65535], Intensity(0, 65535)),
        (np.uint16, 12, [0, 4095], Intensity(0, 4095)),
        (np.int16, None, [-32768, 32767], Intensity(-32768, 32767)),
        (np.int8, None, [-128, 127], Intensity(-128, 127)),
        (np.uint8, 4, [0, 15], Intensity(0, 15)),
        (np.uint8, None, [3, 4], None),
        (np.bool_, None, [False, True], Intensity(0, 1)),
        (np.int32, None, [-3, 9], Intensity(-3, 9)),
        (np.float32, None, [0.25, 0.75], Intensity(0, 1)),
        (np.float32, None, [0.25, 1.5], Intensity(0.25, 1.5)),
        (np.float64, None, [-1.0, 0.5], Intensity(-1, 0.5)),
    ],
)
def test_range_is_the_types_or_the_datas(dtype, bits, sample, expected):
    assert fit_intensity(dtype, np.array(sample, dtype), "range", bits=bits) == (expected, "")


def test_percentiles_leave_out_half_a_percent_at_either_end():
    sample = np.arange(1001, dtype=np.uint16)
    assert fit_intensity(np.uint16, sample, "percentile") == (Intensity(5, 995), "")


def test_not_finite_values_do_not_count():
    sample = np.array([np.nan, 2, 4, np.inf, -np.inf], np.float32)
    assert fit_intensity(np.float32, sample, "range")[0] == Intensity(2, 4)
    # Between 2 and 4, half a percent of the way from either end.
    stretched = fit_intensity(np.float32, sample, "percentile")[0]
    assert (stretched.low, stretched.high) == pytest.approx((2.01, 3.99))


def test_values_in_a_corner_of_their_type_are_remarked_upon():
    assert fit_intensity(np.uint16, np.array([20_000, 21_000], np.uint16), "range")[1] == DIM_REMARK


def test_nothing_finite_and_no_number_are_refused():
    with pytest.raises(SourceError, match="No pixel has a finite value"):
        fit_intensity(np.float32, np.full(4, np.nan, np.float32), "range")
    with pytest.raises(SourceError, match="complex64"):
        fit_intensity(np.complex64, np.zeros(1, np.complex64), "range")


@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<i2", ">i2"])
def test_looked_up_values_equal_calculated_ones(dtype):
    values = np.random.default_rng(0).integers(0, 65536, (300, 300)).astype(np.uint16)
    values = values.view(np.dtype(dtype).newbyteorder("=")).astype(dtype)
    mapping = Intensity(-500, 20_000)
    by_rows = np.stack([mapping.to_uint8(row) for row in values])
    assert (mapping.to_uint8(values) == by_rows).all()
    assert len(np.unique(by_rows)) > 240


def test_alpha_is_composited_on_white():
    # 100·128/255 + 255·127/255 = 50.2 + 127 = 177.2
    straight = rgb_array(np.array([[[100, 0, 255, 128]]], np.uint8), alpha="straight")
    assert straight.tolist() == [[[177, 127, 255]]]
    # Premultiplied 50 of alpha 128: 50 + 127.
    ready = rgb_array(np.array([[[50, 0, 128, 128]]], np.uint8), alpha="premultiplied")
    assert ready.tolist() == [[[177, 127, 255]]]
    grey = rgb_array(np.array([[[100, 0]]], np.uint8), alpha="straight")
    assert grey.tolist() == [[[255, 255, 255]]]


def test_grey_repeats_and_two_channels_show_the_first():
    assert rgb_array(np.array([[9]], np.uint8)).tolist() == [[[9, 9, 9]]]
    assert rgb_array(np.array([[[9, 4]]], np.uint8)).tolist() == [[[9, 9, 9]]]


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("1", 1, (255, 255, 255)),
        ("L", 40, (40, 40, 40)),
        ("LA", (100, 128), (177, 177, 177)),
        ("RGB", (1, 2, 3), (1, 2, 3)),
        ("RGBA", (1, 2, 3, 0), (255, 255, 255)),
        ("CMYK", (255, 0, 0, 0), (0, 255, 255)),
        ("CMYK", (0, 0, 0, 255), (0, 0, 0)),
        ("YCbCr", (90, 128, 128), (90, 90, 90)),
    ],
)
def test_every_pillow_mode_becomes_rgb(mode, colour, expected):
    image = rgb_from_pillow(Image.new(mode, (2, 1), colour))
    assert image.mode == "RGB"
    assert image.getpixel((1, 0)) == expected


def test_lab_becomes_rgb():
    grey = rgb_from_pillow(Image.new("LAB", (1, 1), (255, 128, 128))).getpixel((0, 0))
    assert min(grey) >= 250
