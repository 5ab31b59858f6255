"""A column whose rows were shuffled by compaction and do not all have a vector."""

from dataclasses import replace

import numpy as np
import pytest
from contracts_store import expected, make_items, make_spec, make_vectors

from georetrieve.stores.column_galleries import StreamedVectors
from georetrieve.stores.engines import EngineVectors
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest
from georetrieve.stores.vectors import LanceVectors


@pytest.fixture
def scattered(tmp_path):
    """Pieces joined in an order of their own, rows deleted, every third item without a vector."""
    manifest = Manifest(name="index", encoders=(make_spec(5), make_spec(5, name="part")))
    store = IndexStore.create(tmp_path / "index", manifest)
    items, vectors = make_items(110), make_vectors(110, 5)
    start = 0
    for size in (10, 10, 50, 10, 10, 20):
        for place in range(start, start + size):
            given = ["vector_fake"] + ["vector_part"] * (place % 3 > 0)
            if place in (start, start + 1, start + 2):
                some = list(range(place, start + size, 3))
                rows = dict.fromkeys(given, vectors[some])
                store.add_items([items[one] for one in some], rows)
        start += size
    store.remove_ids([item.id for item in items[20:30]])
    store._items._dataset.optimize.compact_files(target_rows_per_fragment=15)
    store.update_items({items[3].id: {"label": "b"}, items[40].id: {"label": "b"}})
    kept = [place for place in range(110) if place % 3 > 0 and not 20 <= place < 30]
    labelled = [
        replace(items[place], label="b") if place in (3, 40) else items[place] for place in kept
    ]
    return store, labelled, vectors[kept]


@pytest.mark.parametrize("held_bytes", [0, 1 << 30])
@pytest.mark.parametrize("where", [None, "label = 'b'"])
@pytest.mark.parametrize(
    ("engine", "k"), [("exact", 70), ("lance", 5), ("faiss:flat", 5), ("faiss:ivf", 3)]
)
def test_the_right_vectors_go_with_the_right_items(scattered, held_bytes, where, engine, k):
    store, items, vectors = scattered
    column = LanceVectors(make_spec(5, name="part"), store._items, store, held_bytes=held_bytes)
    column = EngineVectors(column, None, engine=engine, device="cpu")
    groups, ids = [item.group for item in items[:9]], [item.id for item in items[:9]]
    hits = column.search(vectors[:9], k, where=where, exclude_groups=groups, exclude_ids=ids)
    wanted = expected(items, vectors, vectors[:9], k, "euclidean", where, groups, ids)
    if engine == "faiss:ivf":  # may miss one now and then, yet what it finds is no other's vector
        same = hits.ids == wanted[0]
        assert same.mean() > 0.9
        np.testing.assert_array_equal(hits.scores[same], wanted[1][same])
    else:
        np.testing.assert_array_equal(hits.ids, wanted[0])
        np.testing.assert_array_equal(hits.scores, wanted[1])
    assert len(column) == len(items)


@pytest.mark.parametrize("held_bytes", [0, 1 << 30])
def test_a_sample_is_the_same_however_the_rows_lie(scattered, held_bytes, tmp_path):
    store, items, vectors = scattered
    spec = make_spec(5, name="part")
    column = LanceVectors(spec, store._items, store, held_bytes=held_bytes)
    tidy = IndexStore.create(tmp_path / "tidy", Manifest(name="tidy", encoders=(spec,)))
    tidy.add_items(items, {"vector_part": vectors})
    np.testing.assert_array_equal(column.sample(20), tidy.column().sample(20))
    assert len(column.sample(20)) == 20
    assert len(column.sample(1000)) == len(items)
    assert not np.array_equal(column.sample(20, seed=1), column.sample(20))


def test_a_column_is_read_whole_only_where_that_pays(tmp_path, monkeypatch):
    spec = make_spec(3)
    store = IndexStore.create(tmp_path / "index", Manifest(name="index", encoders=(spec,)))
    vectors = make_vectors(300, 3)
    store.add_items(make_items(300), {spec.column: vectors})
    read = []
    real = StreamedVectors.read
    monkeypatch.setattr(StreamedVectors, "read", lambda self: read.append(1) or real(self))
    gallery = store.column().snapshot().gallery
    for _ in range(3):  # a hundredth of the column
        np.testing.assert_array_equal(gallery.take(np.array([7])), vectors[[7]])
    assert read == []
    np.testing.assert_array_equal(gallery.take(np.array([9])), vectors[[9]])
    np.testing.assert_array_equal(gallery.take(np.array([3])), vectors[[3]])
    assert read == [1]
    column = IndexStore.open(store.path).column()
    column.search(vectors[:1], 1)
    column.search(vectors[:1], 1)
    assert read == [1, 1]
