"""Nearest neighbours on arrays against the naive computation, ties and copies included."""

import numpy as np
import pytest

from georetrieve.errors import StoreError
from georetrieve.probes.classification import neighbours
from georetrieve.probes.classification.neighbours import find_neighbours
from georetrieve.probes.classification.pair_scores import pair_scores, scores_of_pairs


def naive(gallery, queries, metric):
    """(Q, N) scores by differences, or of unit vectors, in double precision."""
    gallery, queries = gallery.astype(float), queries.astype(float)
    if metric == "euclidean":
        return -np.linalg.norm(queries[:, None] - gallery[None], axis=2)
    gallery = gallery / np.linalg.norm(gallery, axis=1, keepdims=True)
    queries = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    return np.round(np.einsum("qd,nd->qn", queries, gallery), 13)


@pytest.fixture(
    params=[(7, 5, 0.0), (7, 5, 1.0), (1024, 2048, 0.5)],
    ids=["small blocks", "small blocks, coarse first", "one block"],
)
def blocks(request, monkeypatch):
    for name, value in zip(("QUERY_ROWS", "GALLERY_ROWS", "MANY"), request.param, strict=True):
        monkeypatch.setattr(neighbours, name, value)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("k", [1, 4, 40, 90])
def test_as_the_naive_computation(blocks, metric, k):
    rng = np.random.default_rng(3)
    gallery = rng.integers(-3, 4, (40, 6)).astype(np.float32)  # many ties
    gallery[:, 0] += 5
    queries = np.concatenate([gallery[:9], rng.standard_normal((12, 6)).astype(np.float32)])
    found = find_neighbours(gallery, queries, k, metric)
    scores = naive(gallery, queries, metric).astype(np.float32)
    places = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(found.places, places)
    wanted = np.take_along_axis(scores, places, axis=1)
    np.testing.assert_allclose(found.scores, wanted, rtol=2e-7, atol=1e-12)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("size", [1e-24, 1.0, 1e15])
def test_what_a_coarse_score_cannot_tell_apart_is_told_apart(metric, size, monkeypatch):
    rng = np.random.default_rng(1)
    centres = rng.standard_normal((6, 64)) + 4
    near = centres[rng.integers(0, 6, 700)] + rng.normal(0, 1e-6, (700, 64))  # beyond its bound
    far = rng.standard_normal((2300, 64))
    gallery = (rng.permutation(np.concatenate([near, near[:90], far])) * size).astype(np.float32)
    queries = np.concatenate([gallery[:40], (size * centres).astype(np.float32)])
    computed = []
    monkeypatch.setattr(
        neighbours, "scores_of_pairs",
        lambda *pairs: computed.append(len(pairs[2])) or scores_of_pairs(*pairs),
    )  # fmt: skip
    monkeypatch.setattr(neighbours, "GALLERY_ROWS", 256)
    found = find_neighbours(gallery, queries, 25, metric)
    assert 0 < sum(computed) < len(queries) * len(gallery) / 4  # the others are never computed
    scores = pair_scores(queries, gallery, metric)
    np.testing.assert_array_equal(found.places, np.argsort(-scores, axis=1, kind="stable")[:, :25])


def test_a_copy_is_at_no_distance_and_its_neighbour_is_not():
    rng = np.random.default_rng(0)
    gallery = 1000 + rng.standard_normal((50, 384)).astype(np.float32)
    gallery[1] = gallery[0]
    gallery[1, 7] = np.nextafter(gallery[0, 7], np.float32(2000))  # one bit away
    found = find_neighbours(gallery, gallery[:1], 2, "euclidean")
    assert found.places.tolist() == [[0, 1]]
    assert found.scores[0, 0] == 0
    assert found.distances[0, 1] == gallery[1, 7] - gallery[0, 7]


def test_equal_scores_come_in_order_of_place():
    gallery = np.ones((9, 3), np.float32)
    gallery[4] = 2
    assert find_neighbours(gallery, gallery[:1], 9, "euclidean").places.tolist() == [
        [0, 1, 2, 3, 5, 6, 7, 8, 4]
    ]


def test_negative_and_positive_cosines_are_in_order():
    angles = np.deg2rad([0, 60, 90, 120, 180])
    gallery = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    found = find_neighbours(gallery, np.array([[2, 0]], np.float32), 5, "cosine")
    assert found.places.tolist() == [[0, 1, 2, 3, 4]]
    np.testing.assert_allclose(found.scores, [[1, 0.5, 0, -0.5, -1]], atol=1e-7)
    np.testing.assert_allclose(found.distances, [[0, 0.5, 1, 1.5, 2]], atol=1e-7)


def test_nothing_of_the_own_unit_is_found(blocks):
    gallery = np.array([[0], [1], [2], [10]], np.float32)
    found = find_neighbours(
        gallery,
        gallery,
        3,
        "euclidean",
        gallery_units=np.array([0, 0, 1, 1]),
        query_units=np.array([0, 0, 1, -1]),
    )
    assert found.places.tolist() == [[2, 3, -1], [2, 3, -1], [1, 0, -1], [3, 2, 1]]
    assert np.isneginf(found.scores[0, 2])
    assert found.first(1).places.tolist() == [[2], [2], [1], [3]]
    assert found.rows(slice(1, 3)).places.tolist() == [[2, 3, -1], [1, 0, -1]]


def test_no_query_and_no_gallery():
    some = np.ones((3, 4), np.float32)
    assert find_neighbours(some, some[:0], 2, "cosine").places.shape == (0, 2)
    assert find_neighbours(some[:0], some, 2, "cosine").places.shape == (3, 0)


def test_what_cannot_be_compared_is_refused():
    some = np.ones((2, 3), np.float32)
    with pytest.raises(StoreError, match="k = 0"):
        find_neighbours(some, some, 0, "cosine")
    with pytest.raises(StoreError, match=r"width 4.*width 3"):
        pair_scores(np.ones((1, 4), np.float32), some, "cosine")
    with pytest.raises(StoreError, match="zero"):
        pair_scores(some, np.zeros((1, 3), np.float32), "cosine")
    for metric in ("cosine", "euclidean"):
        with pytest.raises(StoreError, match="not finite"):
            pair_scores(some, np.full((1, 3), np.nan, np.float32), metric)
