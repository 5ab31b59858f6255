import numpy as np
import pytest
from sklearn import metrics

from georetrieve.errors import StoreError
from georetrieve.metrics.multilabel import per_class_scores, set_scores

# Classes quartz, galena, pyrite.
TRUE = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 1], [1, 1, 1]], bool)
SAID = np.array([[1, 0, 1], [1, 0, 0], [0, 1, 0], [1, 1, 0]], bool)


def test_each_image_by_hand():
    scores = set_scores(TRUE, SAID)
    np.testing.assert_allclose(scores.jaccard, [1 / 3, 1, 0, 2 / 3])
    np.testing.assert_allclose(scores.recall, [1 / 2, 1, 0, 2 / 3])
    np.testing.assert_allclose(scores.precision, [1 / 2, 1, 0, 1])
    np.testing.assert_allclose(scores.f1, [1 / 2, 1, 0, 4 / 5])


def test_empty_sets_are_right_together_and_wrong_alone():
    true = np.array([[0, 0], [1, 0], [0, 0]], bool)
    said = np.array([[0, 0], [0, 0], [0, 1]], bool)
    scores = set_scores(true, said)
    for values in (scores.jaccard, scores.recall, scores.precision, scores.f1):
        np.testing.assert_array_equal(values, [1, 0, 0])


def test_the_means_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    true, said = rng.random((2, 200, 7)) < 0.4
    true[:, 0] |= ~true.any(axis=1)  # no empty set: there scikit-learn leaves the choice open
    said[:, 1] |= ~said.any(axis=1)
    scores = set_scores(true, said)
    for ours, theirs in (
        (scores.jaccard, metrics.jaccard_score),
        (scores.recall, metrics.recall_score),
        (scores.precision, metrics.precision_score),
        (scores.f1, metrics.f1_score),
    ):
        assert ours.mean() == pytest.approx(theirs(true, said, average="samples"))


def test_each_class_by_hand_and_by_scikit_learn():
    scores = per_class_scores(TRUE, SAID)
    np.testing.assert_array_equal(scores.true_positives, [3, 1, 0])
    np.testing.assert_array_equal(scores.false_positives, [0, 1, 1])
    np.testing.assert_array_equal(scores.false_negatives, [0, 1, 2])
    np.testing.assert_array_equal(scores.true_negatives, [1, 1, 1])
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(TRUE, SAID)
    np.testing.assert_allclose(scores.precision, precision)
    np.testing.assert_allclose(scores.recall, recall)
    np.testing.assert_allclose(scores.f1, f1)
    np.testing.assert_allclose(scores.specificity, [1, 1 / 2, 1 / 2])
    tables = metrics.multilabel_confusion_matrix(TRUE, SAID)
    np.testing.assert_array_equal(scores.true_negatives, tables[:, 0, 0])


def test_a_class_that_never_occurs_scores_zero():
    scores = per_class_scores(np.zeros((2, 1), bool), np.zeros((2, 1), bool))
    assert (scores.f1[0], scores.recall[0], scores.true_negatives[0]) == (0, 0, 2)


def test_sets_of_other_sizes_are_refused():
    with pytest.raises(StoreError, match=r"\(4, 3\) and of \(4, 2\)"):
        set_scores(TRUE, SAID[:, :2])
