"""Shared by the tests of stores."""

import pytest
from contracts_store import make_items, make_spec, make_vectors

from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest, SourceRoot

DIM = 4


@pytest.fixture
def manifest():
    return Manifest(
        name="slides",
        sources=(SourceRoot(key="", root="/data/slides"),),
        encoders=(make_spec(DIM),),
        cutting={"items": "auto"},
        created="2026-01-02T03:04:05+00:00",
        georetrieve_version="0.1.0",
    )


@pytest.fixture
def store(tmp_path, manifest):
    """An empty index with one vector column, ``vector_fake``, of width 4."""
    return IndexStore.create(tmp_path / "index", manifest)


@pytest.fixture
def filled(store):
    """The same with 20 items; (store, items, vectors)."""
    items, vectors = make_items(20), make_vectors(20, DIM)
    store.add_items(items, {"vector_fake": vectors})
    return store, items, vectors
