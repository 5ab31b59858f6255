"""Features that are kept for the next map."""

import numpy as np
import pytest
from dense_fakes import DenseFake

from georetrieve.probes.segmentation.kept_windows import keep_windows
from georetrieve.protocols import DensePatchEncoder, LocalPatchEncoder


class LocalFake(DenseFake):
    """A fake that says how far it looks."""

    reach_px = 7


@pytest.fixture
def windows():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (3, 8, 12, 3), dtype=np.uint8)


def test_windows_that_were_seen_are_not_encoded_again(windows):
    encoder = DenseFake()
    kept = keep_windows(encoder, 1 << 20)
    first = kept.patch_grids(windows[:2])
    np.testing.assert_array_equal(first, encoder.patch_grids(windows[:2]))
    encoder.windows_seen = 0
    again = kept.patch_grids(windows[[1, 2, 0]])
    assert encoder.windows_seen == 1
    np.testing.assert_array_equal(again, encoder.patch_grids(windows[[1, 2, 0]]))


def test_what_is_kept_is_not_what_was_given(windows):
    kept = keep_windows(DenseFake(), 1 << 20)
    kept.patch_grids(windows)[:] = 9
    assert kept.patch_grids(windows).max() <= 1


def test_no_more_is_kept_than_was_said(windows):
    encoder = DenseFake()
    one = encoder.patch_grids(windows[:1]).nbytes
    kept = keep_windows(encoder, 2 * one)
    kept.patch_grids(windows)
    encoder.windows_seen = 0
    kept.patch_grids(windows[1:])
    assert encoder.windows_seen == 0
    kept.patch_grids(windows[:1])
    assert encoder.windows_seen == 1
    none = keep_windows(encoder, one - 1)
    none.patch_grids(windows)
    none.patch_grids(windows)
    assert encoder.windows_seen == 7


def test_windows_of_another_shape_are_others(windows):
    encoder = DenseFake()
    kept = keep_windows(encoder, 1 << 20)
    assert kept.patch_grids(windows).shape == (3, 2, 3, 4)
    assert kept.patch_grids(windows.transpose(0, 2, 1, 3)).shape == (3, 3, 2, 4)
    flat = np.zeros((1, 8, 12, 3), np.uint8)
    kept.patch_grids(flat)
    assert kept.patch_grids(flat.reshape(1, 12, 8, 3)).shape == (1, 3, 2, 4)


def test_it_is_what_it_keeps_for():
    assert isinstance(keep_windows(DenseFake(), 1), DensePatchEncoder)
    assert not isinstance(keep_windows(DenseFake(), 1), LocalPatchEncoder)
    local = keep_windows(LocalFake(), 1)
    assert isinstance(local, LocalPatchEncoder)
    assert local.reach_px == 7
    assert local.spec == LocalFake().spec
