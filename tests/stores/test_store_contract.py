"""The stores keep the contract: in memory, in an index held in memory, in an index streamed."""

from contracts_store import ExactStoreContract

from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest
from georetrieve.stores.memory import ExactStore
from georetrieve.stores.vectors import LanceVectors


class TestExactStore(ExactStoreContract):
    def make_store(self, spec, tmp_path):
        return ExactStore(spec)


class TestLanceVectorsHeld(ExactStoreContract):
    def make_store(self, spec, tmp_path):
        store = IndexStore.create(tmp_path / "index", Manifest(name="index", encoders=(spec,)))
        return store.column()


class TestLanceVectorsStreamed(ExactStoreContract):
    def make_store(self, spec, tmp_path):
        store = IndexStore.create(tmp_path / "index", Manifest(name="index", encoders=(spec,)))
        return LanceVectors(spec, store._items, store, held_bytes=0)
