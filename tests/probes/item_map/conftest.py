import numpy as np
import pytest

from georetrieve.search import Index
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.lock import write_lock
from georetrieve.stores.manifest import Manifest
from georetrieve.types import EncoderSpec, Item


def clustered(count, dim=16, groups=6, seed=0):
    """Vectors in groups far apart, and the number of the group of each."""
    rng = np.random.default_rng(seed)
    middles = 8 * rng.normal(size=(groups, dim))
    codes = np.arange(count) % groups
    return (middles[codes] + rng.normal(size=(count, dim))).astype(np.float32), codes


def items_of(count, first=0):
    return [
        Item(
            path=f"{n:05d}.png",
            kind="image",
            label=None if n % 6 == 5 else f"class {n % 6}",
            group=f"g{n % 2}",
            metadata={"depth": n},
            content_hash=f"{n:064x}",
        )
        for n in range(first, first + count)
    ]


@pytest.fixture
def make_index(tmp_path):
    """``make_index(count)``: an index of that many items in six groups, to write to."""

    def make(count, **of_spec):
        facts = {"name": "fake", "family": "fake", "weights": "none", "sha256": "0" * 64, "dim": 16}
        spec = EncoderSpec(**(facts | {"transform": {}} | of_spec))
        store = IndexStore.create(tmp_path / "index", Manifest(name="index", encoders=(spec,)))
        store.add_items(items_of(count), {spec.column: clustered(count)[0]})
        return Index(store)

    return make


@pytest.fixture
def add_items():
    """``add_items(index, count)``: that many more items; the index as it is then."""

    def add(index, count):
        have = len(index)
        vectors = clustered(have + count)[0][have:]
        column = index.manifest.encoders[0].column
        with write_lock(index.path, "test"):
            store = IndexStore.open(index.path)
            store.add_items(items_of(count, have), {column: vectors})
        return Index.open(index.path)

    return add
