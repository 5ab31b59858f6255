import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import auc, pairwise_distances
from slow_ranking import slow_ranking

from georetrieve.errors import StoreError
from georetrieve.metrics import ranking
from georetrieve.metrics.ranking import (
    SCAMPI_KS,
    as_points,
    class_means,
    distances_to,
    pr_auc,
    rank_all,
)

# Five items on a line: a at 0, 1 and 5, b at 2 and 9.
LINE = np.array([[0.0], [1.0], [5.0], [2.0], [9.0]])
LINE_LABELS = np.array([0, 0, 0, 1, 1])


def test_hand_worked_line():
    found = rank_all(LINE, LINE_LABELS, ks=(1, 2, 4), keep=4)

    # From 0: 1, 2, 5, 9. From 1: 0 and 2 are equally far, and 0 was given first.
    assert found.neighbours.tolist() == [
        [1, 3, 2, 4],
        [0, 3, 2, 4],
        [3, 1, 4, 0],
        [1, 0, 2, 4],
        [2, 3, 1, 0],
    ]
    assert found.distances[0].tolist() == [1, 2, 5, 9]
    assert found.relevant.tolist() == [2, 2, 2, 1, 1]
    assert found.gallery.tolist() == [4] * 5
    assert found.hits.tolist() == [[1, 1, 2], [1, 1, 2], [0, 1, 2], [0, 0, 1], [0, 1, 1]]
    assert found.precision_at_nr.tolist() == [0.5, 0.5, 0.5, 0, 0]
    assert found.precision[0].tolist() == [1, 0.5, 0.5]
    assert found.recall[0].tolist() == [0.5, 0.5, 1]


def test_k_beyond_the_gallery_keeps_k_as_divisor_and_never_counts_the_query():
    found = rank_all(LINE, LINE_LABELS, ks=(4, 5, 500))
    assert found.precision[0] == pytest.approx([2 / 4, 2 / 5, 2 / 500])
    assert found.recall[0].tolist() == [1, 1, 1]


def test_only_member_of_a_class_has_nothing_to_find_but_stands_in_the_way():
    found = rank_all(np.array([[0.0], [1.0], [3.0]]), np.array([0, 1, 0]), ks=(1,))
    assert found.judged.tolist() == [True, False, True]
    assert np.isnan(found.precision_at_nr[1])
    assert found.precision_at_nr[[0, 2]].tolist() == [0, 0]


def test_own_group_is_left_out():
    groups = np.array([0, 0, 1, 1, -1])
    found = rank_all(LINE, LINE_LABELS, ks=(1, 2), groups=groups, keep=4)
    assert found.neighbours[0].tolist() == [3, 2, 4, -1]
    assert found.distances[0].tolist() == [2, 5, 9, np.inf]
    assert found.relevant.tolist() == [1, 1, 2, 1, 1]
    # The item without a group leaves out itself alone.
    assert found.gallery.tolist() == [3, 3, 3, 3, 4]
    assert found.precision_at_nr[0] == 0


def test_pr_auc_by_hand_and_by_scikit_learn():
    recall, precision = np.array([0.5, 0.2, 0.8]), np.array([0.6, 0.9, 0.3])
    # (0,1) (.2,.9) (.5,.6) (.8,.3) (1,0): .19 + .225 + .135 + .03
    assert pr_auc(recall, precision) == pytest.approx(0.58)
    assert pr_auc(recall, precision) == pytest.approx(
        auc([0, 0.2, 0.5, 0.8, 1], [1, 0.9, 0.6, 0.3, 0])
    )
    stacked = pr_auc(np.stack([recall, recall]), np.stack([precision, precision * 0]))
    assert stacked == pytest.approx([0.58, 0.1])


def test_pr_auc_of_points_at_one_recall_goes_through_the_higher_first():
    assert pr_auc(np.array([1.0, 1.0]), np.array([0.2, 0.8])) == pytest.approx(0.9)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_distances_equal_scikit_learn(metric):
    vectors = np.random.default_rng(0).normal(size=(40, 7)).astype(np.float32)
    points = as_points(vectors, metric)
    ours = distances_to(points, points, metric)
    np.testing.assert_allclose(ours, pairwise_distances(vectors, metric=metric), atol=2e-6)


