"""Cells to pixels as PyTorch interpolates, whatever the bands; images resized as Pillow does."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import from_numpy
from torch.nn.functional import interpolate

from georetrieve.probes.segmentation import enlarging
from georetrieve.probes.segmentation.enlarging import enlarged
from georetrieve.probes.segmentation.resampling import resampled
from georetrieve.types import Region


def values(rows, columns, channels=3, seed=0):
    return np.random.default_rng(seed).random((rows, columns, channels), dtype=np.float32)


def in_bands(cells, heights):
    tops = np.cumsum([0, *heights])
    return [(int(top), cells[top:end]) for top, end in pairwise(tops)]


def joined(parts):
    parts = list(parts)
    assert [top for top, _ in parts] == [0, *np.cumsum([len(band) for _, band in parts])[:-1]]
    return np.concatenate([band for _, band in parts])


@pytest.mark.parametrize("factor", [1, 2, 7, 16])
def test_as_in_pytorch(factor):
    cells = values(5, 4)
    found = joined(enlarged([(0, cells)], (4, 5), (factor, factor), (4 * factor, 5 * factor)))
    wanted = interpolate(
        from_numpy(cells).permute(2, 0, 1)[None], scale_factor=factor, mode="bilinear"
    )
    np.testing.assert_allclose(found, wanted[0].permute(1, 2, 0).numpy(), atol=1e-6)


def test_nearest():
    cells = values(2, 3)
    found = joined(enlarged([(0, cells)], (3, 2), (2, 2), (5, 4), nearest=True))
    np.testing.assert_array_equal(found, cells.repeat(2, 0).repeat(2, 1)[:, :5])


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=5),
    st.floats(0.3, 5),
    st.integers(1, 60),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_bands_equal_the_whole(heights, cell_px, band_values, nearest):
    rows = sum(heights)
    cells = values(rows, 3, 2)
    size = (max(1, int(3 * cell_px)), max(1, int(rows * cell_px)))
    options = {"cells": (3, rows), "cell_px": (cell_px, cell_px), "size": size, "nearest": nearest}
    whole = joined(enlarged([(0, cells)], **options))
    assert whole.shape == (*size[::-1], 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(enlarging, "BAND_VALUES", band_values)
        np.testing.assert_array_equal(joined(enlarged(in_bands(cells, heights), **options)), whole)


@pytest.mark.parametrize("new_size", [(90, 70), (20, 13), (45, 35), (31, 80), (1, 1)])
def test_an_image_is_resized_as_in_pillow_region_by_region(new_size):
    # Pillow clips between its two passes; values far from black and white need no clipping.
    pixels = np.random.default_rng(0).integers(90, 160, (35, 45, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    read = resampled(lambda region: image.crop(region.box), image.size, new_size)
    wanted = np.asarray(image.resize(new_size, Image.Resampling.BICUBIC)).astype(int)
    whole = np.asarray(read(Region(0, 0, *new_size)))
    assert np.abs(whole.astype(int) - wanted).max() <= 1
    part = Region(new_size[0] // 3, new_size[1] // 2, -(-new_size[0] // 3), -(-new_size[1] // 4))
    left, top, right, bottom = part.box
    np.testing.assert_array_equal(np.asarray(read(part)), whole[top:bottom, left:right])


def test_only_what_a_region_needs_is_read():
    asked = []

    def reader(region):
        asked.append(region)
        return Image.new("RGB", (region.width, region.height))

    resampled(reader, (1000, 1000), (2000, 2000))(Region(400, 800, 64, 32))
    (region,) = asked
    assert region.x >= 197
    assert region.y >= 397
    assert region.width <= 37
    assert region.height <= 21
