"""The sample an encoder is adapted to."""

import pytest

from georetrieve.indexing.adapt import quotas


@pytest.mark.parametrize(
    ("counts", "total", "shares"),
    [
        ([1, 1, 1], 10, [1, 1, 1]),  # all there is
        ([100, 1, 100], 11, [5, 1, 5]),  # what a small one leaves goes to the others
        ([3, 8], 8, [3, 5]),
        ([5, 5, 5], 2, [0, 1, 1]),
        ([], 5, []),
    ],
)
def test_a_sample_is_shared_evenly(counts, total, shares):
    assert quotas(counts, total) == shares
