"""Classes written into an index: beside labels, never over them, and there to stay."""

import pytest
from fakes import solid

from georetrieve.errors import IndexLockedError, StoreError
from georetrieve.indexing.build import index_folder
from georetrieve.indexing.options import IndexOptions
from georetrieve.probes.classification.queries import open_queries
from georetrieve.probes.classification.run import ClassifyOptions, classify
from georetrieve.probes.classification.write import PREDICTED, write_predictions
from georetrieve.probes.vote import VoteRule
from georetrieve.search import Index
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.lock import LOCK_NAME, write_lock

OPTIONS = ClassifyOptions(k=1, rule=VoteRule("distance"))


def classified(index):
    return classify(index, open_queries(index), OPTIONS)


def columns(path):
    rows = IndexStore.open(path).scan(["id", "label", *PREDICTED]).to_pylist()
    return {row.pop("id"): row for row in rows}


def test_classes_stand_beside_labels(index):
    before = IndexStore.open(index.path).vectors()
    assert write_predictions(index.path, classified(index)) == 3
    after = columns(index.path)
    assert after["c/grey.png"] == {
        "label": None,
        "predicted_label": "dark",
        "predicted_probability": 1.0,
        "predicted_percentile": 100.0,
        "predicted_far": True,
        "predicted_by": f"knn, k = 1, distance weights, euclidean; fake; {index.path}",
    }
    assert after["a/black.png"]["label"] == "dark"
    assert after["a/black.png"]["predicted_label"] is None
    ids, vectors = IndexStore.open(index.path).vectors()
    assert ids == before[0]
    assert (vectors == before[1]).all()


def test_written_again_it_is_the_new_class(index):
    write_predictions(index.path, classified(index))
    index.store.update_items({"b/snow.png": {"label": "pale"}, "b/white.png": {"label": "pale"}})
    with Index.open(index.path) as again:
        write_predictions(index.path, classified(again))
    assert columns(index.path)["c/chalk.png"]["predicted_label"] == "pale"


def test_a_column_of_the_users_own_is_not_written_over(index):
    index.store.update_items({"c/coal.png": {"predicted_label": "mine"}})
    with pytest.raises(StoreError, match="'predicted_label' of your own"):
        write_predictions(index.path, classified(index))
    rows = IndexStore.open(index.path).scan(["predicted_label"]).to_pylist()
    assert [row["predicted_label"] for row in rows if row["predicted_label"]] == ["mine"]


def test_two_writers(index):
    result = classified(index)
    with write_lock(index.path, "test"), pytest.raises(IndexLockedError, match="being written"):
        write_predictions(index.path, result)


def test_an_index_that_cannot_be_written_to_is_one_line(index):
    result = classified(index)
    (index.path / LOCK_NAME).mkdir()  # what the owner of a file system may do is no test
    with pytest.raises(StoreError, match="cannot be locked for writing"):
        write_predictions(index.path, result)
    assert "predicted_label" not in IndexStore.open(index.path).columns


def test_an_item_that_has_gone_is_passed_over(index):
    result = classified(index)
    index.store.remove_ids(["c/coal.png"])
    write_predictions(index.path, result)
    assert "c/coal.png" not in columns(index.path)


def test_predictions_survive_indexing_again(tmp_path, fake_family):
    images, table = tmp_path / "images", tmp_path / "labels.csv"
    images.mkdir()
    for level in (0, 10, 200, 210):
        solid(level, level, level).save(images / f"{level}.png")
    table.write_text("path,label,depth\n0.png,dark,5\n200.png,light,7\n")
    options = IndexOptions(encoder="fake", labels=str(table))
    index_folder(images, tmp_path / "index", options)
    with Index.open(tmp_path / "index") as index:
        write_predictions(index.path, classified(index))
    wanted = {"10.png": "dark", "210.png": "light", "0.png": None, "200.png": None}
    found = columns(tmp_path / "index")
    assert {one: row["predicted_label"] for one, row in found.items()} == wanted
    # Other labels and another table, a file renamed: the classes stay; a file changed: it is new.
    table.write_text("path,label,depth\n0.png,dark,5\n200.png,light,7\n10.png,dusk,9\n")
    (images / "210.png").rename(images / "renamed.png")
    solid(0, 0, 9).save(images / "0.png")
    index_folder(images, tmp_path / "index", options)
    found = columns(tmp_path / "index")
    assert found["10.png"]["label"] == "dusk"
    assert found["10.png"]["predicted_label"] == "dark"
    assert found["renamed.png"]["predicted_label"] == "light"
    assert found["0.png"]["predicted_label"] is None
