import io
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from georetrieve.errors import SourceError, StoreError
from georetrieve.indexing.build import index_folder
from georetrieve.indexing.options import IndexOptions
from georetrieve.labelling import give_labels
from georetrieve.serving import shelf as shelf_module
from georetrieve.serving.shelf import Shelf
from georetrieve.stores.lance import IndexStore


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shelf") / "slides"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(3):
        coarse = rng.integers(0, 255, (30, 50, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((500, 300)).save(folder / f"{number}.png")
    np.save(folder / "core.npy", rng.integers(0, 255, (3, 40, 50), dtype=np.uint8))
    return folder


@pytest.fixture(scope="module")
def store(folder):
    index = folder.parent / "index"
    index_folder(folder, index, IndexOptions(adapt=False))
    return IndexStore.open(index)


@pytest.fixture
def shelf(store):
    shelf = Shelf(store)
    yield shelf
    shelf.close()


def test_facts_thumbnails_and_tiles(shelf, folder):
    facts = shelf.facts("1.png")
    assert (facts.size, facts.levels, facts.tile_px) == ((500, 300), 10, 256)
    with Image.open(io.BytesIO(shelf.thumbnail("1.png"))) as thumbnail:
        assert thumbnail.format == "WEBP"
    with (
        Image.open(io.BytesIO(shelf.tile("1.png", 9, 1, 1))) as tile,
        Image.open(folder / "1.png") as whole,
    ):
        assert tile.size == (244, 44)
        expected = np.asarray(whole.crop((256, 256, 500, 300))).astype(float)
        assert np.abs(np.asarray(tile) - expected).mean() < 3


def test_slices_of_a_volume_are_the_items_own(shelf, store):
    ids = store.scan(["id"], "path = 'core.npy'", order_by_id=True).column("id").to_pylist()
    assert len(ids) == 3
    assert [shelf.facts(one).index for one in ids] == [0, 1, 2]
    assert len({shelf.tile(one, 6, 0, 0) for one in ids}) == 3


@pytest.mark.parametrize(
    "one", ["../index/manifest.json", "/etc/passwd", "4.png", "", "1.png' OR 1=1"]
)
def test_only_items_of_the_index_can_be_asked_for(shelf, one):
    for ask in (shelf.thumbnail, shelf.facts, lambda item: shelf.tile(item, 0, 0, 0)):
        with pytest.raises(StoreError, match="no item"):
            ask(one)


def test_tiles_beyond_the_image(shelf):
    with pytest.raises(SourceError, match="There is no tile"):
        shelf.tile("1.png", 9, 5, 0)


def test_a_file_that_went_away(tmp_path):
    folder = tmp_path / "s"
    folder.mkdir()
    Image.new("RGB", (50, 50), "red").save(folder / "a.png")
    Image.new("RGB", (50, 50), "blue").save(folder / "b.png")
    index_folder(folder, tmp_path / "i", IndexOptions(adapt=False))
    (folder / "a.png").unlink()
    with pytest.raises(SourceError, match="not there any more"):
        Shelf(IndexStore.open(tmp_path / "i")).facts("a.png")


def test_few_files_stay_open_and_few_tiles_in_memory(store, monkeypatch):
    monkeypatch.setattr(shelf_module, "OPEN_FILES", 1)
    monkeypatch.setattr(shelf_module, "TILES_BYTES", 20_000)
    shelf = Shelf(store)
    results = {}

    def look(one):
        results[one] = [shelf.tile(one, 9, column, 0) for column in (0, 1)]

    threads = [threading.Thread(target=look, args=(f"{number}.png",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    assert len(shelf._open) <= 1
    assert 0 < shelf._tiles.size <= 20_000
    assert shelf._tiles.size == sum(map(len, shelf._tiles.rows.values()))
    shelf.close()
    assert not shelf._open


def test_labels_leave_files_open_and_tiles_in_memory(folder, store, tmp_path):
    place = Path(shutil.copytree(store.path, tmp_path / "index"))
    shelf = Shelf(IndexStore.open(place))
    tile = shelf.tile("1.png", 9, 0, 0)
    give_labels(place, {"1.png": "calcite"})
    later = IndexStore.open(place)
    assert shelf.follow(later)
    assert list(shelf._open) == [("", "1.png")]
    assert shelf.tile("1.png", 9, 0, 0) is tile
    later.remove_ids(["1.png"])
    assert not shelf.follow(IndexStore.open(place))
    shelf.close()
