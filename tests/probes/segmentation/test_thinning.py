import numpy as np
import pytest

from georetrieve.probes.segmentation.thinning import thinned_votes

RNG = np.random.default_rng(0)


class Voters:
    """The vote of a patch is a function of its features; counts who was asked."""

    def __init__(self):
        self.asked = 0

    def __call__(self, features):
        self.asked += len(features)
        return np.concatenate([features, 1 - features], axis=1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (2, 2), (7, 6), (6, 7)])
def test_where_nothing_is_alike_all_are_asked(shape):
    features = RNG.random((*shape, 3)).astype(np.float32)
    voters = Voters()
    np.testing.assert_allclose(
        thinned_votes(features, voters, 0.0), voters(features.reshape(-1, 3)).reshape(*shape, 6)
    )
    assert voters.asked == 2 * shape[0] * shape[1]


def test_an_even_field_asks_a_quarter():
    voters = Voters()
    found = thinned_votes(np.full((10, 12, 2), 0.25, np.float32), voters, 0.1)
    np.testing.assert_allclose(found, np.broadcast_to([0.25, 0.25, 0.75, 0.75], (10, 12, 4)))
    assert voters.asked == 5 * 6


def test_a_patch_takes_the_vote_of_the_nearest_around_it():
    features = np.zeros((3, 3, 1), np.float32)
    features[:, 2] = 1.0
    features[1, 1] = 0.95  # like the looked-up patches to its right
    features[0, 1] = 0.5  # like none
    voters = Voters()
    found = thinned_votes(features, voters, 0.1)[..., 0]
    np.testing.assert_allclose(found, [[0, 0.5, 1], [0, 1, 1], [0, 0, 1]])
    assert voters.asked == 4 + 1


def test_no_vote_is_further_off_than_alike():
    features = RNG.random((40, 31, 2)).astype(np.float32).cumsum(axis=1) / 20
    found = thinned_votes(features, Voters(), 0.05)[..., :2]
    assert np.linalg.norm(found - features, axis=2).max() <= 0.05 + 1e-6
