"""An index that others write to is opened anew, and what has not changed is not read again."""

from threading import Thread

import numpy as np
import pytest
from contracts_store import make_items, make_spec, make_vectors

from georetrieve.errors import StoreError
from georetrieve.search import Index, Query, QueryVector
from georetrieve.stores.column_galleries import StreamedVectors
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest

COUNT = 60


@pytest.fixture
def read(monkeypatch):
    """Grows by one each time a whole column is read."""
    times, real = [], StreamedVectors.read
    monkeypatch.setattr(StreamedVectors, "read", lambda self: times.append(1) or real(self))
    return times


@pytest.fixture
def index(tmp_path):
    spec = make_spec(5)
    store = IndexStore.create(tmp_path / "index", Manifest(name="index", encoders=(spec,)))
    store.add_items(make_items(COUNT), {spec.column: make_vectors(COUNT, 5)})
    return Index.open(tmp_path / "index")


def found(index, **options):
    query = Query((QueryVector(make_vectors(COUNT, 5)[3]),))
    return [(hit.id, hit.label, hit.percentile) for hit in index.search(query, 5, **options).hits]


def test_the_same_version_is_the_same_index(index):
    assert index.refreshed() is index


@pytest.mark.parametrize("engine", ["auto", "faiss:flat", "faiss:hnsw"])
def test_labels_are_seen_and_nothing_else_is_read_again(index, read, engine):
    index = Index.open(index.path, engine=engine)
    before = found(index)
    reads = len(read)
    for label in ("seen", "seen again"):
        IndexStore.open(index.path).update_items({before[0][0]: {"label": label}})
        older, index = index, index.refreshed()
        assert older.store.version < index.store.version
        assert found(index) == [(before[0][0], label, before[0][2]), *before[1:]]
        assert found(index, where=f"label = '{label}'") == [found(index)[0]]
        assert found(index, where="label = 'never'") == []
    assert len(read) == reads


def test_an_index_that_was_not_searched_between_hands_on_what_it_was_given(index, read):
    found(index)
    for label in ("one", "two", "three"):
        IndexStore.open(index.path).update_items({make_items(1)[0].id: {"label": label}})
        index = index.refreshed()
    found(index)
    assert len(read) == 1


def test_groups_are_seen(index):
    item = make_items(COUNT)[4]
    query = index.parse([item.id])
    found_before = index.search(query, COUNT, exclude_group=True).hits
    other = found_before[0].id
    IndexStore.open(index.path).update_items({other: {"group": item.group}})
    after = index.refreshed().search(query, COUNT, exclude_group=True).hits
    assert [hit.id for hit in after] == [hit.id for hit in found_before[1:]]


def test_new_items_are_found_and_removed_ones_are_not(index, read):
    nearest = found(index)[0][0]
    store = IndexStore.open(index.path)
    store.remove_ids([nearest])
    index = index.refreshed()
    assert nearest not in [one for one, _, _ in found(index)]
    spec = make_spec(5)
    item = next(item for item in make_items(COUNT) if item.id == nearest)
    store.add_items([item], {spec.column: make_vectors(COUNT, 5)[3:4]})
    index = index.refreshed()
    assert found(index)[0][0] == nearest
    assert len(read) == 3


def test_vectors_that_were_replaced_are_read_again(index):
    far = found(index)[-1][0]
    spec = make_spec(5)
    item = next(item for item in make_items(COUNT) if item.id == far)
    vector = make_vectors(COUNT, 5)[3:4] + np.float32(1e-3)
    IndexStore.open(index.path).add_items([item], {spec.column: vector})
    assert far in [one for one, _, _ in found(index.refreshed())[:2]]


def test_what_is_read_ahead_is_not_read_by_the_first_search(index, read):
    index.read_ahead()
    assert len(read) == 1
    sampled = index._loaded.sample(make_spec(5))
    found(index)
    assert len(read) == 1
    assert index._loaded.sample(make_spec(5)) is sampled
    with pytest.raises(StoreError, match="no vectors of 'another'"):
        index.read_ahead("another")


def test_what_is_too_large_to_hold_is_not_read_ahead(index, read, monkeypatch):
    monkeypatch.setattr(index.store.column(), "_held_bytes", 0)
    index.read_ahead()
    assert read == []


def test_threads_read_a_column_once(index, read):
    threads = [Thread(target=found, args=(index,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read) == 1
