"""An index of one-coloured images, some labelled, whose distances can be worked out by hand."""

import numpy as np
from fakes import FakeEncoder, fake_vector

from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest, SourceRoot
from georetrieve.types import Item

# path: (grey level, group, label). Euclidean distance: sqrt(12) times the difference of levels.
GREYS = {
    "a/black.png": (0, "slide 1", "dark"),
    "a/night.png": (20, "slide 2", "dark"),
    "b/white.png": (255, "slide 1", "light"),
    "b/snow.png": (225, "slide 2", "light"),
    "c/coal.png": (5, "slide 3", None),
    "c/chalk.png": (240, "slide 3", None),
    "c/grey.png": (120, None, None),
}


def write_index(path, greys, root, encoder=None):
    """An index of greys, by path: level, group, label."""
    encoder = encoder or FakeEncoder()
    sources = (SourceRoot(key="", root=str(root)),)
    manifest = Manifest(name=path.name, sources=sources, encoders=(encoder.spec,))
    store = IndexStore.create(path, manifest)
    items = [
        Item(path=name, kind="image", group=group, label=label)
        for name, (_, group, label) in greys.items()
    ]
    vectors = [fake_vector(*3 * [level], grid=encoder.grid) for level, *_ in greys.values()]
    if items:
        store.add_items(items, {encoder.spec.column: np.array(vectors)})
    return store
