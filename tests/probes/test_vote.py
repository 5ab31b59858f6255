"""Weights and votes, by hand and as others compute them."""

import numpy as np
import pytest

from georetrieve.errors import StoreError
from georetrieve.probes.vote import VoteRule, vote, vote_shares, vote_weights

NONE = -np.inf


def scores(*rows):
    return np.array(rows, np.float32)


def test_uniform_words_weigh_alike():
    weights = vote_weights(scores([0.9, 0.1, NONE]), "cosine", VoteRule("uniform"))
    np.testing.assert_array_equal(weights, [[0.5, 0.5, 0]])


def test_distance_words_weigh_the_inverse_of_the_distance():
    # 1/1, 1/2, 1/4 of 7/4.
    weights = vote_weights(scores([-1, -2, -4]), "euclidean", VoteRule("distance"))
    np.testing.assert_allclose(weights, [[4 / 7, 2 / 7, 1 / 7]])
    # 1 - cosine is 1/2 and 1.
    weights = vote_weights(scores([0.5, 0, NONE]), "cosine", VoteRule("distance"))
    np.testing.assert_allclose(weights, [[2 / 3, 1 / 3, 0]])


def test_those_at_no_distance_outvote_all_others():
    rule = VoteRule("distance")
    weights = vote_weights(scores([0, 0, -1], [-1, -1, -1]), "euclidean", rule)
    np.testing.assert_allclose(weights, [[0.5, 0.5, 0], [1 / 3, 1 / 3, 1 / 3]])


def test_softmax_words():
    # exp(1 / .5) : exp(.5 / .5) = e : 1.
    weights = vote_weights(scores([1, 0.5, NONE]), "cosine", VoteRule("softmax", 0.5))
    np.testing.assert_allclose(weights, [[np.e / (1 + np.e), 1 / (1 + np.e), 0]], rtol=1e-7)


def test_softmax_of_a_tiny_temperature_does_not_overflow():
    weights = vote_weights(scores([1, 0.5], [-1, -1]), "cosine", VoteRule("softmax", 1e-4))
    np.testing.assert_array_equal(weights, [[1, 0], [0.5, 0.5]])


@pytest.mark.parametrize("weighting", ["uniform", "distance", "softmax"])
def test_without_neighbours_there_is_no_vote(weighting):
    weights = vote_weights(scores([NONE, NONE]), "cosine", VoteRule(weighting))
    np.testing.assert_array_equal(weights, [[0, 0]])
    np.testing.assert_array_equal(vote(weights, np.array([[-1, -1]]), 3), [[0, 0, 0]])


@pytest.mark.parametrize("weighting", ["uniform", "distance", "softmax"])
@pytest.mark.parametrize("k", [1, 2, 7, 30])
def test_shares_sum_to_one_for_every_k(weighting, k):
    rng = np.random.default_rng(0)
    cosines = -np.sort(-rng.uniform(-1, 1, (20, 30)).astype(np.float32))
    weights = vote_weights(cosines[:, :k], "cosine", VoteRule(weighting))
    classes = rng.integers(0, 4, (20, 30))
    np.testing.assert_allclose(vote(weights, classes[:, :k], 4).sum(axis=1), 1)
    soft = rng.dirichlet(np.ones(4), (20, 30)).astype(np.float32)
    np.testing.assert_allclose(vote_shares(weights, soft[:, :k]).sum(axis=1), 1, rtol=1e-6)


def test_votes_by_hand():
    weights = np.array([[0.5, 0.25, 0.25], [1, 0, 0]])
    classes = np.array([[2, 0, 2], [1, -1, 99]])  # of no weight: any class
    np.testing.assert_array_equal(vote(weights, classes, 3), [[0.25, 0, 0.75], [0, 1, 0]])


def test_one_class_a_neighbour_is_a_special_case_of_shares():
    rng = np.random.default_rng(1)
    weights = rng.dirichlet(np.ones(5), 8)
    classes = rng.integers(0, 3, (8, 5))
    hot = np.eye(3, dtype=np.float32)[classes]
    np.testing.assert_allclose(vote(weights, classes, 3), vote_shares(weights, hot))


def test_soft_votes_by_hand():
    weights = np.array([[0.75, 0.25]])
    shares = np.array([[[1, 0], [0.2, 0.8]]], np.float32)
    np.testing.assert_allclose(vote_shares(weights, shares), [[0.8, 0.2]], rtol=1e-6)


@pytest.mark.parametrize("temperature", [0, -1, np.nan, np.inf])
def test_temperatures_that_make_no_sense(temperature):
    with pytest.raises(StoreError, match="above 0"):
        VoteRule("softmax", temperature)


def test_an_unknown_weighting_names_those_there_are():
    with pytest.raises(StoreError, match=r"'nearest'.*uniform, distance, softmax"):
        VoteRule("nearest")


def test_softmax_weights_are_made_of_cosines():
    with pytest.raises(StoreError, match="cosine"):
        vote_weights(scores([-1]), "euclidean", VoteRule("softmax"))