def test_distances_survive_a_large_offset():
    vectors = np.random.default_rng(0).normal(size=(30, 16)) + 1e5
    points = as_points(vectors, "euclidean")
    plain = np.sqrt(((vectors[:, None] - vectors[None]) ** 2).sum(-1))
    np.testing.assert_allclose(distances_to(points, points), plain, rtol=1e-5, atol=1e-5)


def test_copies_lie_at_distance_zero():
    vectors = np.random.default_rng(0).normal(size=(200, 384))
    vectors[100:] = vectors[:100]
    for metric in ("euclidean", "cosine"):
        found = rank_all(vectors, np.arange(200) % 100, ks=(1,), metric=metric, keep=1)
        assert (found.distances[:, 0] == 0).all()
        assert (found.precision[:, 0] == 1).all()


def test_blocks_do_not_change_the_answer(monkeypatch):
    rng = np.random.default_rng(3)
    vectors, labels, groups = (
        rng.normal(size=(83, 5)),
        rng.integers(6, size=83),
        rng.integers(9, size=83),
    )
    whole = rank_all(vectors, labels, groups=groups, keep=20)
    monkeypatch.setattr(ranking, "_BLOCK_BYTES", 8 * 83 * 7)
    parts = rank_all(vectors, labels, groups=groups, keep=20)
    for name in ("relevant", "gallery", "hits", "hits_at_nr", "neighbours", "distances"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_equals_the_slow_definition(data):
    count = data.draw(st.integers(2, 24))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    # Whole numbers make many ties, which both must break in the given order.
    vectors = rng.integers(0, 4, size=(count, 2)).astype(float)
    labels = rng.integers(0, 4, size=count)
    groups = rng.integers(-1, 4, size=count) if data.draw(st.booleans()) else None
    ks = (1, 3, 10, 30)
    found = rank_all(vectors, labels, ks=ks, groups=groups)
    at_nr, precision, recall = slow_ranking(vectors, labels, ks, groups)
    np.testing.assert_allclose(found.precision_at_nr, at_nr)
    np.testing.assert_allclose(found.precision, precision)
    np.testing.assert_allclose(found.recall, recall)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(2, 60))
def test_bounds_and_independence_of_order(seed, count):
    rng = np.random.default_rng(seed)
    vectors, labels = rng.normal(size=(count, 6)), rng.integers(0, 5, size=count)
    found = rank_all(vectors, labels)
    for values in (found.precision, found.recall, found.precision_at_nr):
        known = values[~np.isnan(values)]
        assert ((known >= 0) & (known <= 1)).all()
    assert (np.diff(found.hits, axis=1) >= 0).all()
    order = rng.permutation(count)
    shuffled = rank_all(vectors[order], labels[order])
    np.testing.assert_array_equal(shuffled.hits, found.hits[order])
    np.testing.assert_array_equal(shuffled.hits_at_nr, found.hits_at_nr[order])


def test_scampi_ks():
    assert SCAMPI_KS == (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 150, 160,
                         170, 180, 190, 500)  # fmt: skip


def test_class_means_leave_nan_out():
    values = np.array([1.0, 0.0, np.nan, 0.5])
    means = class_means(values, np.array([0, 0, 1, 2]), 4)
    np.testing.assert_array_equal(means, [0.5, np.nan, 0.5, np.nan])


@pytest.mark.parametrize(
    ("vectors", "metric", "message"),
    [
        (np.array([[1.0], [np.nan]]), "euclidean", "finite"),
        (np.array([[1.0], [0.0]]), "cosine", "zero"),
    ],
)
def test_vectors_that_cannot_be_ranked(vectors, metric, message):
    with pytest.raises(StoreError, match=message):
        rank_all(vectors, np.array([0, 0]), metric=metric)


def test_arguments_that_disagree():
    with pytest.raises(StoreError, match="as many labels"):
        rank_all(LINE, np.array([0, 1]))
    with pytest.raises(StoreError, match="1 or more"):
        rank_all(LINE, LINE_LABELS, ks=(0,))
