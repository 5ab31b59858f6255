"""Columns of vectors, one an encoder: filled beside the items, joined, dropped."""

from dataclasses import replace

import numpy as np
import pytest
from contracts_store import make_spec, make_vectors

from georetrieve.errors import SpecMismatchError, StoreError
from georetrieve.protocols import VectorStore
from georetrieve.stores.lance import IndexStore


def test_a_column_is_a_vector_store_and_checks_the_spec(filled):
    store = filled[0]
    column: VectorStore = store.column(make_spec(4))
    assert len(column) == 20
    assert store.column("fake") is store.column("vector_fake") is store.column()
    other = make_spec(4, sha256="f" * 64)
    with pytest.raises(SpecMismatchError, match=rf"of fake .*{other.fingerprint}"):
        store.column(other)
    with pytest.raises(StoreError, match="no vectors of 'clip'"):
        store.column("clip")


@pytest.fixture
def second():
    return make_spec(3, "cosine", name="second")


def test_a_further_column_is_filled_beside_and_joined_at_the_end(filled, second):
    store, items, _ = filled
    extra = make_vectors(20, 3, seed=5)
    store.begin_column(second)
    ids = [item.id for item in items]
    store.stage_vectors(second.column, ids[:8], extra[:8])
    store.stage_vectors(second.column, ids[8:18], extra[8:18])
    assert second.name not in [spec.name for spec in IndexStore.open(store.path).manifest.encoders]

    again = IndexStore.open(store.path)  # a run was killed; another goes on
    again.begin_column(second)
    assert again.staged_ids(second.column) == set(ids[:18])
    again.stage_vectors(second.column, ids[7:8], extra[7:8])  # staged twice: the same again
    again.stage_vectors(second.column, ["gone since"], extra[:1])
    before = again.version
    again.finish_column(second)
    assert again.version == before + 1

    opened = IndexStore.open(store.path)
    assert opened.manifest.encoders == (make_spec(4), second)
    found, matrix = opened.vectors("second")
    assert set(found) == set(ids[:18])
    np.testing.assert_array_equal(matrix, extra[[ids.index(one) for one in found]])
    assert len(opened.vectors("fake")[0]) == 20
    hits = opened.column("second").search(extra[:1], 20)
    assert (hits.ids != "").sum() == 18
    assert not [path.name for path in store.path.iterdir() if "staging" in path.name]


def test_a_run_killed_between_join_and_manifest_is_repeated(filled, second, monkeypatch):
    store, items, _ = filled
    extra = make_vectors(20, 3, seed=5)
    store.begin_column(second)
    store.stage_vectors(second.column, [item.id for item in items], extra)

    def killed(manifest):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store, "_save", killed)
        with pytest.raises(KeyboardInterrupt):
            store.finish_column(second)
    again = IndexStore.open(store.path)
    assert again.manifest.encoders == (make_spec(4),)
    again.begin_column(second)
    assert len(again.staged_ids(second.column)) == 20
    again.finish_column(second)
    assert len(again.vectors("second")[0]) == 20


def test_vectors_staged_for_other_weights_are_not_used(filled, second):
    store, items, _ = filled
    store.begin_column(second)
    store.stage_vectors(second.column, [items[0].id], np.ones((1, 3), np.float32))
    store.begin_column(replace(second, sha256="e" * 64))
    assert store.staged_ids(second.column) == set()


def test_what_cannot_be_staged(filled, second):
    store, items, _ = filled
    with pytest.raises(StoreError, match="begin it first"):
        store.staged_ids(second.column)
    store.begin_column(second)
    with pytest.raises(StoreError, match="zero"):
        store.stage_vectors(second.column, [items[0].id], np.zeros((1, 3), np.float32))
    with pytest.raises(SpecMismatchError, match="width 4"):
        store.stage_vectors(second.column, [items[0].id], np.ones((1, 4), np.float32))
    with pytest.raises(StoreError, match="has a column 'vector_fake' already"):
        store.begin_column(make_spec(4))


def test_items_may_come_with_some_of_the_columns(filled, second):
    store, items, vectors = filled
    store.update_manifest(replace(store.manifest, encoders=(*store.manifest.encoders, second)))
    new = [replace(item, path="x" + item.path) for item in items[:2]]
    store.add_items(new, {"vector_fake": vectors[:2], second.column: np.ones((2, 3), np.float32)})
    assert len(store.column("fake")) == 22
    assert len(store.column("second")) == 2
    store.add_items(new[:1], {"vector_fake": vectors[:1]})
    assert len(store.column("second")) == 1


def test_a_dropped_column_is_gone(filled, second):
    store, _, _ = filled
    store.update_manifest(replace(store.manifest, encoders=(*store.manifest.encoders, second)))
    store.drop_column("fake")
    assert IndexStore.open(store.path).manifest.encoders == (second,)
    assert "vector_fake" not in store._items.schema.names


def test_an_encoder_does_not_change_under_its_vectors(filled):
    store = filled[0]
    moved = replace(make_spec(4), weights="elsewhere.pth")
    store.update_manifest(replace(store.manifest, encoders=(moved,)))
    assert len(store.column(moved)) == 20
    with pytest.raises(SpecMismatchError, match="holds vectors of fake"):
        store.update_manifest(replace(store.manifest, encoders=(make_spec(4, sha256="f" * 64),)))


def test_a_column_left_by_a_killed_drop_is_not_taken_for_another_encoders(filled, second):
    store = filled[0]
    store._save(replace(store.manifest, encoders=()))
    narrow = make_spec(3)
    store.update_manifest(replace(store.manifest, encoders=(narrow,)))
    assert len(store.column(narrow)) == 0
    assert len(store) == 20
