"""R@k and mAP: by hand, against scikit-learn, and against random rankings."""

from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, label_ranking_average_precision_score

from georetrieve.errors import StoreError
from georetrieve.metrics.text_retrieval import (
    QueryScores,
    expected_average_precision,
    expected_hit,
    query_scores,
)


def test_by_hand():
    scores = np.array([[0.9, 0.8, 0.7, 0.6], [0.1, 0.2, 0.3, 0.4], [1, 2, 3, 4]])
    relevant = np.array([[0, 1, 0, 1], [0, 0, 1, 1], [0, 0, 0, 0]], bool)
    found = query_scores(scores, relevant, (1, 2, 9))
    # Ranks 2 and 4: (1/2 + 2/4) / 2; ranks 1 and 2: 1; nothing relevant: not defined.
    np.testing.assert_array_equal(found.average_precision, [0.5, 1, np.nan])
    np.testing.assert_array_equal(found.hits, [[0, 1, 1], [1, 1, 1], [np.nan] * 3])
    np.testing.assert_array_equal(found.relevant, [2, 2, 0])
    joined = QueryScores.joined([found, found])
    assert (len(joined.relevant), joined.hits.shape) == (6, (6, 3))


def test_equal_scores_keep_their_order():
    relevant = np.array([[0, 1, 0], [1, 0, 0]], bool)
    found = query_scores(np.zeros((2, 3)), relevant, (1,))
    np.testing.assert_array_equal(found.average_precision, [0.5, 1])


def test_equals_scikit_learn():
    rng = np.random.default_rng(0)
    scores, relevant = rng.random((20, 50)), rng.random((20, 50)) < 0.2
    relevant[:, 0] = True
    found = query_scores(scores, relevant, (1,)).average_precision
    expected = [average_precision_score(*pair) for pair in zip(relevant, scores, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert found.mean() == pytest.approx(label_ranking_average_precision_score(relevant, scores))


@pytest.mark.parametrize("count", [1, 2, 4, 6])
def test_chance_is_the_mean_over_all_rankings(count):
    relevant = np.arange(6) < count
    rankings = np.array(list(permutations(range(6))), float)
    found = query_scores(rankings, np.tile(relevant, (len(rankings), 1)), (1, 2, 5, 6, 10))
    counts = np.array([count])
    assert found.average_precision.mean() == pytest.approx(expected_average_precision(counts, 6)[0])
    np.testing.assert_allclose(
        found.hits.mean(axis=0), expected_hit(counts, 6, (1, 2, 5, 6, 10))[0], rtol=1e-12
    )


def test_chance_of_nothing_and_of_one():
    np.testing.assert_array_equal(expected_average_precision(np.array([0, 1]), 1), [np.nan, 1])
    np.testing.assert_allclose(expected_hit(np.array([0]), 5, (1, 9)), [[0, 0]], atol=1e-12)


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(StoreError, match=r"\(Q, G\)"):
        query_scores(np.zeros((2, 3)), np.zeros((2, 4), bool), (1,))
    with pytest.raises(StoreError, match="1 or more"):
        query_scores(np.zeros((1, 3)), np.zeros((1, 3), bool), (0,))
    with pytest.raises(StoreError, match="numbers"):
        query_scores(np.full((1, 3), np.nan), np.zeros((1, 3), bool), (1,))
