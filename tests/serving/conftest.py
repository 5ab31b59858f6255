"""A running server over an index of one-coloured images."""

import numpy as np
import pytest
from fakes import FakeEncoder, fake_vector
from served import running

from georetrieve.search import Index
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest, SourceRoot
from georetrieve.types import Item

IMAGES = {
    "a/black.png": ((0, 0, 0), "slide 1", 1000.0),
    "a/dark.png": ((51, 51, 51), "slide 1", float("nan")),
    "b/<img src=x>.png": ((102, 102, 102), "slide 2", 3000.0),
    "c/white.png": ((255, 255, 255), None, None),
}


@pytest.fixture(scope="session")
def index_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served") / "my index"
    encoder = FakeEncoder()
    source = SourceRoot(key="", root=str(folder.parent / "secret place"))
    store = IndexStore.create(
        folder, Manifest(name="my index", sources=(source,), encoders=(encoder.spec,))
    )
    items = [
        Item(path=path, kind="image", group=group, metadata={"depth": depth})
        for path, (_, group, depth) in IMAGES.items()
    ]
    vectors = np.stack([fake_vector(*colour) for colour, *_ in IMAGES.values()])
    store.add_items(items, {encoder.spec.column: vectors})
    return folder


@pytest.fixture(scope="module")
def server(index_folder):
    """A server of the index, whose encoder takes texts too."""
    with Index.open(index_folder) as index, running(index=index) as one:
        yield one
