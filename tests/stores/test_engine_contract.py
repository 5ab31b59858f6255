"""Every engine keeps the contract of a store; those that look at everything keep the exact one."""

import pytest
from contracts_store import ExactStoreContract, StoreContract

from georetrieve.stores.engines import EngineVectors
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest


def make_engine(spec, tmp_path, engine):
    store = IndexStore.create(tmp_path / "index", Manifest(name="index", encoders=(spec,)))
    return EngineVectors(store.column(), store.path, engine=engine, device="cpu")


class TestEnginesThatLookAtEverything(ExactStoreContract):
    @pytest.fixture(params=["lance", "faiss:flat"], autouse=True)
    def engine(self, request):
        self.name = request.param

    def make_store(self, spec, tmp_path):
        return make_engine(spec, tmp_path, self.name)


class TestEnginesThatSkip(StoreContract):
    @pytest.fixture(params=["faiss:ivf", "faiss:hnsw"], autouse=True)
    def engine(self, request):
        self.name = request.param

    def make_store(self, spec, tmp_path):
        return make_engine(spec, tmp_path, self.name)
