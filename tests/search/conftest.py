"""An index of six one-coloured images, whose vectors and distances can be worked out by hand."""

import numpy as np
import pytest
from fakes import FakeEncoder, fake_vector, solid

from georetrieve.encoders.runtime import Runtime
from georetrieve.search import Index
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest, SourceRoot
from georetrieve.types import Item

# The fake encoder repeats the colour in four cells and appends a 1: two colours lie
# 2 * |difference| apart. path: (grey level or colour, group, label, depth)
IMAGES = {
    "a/black.png": ((0, 0, 0), "slide 1", "dark", 1000),
    "a/dark.png": ((51, 51, 51), "slide 1", "dark", 2000),
    "b/grey.png": ((102, 102, 102), "slide 2", "mid", 3000),
    "b/pale.png": ((204, 204, 204), "slide 2", None, None),
    "c/white.png": ((255, 255, 255), None, "light", 5000),
    "c/red.png": ((255, 0, 0), "slide 3", "o'brien", 6000),
}


@pytest.fixture
def folder(tmp_path):
    """The images on disk."""
    root = tmp_path / "slides"
    for name, (colour, *_) in IMAGES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        solid(*colour).save(root / name)
    return root


def write_index(path, root):
    """An index of the images."""
    manifest = Manifest(
        name=path.name,
        sources=(SourceRoot(key="", root=str(root)),),
        encoders=(FakeEncoder().spec,),
    )
    store = IndexStore.create(path, manifest)
    items = [
        Item(
            path=name,
            kind="image",
            group=group,
            label=label,
            um_per_px=0.25,
            metadata={"depth": depth},
            thumbnail=name.encode(),
        )
        for name, (_, group, label, depth) in IMAGES.items()
    ]
    vectors = np.array([fake_vector(*colour) for colour, *_ in IMAGES.values()])
    store.add_items(items, {"vector_fake": vectors})
    return store


@pytest.fixture
def index(tmp_path, folder, fake_family):
    """The index, opened."""
    write_index(tmp_path / "index", folder)
    with Index.open(tmp_path / "index", runtime=Runtime(device="cpu")) as opened:
        yield opened


@pytest.fixture(scope="module")
def ores():
    """An index of drawn sections with the encoder that was trained on captions, opened."""
    from trained_dual import ores_index, trained_weights

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEORETRIEVE_WEIGHTS", str(trained_weights()))
        with Index.open(ores_index(), runtime=Runtime(device="cpu")) as opened:
            yield opened
