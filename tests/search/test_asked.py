"""What parts of queries stand for: regions beside items, volumes in numbered slices."""

import numpy as np
import pytest
import tifffile
from fakes import FakeEncoder, fake_vector, solid

from georetrieve.errors import SourceError, StoreError
from georetrieve.search import Index, Query, QueryImage
from georetrieve.search.asked import read_query, region_beside
from georetrieve.sources.options import ReadOptions
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest, SourceRoot
from georetrieve.types import Item, Region


@pytest.fixture
def cores(tmp_path):
    """An index of two items: a picture, and a slice of a volume in five numbered files."""
    root = tmp_path / "cores"
    root.mkdir()
    solid(10, 20, 30).save(root / "a.png")
    for number in range(5):
        plane = np.full((40, 50), 50 * number, np.uint8)
        tifffile.imwrite(root / f"core_{number:02d}.tif", plane)
    sources = (SourceRoot(key="", root=str(root)),)
    spec = FakeEncoder().spec
    manifest = Manifest(name="cores", sources=sources, encoders=(spec,))
    store = IndexStore.create(tmp_path / "index", manifest)
    items = [
        Item(path="a.png", kind="image"),
        Item(path="core_*.tif", kind="slice", region=Region(0, 0, 50, 40, 3, "z"), group="core"),
    ]
    vectors = np.stack([fake_vector(10, 20, 30), fake_vector(150, 150, 150)])
    store.add_items(items, {spec.column: vectors})
    return store


def test_a_region_beside_an_item_is_of_its_file(cores):
    part = region_beside(cores, "a.png", Region(1, 2, 3, 4), weight=-1.0)
    assert part.path.name == "a.png"
    assert (part.region, part.weight) == (Region(1, 2, 3, 4), -1.0)
    assert read_query(part, ReadOptions()).size == (3, 4)


def test_a_region_beside_a_slice_is_of_that_slice(cores):
    part = region_beside(cores, "core_*.tif#z=3,0,0,50,40", Region(5, 5, 10, 8))
    assert part.region == Region(5, 5, 10, 8, 3, "z")
    pixels = np.asarray(read_query(part, ReadOptions()))
    assert pixels.shape == (8, 10, 3)
    assert (pixels == 150).all()
    other = region_beside(cores, "core_*.tif#z=3,0,0,50,40", Region(5, 5, 10, 8, 1, "z"))
    assert (np.asarray(read_query(other, ReadOptions())) == 50).all()


def test_the_region_of_an_item_is_the_item(cores):
    with Index(cores) as index:
        part = region_beside(cores, "core_*.tif#z=3,0,0,50,40", Region(0, 0, 50, 40))
        assert index._parts.item_of(part) == "core_*.tif#z=3,0,0,50,40"
        assert index._parts._groups_of(part) == {"core"}


def test_beside_no_item_there_is_nothing(cores):
    with pytest.raises(StoreError, match="nowhere"):
        region_beside(cores, "nowhere.png", Region(0, 0, 1, 1))


def test_slices_that_went_away_are_named(cores, tmp_path):
    part = QueryImage(tmp_path / "cores" / "gone_*.tif", Region(0, 0, 5, 5, 1, "z"))
    with pytest.raises(SourceError, match=r"gone_\*\.tif is not there any more"):
        read_query(part, ReadOptions())


def test_a_part_is_called_by_its_name(tmp_path):
    part = QueryImage(tmp_path / "d41d8cd9", Region(0, 0, 9, 9), name="my slide.tif")
    assert str(Query((part,))) == "my slide.tif#0,0,9,9"
