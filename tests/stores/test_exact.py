"""The exact kernel where it could go wrong: many blocks, late winners, ties, no memory."""

import numpy as np
import pyarrow as pa
import pytest
from contracts_store import expected, make_items
from hypothesis import given, settings
from hypothesis import strategies as st

from georetrieve.stores import exact
from georetrieve.stores.distances import pair_distances
from georetrieve.stores.exact import find_nearest
from georetrieve.stores.gallery import Directory, HeldVectors


def search(items, vectors, queries, k, metric, **options):
    directory = Directory(
        pa.array([item.id for item in items], pa.string()),
        pa.array([item.group for item in items], pa.string()),
    )
    return find_nearest(HeldVectors(vectors), directory, queries, k, metric, **options)


@pytest.fixture(params=[1, 7, 64])
def small_blocks(request, monkeypatch):
    """Blocks of so many rows."""
    monkeypatch.setattr(exact, "MIN_BLOCK_ROWS", request.param)
    monkeypatch.setattr(exact, "MAX_BLOCK_ROWS", request.param)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("k", [1, 5, 63, 200])
def test_blocks_do_not_show(small_blocks, metric, k):
    rng = np.random.default_rng(0)
    items = make_items(200)
    vectors = rng.normal(1, 1, (200, 6)).astype(np.float32)
    # Nearer and nearer: every block brings better candidates than all before.
    vectors = vectors[np.argsort(-np.linalg.norm(vectors - vectors[0], axis=1))]
    hits = search(items, vectors, vectors[-9:], k, metric)
    wanted = expected(items, vectors, vectors[-9:], k, metric)
    np.testing.assert_array_equal(hits.ids, wanted[0])
    np.testing.assert_array_equal(hits.scores, wanted[1])


def test_queries_in_several_turns(monkeypatch):
    monkeypatch.setattr(exact, "MAX_QUERIES", 4)
    rng = np.random.default_rng(0)
    items, vectors = make_items(50), rng.normal(0, 1, (50, 6)).astype(np.float32)
    groups = [item.group for item in items]
    ids = [item.id for item in items]
    hits = search(items, vectors, vectors, 5, "euclidean", exclude_groups=groups, exclude_ids=ids)
    wanted = expected(items, vectors, vectors, 5, "euclidean", groups=groups, ids=ids)
    np.testing.assert_array_equal(hits.ids, wanted[0])


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_small_integers(data):
    """Integers give many exact ties, which only the ids can order."""
    count, dim = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 4))
    number = st.integers(-2, 2)
    rows = st.lists(number, min_size=dim, max_size=dim).filter(any)
    vectors = np.float32(data.draw(st.lists(rows, min_size=count, max_size=count)))
    queries = np.float32(data.draw(st.lists(rows, min_size=1, max_size=4)))
    k = data.draw(st.integers(1, 35))
    metric = data.draw(st.sampled_from(["euclidean", "cosine"]))
    items = make_items(count)
    hits = search(items, vectors, queries, k, metric)
    wanted = expected(items, vectors, queries, k, metric)
    np.testing.assert_array_equal(hits.scores, wanted[1])
    np.testing.assert_array_equal(hits.ids, wanted[0])


def test_pair_distances():
    vectors = np.float32([[0, 3], [4, 0], [0, 6]])
    np.testing.assert_allclose(pair_distances(vectors, "euclidean"), [3, 5, 52**0.5], rtol=1e-6)
    np.testing.assert_allclose(pair_distances(vectors, "cosine"), [0, 1, 1], atol=1e-7)
    assert pair_distances(vectors[:1], "cosine").shape == (0,)
    assert pair_distances(vectors[:0], "euclidean").shape == (0,)
