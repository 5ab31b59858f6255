import numpy as np
import pytest

from georetrieve.benchmarks.index_retrieval import measure_index
from georetrieve.benchmarks.retrieval import run_retrieval
from georetrieve.errors import StoreError
from georetrieve.search import Index
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest
from georetrieve.types import EncoderSpec, Item

SPEC = EncoderSpec(
    name="fake", family="fake", weights="", sha256="0", dim=5, transform={}, adapted=True
)


@pytest.fixture
def collection():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 3, size=60)
    vectors = (rng.normal(size=(3, 5))[codes] + rng.normal(size=(60, 5))).astype(np.float32)
    items = [
        Item(
            path=f"{number:02d}.jpg",
            kind="image",
            label=f"taxon{code}" if number else None,
            group=f"slide{number % 12}",
            content_hash=str(number),
        )
        for number, code in enumerate(codes)
    ]
    return items, vectors


@pytest.fixture
def index(collection, tmp_path):
    items, vectors = collection
    store = IndexStore.create(tmp_path / "x", Manifest(name="slides", encoders=(SPEC,)))
    order = np.random.default_rng(1).permutation(len(items))
    store.add_items([items[place] for place in order], {SPEC.column: vectors[order]})
    with Index(store) as opened:
        yield opened


def test_an_index_gives_what_its_arrays_give(index, collection):
    items, vectors = collection
    record = measure_index(index)
    expected = run_retrieval(
        vectors,
        [item.label for item in items],
        [item.id for item in items],
        groups=[item.group for item in items],
        content_hashes=[item.content_hash for item in items],
    )
    assert record.metrics == expected.metrics
    assert record.tables == expected.tables
    assert record.data.index == "slides"
    assert record.data.version == str(index.store.version)
    assert record.encoder.fingerprint == SPEC.fingerprint
    assert (record.data.n_items, record.data.n_labelled) == (60, 59)


def test_only_what_satisfies_the_condition_takes_part(index):
    record = measure_index(index, where="label != 'taxon0'", protocol="scampi")
    assert set(record.data.classes) == {"taxon1", "taxon2"}


def test_nothing_to_measure(index):
    with pytest.raises(StoreError, match="0 of 0 items carry a label"):
        measure_index(index, where="label = 'none'")
