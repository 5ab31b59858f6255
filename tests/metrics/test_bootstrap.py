import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from georetrieve.errors import StoreError
from georetrieve.metrics import bootstrap
from georetrieve.metrics.bootstrap import (
    bootstrap_class_balanced,
    bootstrap_means,
    percentile_interval,
    resampling_counts,
)


def counts_of(n, **kwargs):
    return np.concatenate(list(resampling_counts(n, **kwargs)))


def test_counts_add_up_and_repeat_with_the_seed():
    first, again = counts_of(30, draws=50, seed=4), counts_of(30, draws=50, seed=4)
    assert first.shape == (50, 30)
    assert (first.sum(axis=1) == 30).all()
    np.testing.assert_array_equal(first, again)
    assert (first != counts_of(30, draws=50, seed=5)).any()


def test_strata_keep_their_sizes():
    strata = np.array([7, 7, 7, 2, 2, 9])
    counts = counts_of(6, draws=40, strata=strata)
    assert (counts[:, :3].sum(axis=1) == 3).all()
    assert (counts[:, 3:5].sum(axis=1) == 2).all()
    assert (counts[:, 5] == 1).all()


def test_clusters_are_drawn_whole_and_an_item_without_one_is_its_own():
    clusters = np.array([3, 3, 8, 8, 8, -1, -1])
    counts = counts_of(7, draws=200, clusters=clusters)
    assert (counts[:, 0] == counts[:, 1]).all()
    assert (counts[:, 2] == counts[:, 3]).all()
    assert (counts[:, 5] != counts[:, 6]).any()
    # Four units are drawn four times.
    assert (counts[:, [0, 2, 5, 6]].sum(axis=1) == 4).all()


def test_blocks_hold_all_draws(monkeypatch):
    monkeypatch.setattr(bootstrap, "_BLOCK_BYTES", 8 * 10 * 3)
    blocks = list(resampling_counts(10, draws=8))
    assert [len(block) for block in blocks] == [3, 3, 2]


def test_means_by_hand():
    values = np.array([[0.0, 1.0], [1.0, 1.0], [0.5, 3.0]])
    counts = np.array([[1.0, 1.0, 1.0], [0.0, 3.0, 0.0], [0.0, 0.0, 0.0]])
    means = bootstrap_means(values, counts)
    np.testing.assert_allclose(means, [[0.5, 5 / 3], [1, 1], [np.nan, np.nan]])


def test_class_balanced_by_hand():
    values, labels = np.array([1.0, 0.0, 0.0, np.nan]), np.array([0, 0, 1, 1])
    counts = np.array([[1.0, 1, 1, 1], [2, 0, 1, 1], [1, 1, 0, 2], [0, 0, 0, 4]])
    expected = [0.25, 0.5, 0.5, np.nan]
    np.testing.assert_allclose(bootstrap_class_balanced(values, labels, 3, counts), expected)


def test_interval_of_a_mean_is_that_of_the_normal_law():
    values = np.random.default_rng(0).normal(size=(400, 1))
    samples = bootstrap_means(values, counts_of(400, draws=4000))[:, 0]
    low, high = percentile_interval(samples)
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.01)
    assert high == pytest.approx(values.mean() + half, abs=0.01)


def test_interval_moves_to_the_estimate_and_stays_within_bounds():
    samples = np.linspace(0.2, 0.4, 1001)
    assert percentile_interval(samples) == pytest.approx((0.205, 0.395))
    assert percentile_interval(samples, around=0.35) == pytest.approx((0.255, 0.445))
    assert percentile_interval(samples, around=0.99)[1] == 1.0
    assert percentile_interval(np.ones(10), around=1.0) == (1.0, 1.0)


@given(st.integers(1, 40), st.integers(0, 99))
def test_interval_of_a_constant_is_the_constant(n, seed):
    samples = bootstrap_means(np.full((n, 1), 0.25), counts_of(n, draws=20, seed=seed))[:, 0]
    assert percentile_interval(samples) == pytest.approx((0.25, 0.25))


def test_arguments_that_make_no_sense():
    with pytest.raises(StoreError, match="not both"):
        counts_of(2, strata=np.zeros(2, int), clusters=np.zeros(2, int))
    with pytest.raises(StoreError, match="0 items"):
        counts_of(0)
