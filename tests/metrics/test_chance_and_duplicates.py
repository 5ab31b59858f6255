import itertools

import numpy as np
import pytest

from georetrieve.metrics.chance import (
    expected_precision,
    expected_precision_at_nr,
    expected_recall,
    permuted_nn_f1,
)
from georetrieve.metrics.classification import Split
from georetrieve.metrics.duplicates import (
    copies,
    count_duplicates,
    near_pairs,
    typical_distance,
)
from georetrieve.metrics.ranking import rank_all


def test_expectation_equals_the_mean_over_every_ranking():
    # Two members and three others: all 120 rankings.
    rankings = np.array(list(itertools.permutations([1, 1, 0, 0, 0])))
    ks = (1, 2, 4, 9)
    relevant, gallery = np.array([2]), np.array([5])
    precision = [rankings[:, :k].sum(axis=1).mean() / k for k in ks]
    recall = [rankings[:, :k].sum(axis=1).mean() / 2 for k in ks]
    assert expected_precision(relevant, gallery, ks)[0] == pytest.approx(precision)
    assert expected_recall(gallery, ks)[0] == pytest.approx(recall)
    assert expected_precision_at_nr(relevant, gallery) == pytest.approx(precision[1])


def test_an_empty_gallery_has_no_chance():
    zero = np.array([0])
    assert expected_precision(zero, zero, (1,)).tolist() == [[0]]
    assert expected_precision_at_nr(zero, zero).tolist() == [0]


def test_random_vectors_score_chance():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, size=1500)
    found = rank_all(rng.normal(size=(1500, 8)), labels, ks=(1, 100))
    chance = expected_precision_at_nr(found.relevant, found.gallery).mean()
    assert found.precision_at_nr.mean() == pytest.approx(chance, abs=0.005)
    expected = expected_precision(found.relevant, found.gallery, (1, 100)).mean(axis=0)
    assert found.precision.mean(axis=0) == pytest.approx(expected, abs=0.03)


def test_shuffled_labels_know_nothing():
    labels = np.arange(400) % 2
    votes = [(np.arange(400), np.roll(np.arange(400), 2))]
    assert permuted_nn_f1(labels, votes, 2) == pytest.approx(0.5, abs=0.02)
    assert permuted_nn_f1(labels, votes, 2) == permuted_nn_f1(labels, votes, 2)


def test_typical_distance_is_the_median_between_two():
    assert typical_distance(np.array([[0.0], [1.0], [10.0]])) == 9
    assert typical_distance(np.zeros((1, 3))) == 0


def test_near_pairs_come_once_each():
    vectors = np.array([[0.0], [0.1], [5.0], [5.05], [20.0]])
    found = rank_all(vectors, np.zeros(5, int), ks=(1,), keep=4)
    assert near_pairs(found.neighbours, found.distances, 0.2).tolist() == [[0, 1], [2, 3]]


def test_copies_are_paired_with_the_first():
    assert copies(["a", "b", "a", "", "", "a"]).tolist() == [[0, 2], [0, 5]]
    assert copies([]).shape == (0, 2)


def test_pairs_across_labels_groups_and_splits():
    pairs = np.array([[0, 1], [2, 3], [2, 4]])
    labels = np.array([0, 0, 1, 1, 2])
    groups = np.array([0, 1, 2, 2, -1])
    splits = [
        Split(train=np.array([0, 2]), test=np.array([1, 3, 4])),
        Split(train=np.array([0, 1, 3, 4]), test=np.array([2])),
    ]
    counts = count_duplicates(pairs, labels, groups=groups, splits=splits)
    assert (counts.pairs, counts.items) == (3, 5)
    assert counts.across_labels == 1
    assert counts.across_groups == 1
    # First split: 1, 3 and 4 have their partner in training. Second: 2 has.
    assert counts.across_splits == 2
    assert count_duplicates(pairs, labels).across_splits is None
