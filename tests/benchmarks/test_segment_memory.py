"""The memory of a large map: the made image and its truth agree, and small images are mapped."""

import numpy as np
import pytest

from georetrieve.benchmarks import segment_memory
from georetrieve.benchmarks.segment_memory import run_segment_memory
from georetrieve.errors import StoreError
from georetrieve.probes.segmentation.settings import PatchSettings


def test_the_truth_of_rows_is_that_of_the_tiles_they_cross():
    width, top, rows = 1200, 500, 600
    tiles = [
        [segment_memory._classes(segment_memory._variant(column, row)) for column in range(3)]
        for row in range(3)
    ]
    whole = np.block(tiles)[top : top + rows, :width]
    np.testing.assert_array_equal(segment_memory._truth(top, rows, width), whole)


def test_the_peak_of_a_process_is_some_mebibytes():
    assert 0.01 < segment_memory._peak_gib() < 64


def test_less_than_a_tile_is_refused():
    with pytest.raises(StoreError, match="300 px is less than a tile"):
        run_segment_memory(300)


@pytest.mark.slow
def test_a_small_image_is_mapped_rightly():
    values = run_segment_memory(1024, height_px=512, settings=PatchSettings(pool=4))
    assert values["pixels_right"] > 0.8
    assert values["peak_gib"] >= values["peak_gib_before"] > 0.1
