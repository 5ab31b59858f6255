"""Pictures are named by an index that is open and an item of it, and by nothing else."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from georetrieve.errors import StoreError
from georetrieve.indexing.build import index_folder
from georetrieve.indexing.options import IndexOptions
from georetrieve.labelling import give_labels
from georetrieve.serving.pictures import Pictures, picture_routes
from georetrieve.stores.lance import IndexStore

STRANGE = "<img src=x onerror=alert(1)>.png"
UNKNOWN = [
    "../secret.png",
    "..%2fsecret.png",
    "/etc/passwd",
    "file:///etc/passwd",
    "a.png\x00.jpg",
    "",
    "x" * 20_000,
    "' OR '1'='1",
]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures") / "slides"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for path in (folder / "a.png", folder / STRANGE, folder.parent / "secret.png"):
        Image.fromarray(rng.integers(0, 255, (300, 500, 3), dtype=np.uint8)).save(path)
    index = folder.parent / "index"
    index_folder(folder, index, IndexOptions(adapt=False))
    return IndexStore.open(index)


@pytest.fixture
def pictures():
    return Pictures()


@pytest.fixture
def client(pictures):
    return TestClient(Starlette(routes=picture_routes(pictures)))


@pytest.mark.parametrize("one", ["a.png", STRANGE])
def test_thumbnail_facts_and_tile(store, pictures, client, one):
    key = pictures.put_index(store)
    answer = client.get(pictures.thumbnail_url(key, one, "1"))
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["x-content-type-options"] == "nosniff"
    with Image.open(io.BytesIO(answer.content)) as thumbnail:
        assert max(thumbnail.size) <= 256
    facts = client.get(f"/pictures/{key}/facts", params={"id": one}).json()
    assert facts["size"] == [500, 300]
    level = f"&level={facts['levels'] - 1}&column=1&row=1"
    tile = client.get(pictures.tiles_url(key, one) + level)
    with Image.open(io.BytesIO(tile.content)) as decoded:
        assert decoded.size == (244, 44)


@pytest.mark.parametrize("what", ["thumbnail", "facts", "tile"])
@pytest.mark.parametrize("one", UNKNOWN, ids=lambda one: repr(one)[:20])
def test_unknown_ids_are_refused_in_a_line(store, pictures, client, what, one):
    key = pictures.put_index(store)
    asked = {"id": one, "level": 0, "column": 0, "row": 0}
    answer = client.get(f"/pictures/{key}/{what}", params=asked)
    assert answer.status_code == 404
    (line,) = answer.json().values()
    assert "\n" not in line
    assert len(line) < 1000
    assert str(store.path.parent) not in line


@pytest.mark.parametrize("key", ["000000000000", "..", "%2e%2e", "lent"])
def test_an_index_that_is_not_open_shows_nothing(store, pictures, client, key):
    pictures.put_index(store)
    assert client.get(f"/pictures/{key}/thumbnail", params={"id": "a.png"}).status_code == 404


@pytest.mark.parametrize("level", ["", "-1", "99", "1e3", "²", "9" * 5000])
def test_tiles_that_are_none_are_refused(store, pictures, client, level):
    key = pictures.put_index(store)
    asked = {"id": "a.png", "level": level, "column": "0", "row": "0"}
    answer = client.get(f"/pictures/{key}/tile", params=asked)
    assert answer.status_code == 404
    assert "level" in answer.json()["error"]


def test_nothing_can_be_written(store, pictures, client):
    key = pictures.put_index(store)
    for method in ("post", "put", "delete", "patch"):
        assert getattr(client, method)(f"/pictures/{key}/thumbnail?id=a.png").status_code == 405


def test_the_shelf_of_a_version_is_kept_and_the_address_of_a_newer_one_is_the_same(store, pictures):
    key = pictures.put_index(store)
    shelf = pictures.shelf(key)
    assert pictures.put_index(store) == key
    assert pictures.shelf(key) is shelf


def test_lent_pictures_give_way_to_newer_ones(pictures, client, monkeypatch):
    monkeypatch.setattr("georetrieve.serving.pictures.LENT_BYTES", 10)
    first, second = pictures.lend(b"12345678"), pictures.lend(b"abcdefgh", "application/json")
    assert client.get(first).status_code == 404
    answer = client.get(second)
    assert (answer.content, answer.headers["content-type"]) == (b"abcdefgh", "application/json")
    with pytest.raises(StoreError, match="make it anew"):
        pictures.lent("guessed")


def test_a_label_changes_the_version_and_no_picture(store, pictures, client, tmp_path):
    index = Path(shutil.copytree(store.path, tmp_path / "index"))
    key = pictures.put_index(IndexStore.open(index))
    shelf = pictures.shelf(key)
    give_labels(index, {"a.png": "calcite"})
    assert pictures.put_index(IndexStore.open(index)) == key
    assert pictures.shelf(key) is shelf
    IndexStore.open(index).remove_ids(["a.png"])
    pictures.put_index(IndexStore.open(index))
    assert client.get(pictures.thumbnail_url(key, "a.png", "1")).status_code == 404
