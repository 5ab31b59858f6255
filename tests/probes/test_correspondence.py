import numpy as np
import pytest

from georetrieve.errors import EncoderError
from georetrieve.probes.correspondence import correspond

RNG = np.random.default_rng(0)


def scene(side=12, dim=16, seed=1):
    """Background that is the same everywhere, with a little noise."""
    rng = np.random.default_rng(seed)
    grid = np.zeros((side, side, dim), np.float32)
    grid[..., 0] = 1.0
    return grid + 0.02 * rng.normal(size=grid.shape).astype(np.float32)


def test_a_moved_thing_is_found_where_it_went():
    thing = RNG.normal(size=(2, 2, 16)).astype(np.float32)
    query, hit = scene(seed=1), scene(seed=2)
    query[3:5, 4:6] = thing
    hit[7:9, 2:4] = thing
    found = correspond(query, hit, pairs=1)
    (pair,) = found.pairs
    assert (pair.hit[0] - pair.query[0], pair.hit[1] - pair.query[1]) == (4, -2)
    assert pair.query[0] in (3, 4)
    assert pair.similarity == pytest.approx(1.0, abs=1e-5)


def test_background_that_is_like_everything_is_no_explanation():
    thing = RNG.normal(size=16).astype(np.float32)
    query, hit = scene(seed=1), scene(seed=2)
    query[5, 5], hit[6, 8] = thing, thing
    found = correspond(query, hit, pairs=5)
    assert (found.pairs[0].query, found.pairs[0].hit) == ((5, 5), (6, 8))
    assert found.pairs[0].distinctiveness > 3 * found.pairs[1].distinctiveness


def test_pairs_are_mutual_and_the_share_is_counted():
    axes = np.eye(4, dtype=np.float32)
    query = axes[[0, 1, 2, 2]].reshape(2, 2, 4)
    hit = axes[[0, 1, 3, 3]].reshape(2, 2, 4)
    found = correspond(query, hit)
    assert {(pair.query, pair.hit) for pair in found.pairs} >= {((0, 0), (0, 0)), ((0, 1), (0, 1))}
    # The third patch is like nothing there: its nearest (cosine 0) has a nearest of its own.
    assert found.mutual == pytest.approx(2 / 4)
    np.testing.assert_allclose(found.query_likeness, [[1, 1], [0, 0]])
    np.testing.assert_allclose(found.hit_likeness, [[1, 1], [0, 0]])


def test_similarity_is_the_cosine_and_distinctiveness_worked_by_hand():
    query = np.array([[[3.0, 0.0], [0.0, 2.0]]], np.float32)
    hit = np.array([[[5.0, 0.0], [4.0, 4.0]]], np.float32)
    first = correspond(query, hit).pairs[0]
    root = np.sqrt(0.5)
    assert first.similarity == pytest.approx(1.0)
    # Means of all there are: of the query patch (1, √½), of the hit patch (1, 0).
    assert first.distinctiveness == pytest.approx(2 - (1 + root) / 2 - 0.5, abs=1e-6)


def test_shown_pairs_keep_apart_and_off_the_rim():
    grid = RNG.normal(size=(32, 32, 24)).astype(np.float32)
    pairs = correspond(grid, grid, pairs=12).pairs
    assert len(pairs) == 12
    for number, one in enumerate(pairs):
        assert one.query == one.hit
        assert all(2 <= place <= 29 for place in one.query)
        for other in pairs[:number]:
            assert np.hypot(*(np.subtract(one.query, other.query))) >= 3.2


def test_grids_of_different_sizes_and_blocks_of_many_patches():
    query = RNG.normal(size=(40, 30, 8)).astype(np.float32)
    found = correspond(query, query[10:25, 5:25], pairs=3)
    assert found.query_likeness.shape == (40, 30)
    assert all(
        (pair.query[0] - pair.hit[0], pair.query[1] - pair.hit[1]) == (10, 5)
        for pair in found.pairs
    )


def test_patches_of_zeros_are_like_nothing():
    found = correspond(np.zeros((3, 3, 4), np.float32), np.ones((3, 3, 4), np.float32))
    assert not found.query_likeness.any()


@pytest.mark.parametrize("shape", [(3, 3, 5), (9, 4)])
def test_features_of_other_encoders_are_refused(shape):
    with pytest.raises(EncoderError, match="cannot be compared"):
        correspond(np.ones((3, 3, 4), np.float32), np.ones(shape, np.float32))


def test_no_pairs_asked_for():
    with pytest.raises(EncoderError, match="one or more"):
        correspond(np.ones((3, 3, 4), np.float32), np.ones((3, 3, 4), np.float32), pairs=0)
