import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from georetrieve.metrics.classification import (
    Split,
    class_scores,
    confusion_matrix,
    macro_f1,
    nearest_in_training,
    stratified_splits,
    weighted_macro_f1,
    why_not_split,
)
from georetrieve.metrics.ranking import rank_all


def test_macro_f1_by_hand():
    # a: 2 of 3 right, 1 wrongly called: F1 2/3. b: 1 of 2 right, 1 wrongly called: F1 1/2.
    true, called = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 0])
    assert macro_f1(true, called, 2) == pytest.approx((2 / 3 + 1 / 2) / 2)
    # A class that occurs in neither is not counted.
    assert macro_f1(true, called, 5) == pytest.approx((2 / 3 + 1 / 2) / 2)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 60))
def test_scores_equal_scikit_learn(seed, count):
    rng = np.random.default_rng(seed)
    true, called = rng.integers(0, 5, size=(2, count))
    weights = rng.integers(0, 3, size=(3, count)).astype(float)
    weights[:, 0] = 1
    assert macro_f1(true, called, 6) == pytest.approx(
        sk.f1_score(true, called, average="macro", zero_division=0)
    )
    present = weights > 0
    expected = [
        sk.f1_score(true[p], called[p], average="macro", sample_weight=w[p], zero_division=0)
        for w, p in zip(weights, present, strict=True)
    ]
    np.testing.assert_allclose(weighted_macro_f1(true, called, 6, weights), expected)
    confusion = confusion_matrix(true, called, 6)
    np.testing.assert_array_equal(confusion, sk.confusion_matrix(true, called, labels=range(6)))
    scores = class_scores(confusion)
    precision, recall, f1, _ = sk.precision_recall_fscore_support(
        true, called, labels=range(6), zero_division=0
    )
    np.testing.assert_allclose(scores.precision, precision)
    np.testing.assert_allclose(scores.recall, recall)
    np.testing.assert_allclose(scores.f1, f1)


def test_counts_and_specificity_by_hand():
    scores = class_scores(np.array([[3, 1, 0], [2, 4, 0], [0, 0, 5]]))
    assert scores.true_positives.tolist() == [3, 4, 5]
    assert scores.false_positives.tolist() == [2, 1, 0]
    assert scores.false_negatives.tolist() == [1, 2, 0]
    assert scores.true_negatives.tolist() == [9, 8, 10]
    assert scores.specificity == pytest.approx([9 / 11, 8 / 9, 1])


def test_weights_that_are_all_zero_have_no_score():
    assert np.isnan(weighted_macro_f1(np.array([0]), np.array([0]), 1, np.zeros((1, 1)))).all()


@pytest.mark.parametrize("dim", [2, 40])
@pytest.mark.parametrize("keep", [1, 5, 200])
def test_one_ranking_serves_every_split(dim, keep):
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 7, size=150)
    vectors = rng.normal(size=(150, dim)) + labels[:, None]
    found = rank_all(vectors, labels, keep=keep)
    for seed, split in enumerate(stratified_splits(labels)):
        train, test = train_test_split(
            np.arange(150), test_size=0.2, stratify=labels, random_state=seed
        )
        np.testing.assert_array_equal(split.train, train)
        nearest = nearest_in_training(vectors, found.neighbours, found.distances, split)
        brute = KNeighborsClassifier(1, algorithm="brute").fit(vectors[train], labels[train])
        np.testing.assert_array_equal(labels[nearest], brute.predict(vectors[test]))
        expected = train[brute.kneighbors(vectors[test])[1][:, 0]]
        np.testing.assert_array_equal(nearest, expected)


def test_ties_go_to_the_first_in_training_order():
    vectors = np.array([[0.0], [1.0], [-1.0], [5.0]])
    found = rank_all(vectors, np.array([0, 0, 1, 1]), keep=3)
    one = Split(train=np.array([3, 2, 1]), test=np.array([0]))
    other = Split(train=np.array([1, 3, 2]), test=np.array([0]))
    for split, expected in ((one, 2), (other, 1)):
        nearest = nearest_in_training(vectors, found.neighbours, found.distances, split)
        assert nearest.tolist() == [expected]


def test_why_there_is_no_split():
    assert why_not_split(np.repeat([0, 1], 5)) == ""
    assert "two classes" in why_not_split(np.zeros(10, dtype=int))
    assert "fewer than the 5 classes: label 21 items" in why_not_split(np.repeat(range(5), 2))
    # What it promises holds.
    stratified_splits(np.arange(21) % 5)
