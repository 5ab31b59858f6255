"""The index on disk: what is written is what is read, whatever was there before."""

import math
from dataclasses import replace

import numpy as np
import pytest
from contracts_store import make_items, make_spec, make_vectors
from stored import row, vector_of

from georetrieve.errors import IndexNotFoundError, SpecMismatchError, StoreError
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import MANIFEST_NAME
from georetrieve.types import Item, Region

# --- life ------------------------------------------------------------------------------------


def test_an_index_is_opened_as_it_was_made(store, manifest):
    again = IndexStore.open(store.path)
    assert again.manifest == manifest
    assert (len(again), again.files(), again.item_counts()) == (0, {}, {})
    assert IndexStore.exists(store.path)


def test_an_index_is_not_made_twice(store, manifest):
    with pytest.raises(StoreError, match="holds an index already"):
        IndexStore.create(store.path, manifest)


def test_a_run_killed_while_making_an_index_leaves_none(store, manifest):
    (store.path / MANIFEST_NAME).unlink()
    assert not IndexStore.exists(store.path)
    assert len(IndexStore.create(store.path, manifest)) == 0


def test_tables_that_were_only_begun_are_begun_again(tmp_path, manifest):
    for name in ("items.lance", "files.lance"):
        (tmp_path / "index" / name / "data").mkdir(parents=True)
    store = IndexStore.create(tmp_path / "index", manifest)
    spec = make_spec(3, name="second")
    (store.path / f"staging_{spec.column}.lance" / "_versions").mkdir(parents=True)
    store.begin_column(spec)
    assert store.staged_ids(spec.column) == set()


def test_items_without_a_manifest_are_not_overwritten(filled, manifest):
    store = filled[0]
    (store.path / MANIFEST_NAME).unlink()
    with pytest.raises(StoreError, match=r"manifest\.json is gone"):
        IndexStore.create(store.path, manifest)


def test_what_is_no_index_or_a_damaged_one_says_so(store, tmp_path):
    with pytest.raises(IndexNotFoundError):
        IndexStore.open(tmp_path / "nothing")
    for path in (store.path / "items.lance" / "_versions").iterdir():
        path.unlink()
    with pytest.raises(StoreError, match=r"items\.lance cannot be opened; restore it") as caught:
        IndexStore.open(store.path)
    assert "\n" not in str(caught.value)


# --- items -----------------------------------------------------------------------------------


def test_everything_an_item_has_is_stored(store):
    item = Item(
        path="tiefe/ö 'x'.tif",
        kind="slice",
        region=Region(1, 2, 30, 40, 5, "z"),
        source="more",
        um_per_px=0.23,
        group="well 7",
        label="Wetzeliella",
        metadata={"depth": 2310, "age": 51.5, "marine": True, "note": "ok", "none": None},
        content_hash="abc",
        thumbnail=b"RIFF\x00",
    )
    store.add_items([item], {"vector_fake": np.float32([[1, 2, 3, 4]])})
    assert item.id == "more:tiefe/ö 'x'.tif#z=5,1,2,30,40"
    assert row(IndexStore.open(store.path), item.id) == {
        "id": item.id, "source": "more", "path": item.path, "kind": "slice", "x": 1, "y": 2,
        "width": 30, "height": 40, "slice_index": 5, "axis": "z", "um_per_px": 0.23,
        "group": "well 7", "label": "Wetzeliella", "content_hash": "abc",
        "thumbnail": b"RIFF\x00", "depth": 2310, "age": 51.5, "marine": True, "note": "ok",
    }  # fmt: skip
    assert vector_of(store, item.id).tolist() == [1, 2, 3, 4]


def test_a_whole_image_has_no_region(store):
    store.add_items(
        [Item(path="a.png", kind="image")], {"vector_fake": np.ones((1, 4), np.float32)}
    )
    found = row(store, "a.png")
    assert [found[name] for name in ("x", "width", "slice_index", "axis", "label")] == [None] * 5


def test_one_call_is_one_commit_once_the_columns_are_there(filled):
    store, items, vectors = filled
    before = store.version
    store.add_items(
        [replace(item, path="x" + item.path) for item in items], {"vector_fake": vectors}
    )
    assert store.version == before + 1
    store.add_items(items, {"vector_fake": vectors})
    assert store.version == before + 2
    assert len(store) == 40


def test_a_replaced_item_keeps_nothing_of_what_it_was(filled):
    store, items, _ = filled
    store.update_items({items[3].id: {"checked": "yes"}})
    new = replace(items[3], label="new", metadata={"depth": 9})
    store.add_items([new], {"vector_fake": np.float32([[4, 3, 2, 1]])})
    found = row(store, new.id)
    assert (found["label"], found["depth"], found["well"], found["checked"]) == (
        "new", 9, None, None,
    )  # fmt: skip
    assert vector_of(store, new.id).tolist() == [4, 3, 2, 1]


def test_no_items_are_no_commit(filled):
    before = filled[0].version
    filled[0].add_items([], {})
    filled[0].write_files([])
    filled[0].remove_ids([])
    filled[0].update_items({})
    filled[0].move_items({})
    assert filled[0].version == before


def test_columns_that_are_not_the_indexs_are_refused(store):
    with pytest.raises(SpecMismatchError, match=r"no vector column 'vector_other'.*vector_fake"):
        store.add_items([Item(path="a", kind="image")], {"vector_other": np.ones((1, 4))})


@pytest.mark.parametrize("name", ["width", "vector_x", "a.b"])
def test_a_metadata_column_that_cannot_be_is_refused_before_anything_is_written(store, name):
    item = Item(path="a", kind="image", metadata={"depth": 1, name: 1})
    with pytest.raises(StoreError, match="ename it"):
        store.add_items([item], {"vector_fake": np.ones((1, 4), np.float32)})
    assert len(store) == 0
    assert "depth" not in store.columns


def test_metadata_columns_appear_and_widen_as_values_come(store):
    def add(path, **metadata):
        item = Item(path=path, kind="image", metadata=metadata)
        store.add_items([item], {"vector_fake": np.ones((1, 4), np.float32)})

    add("a", depth=1, marine=True)
    add("b", depth=None, other=math.nan)
    assert "other" not in store.columns
    add("c", depth=2.5)
    assert store.count("depth < 2") == 1
    add("d", depth=3, marine=None)
    add("e", depth="unknown", marine="perhaps")
    table = store.scan(["depth", "marine"], order_by_id=True).to_pylist()
    assert [one["depth"] for one in table] == ["1.0", None, "2.5", "3.0", "unknown"]
    assert [one["marine"] for one in table] == ["true", None, None, None, "perhaps"]
    assert store.columns[-2:] == ["depth", "marine"]


@pytest.mark.parametrize("lost", [True, False])
def test_a_widening_that_was_cut_off_is_finished(filled, lost):
    store, items, _ = filled
    dataset = store._items._dataset
    dataset.add_columns({"_widened_depth": "CAST(depth AS DOUBLE)"})
    if lost:
        dataset.drop_columns(["depth"])
    store = IndexStore.open(store.path)
    store.update_items({items[3].id: {"depth": 3.5}})
    assert row(store, items[3].id)["depth"] == 3.5
    assert row(store, items[4].id)["depth"] == 4
    assert not [name for name in store.scan().column_names if name.startswith("_")]


def test_items_are_removed_by_file_and_by_id(filled):
    store, items, _ = filled
    gone = [items[0].path, items[5].path]
    store.remove_items([("", gone[0]), ("", gone[1]), ("more", items[7].path), ("", "never")])
    store.remove_ids([items[9].id, "never"])
    left = {item.id for item in items if item.path not in gone and item is not items[9]}
    assert set(store.scan(["id"]).column("id").to_pylist()) == left
    assert len(left) == 17


def test_counts_by_file(store):
    items = [
        Item(path="s.tif", kind="tile", region=Region(n, 0, 1, 1), source=source)
        for source in ("", "more")
        for n in range(3 if source else 2)
    ]
    store.add_items(items, {"vector_fake": np.ones((5, 4), np.float32)})
    assert store.item_counts() == {("", "s.tif"): 2, ("more", "s.tif"): 3}


# --- reading ---------------------------------------------------------------------------------


def test_scans(filled):
    store, items, _ = filled
    assert "vector_fake" not in store.scan().column_names
    assert store.scan(["label", "vector_fake"]).column_names == ["label", "vector_fake"]
    assert "thumbnail" not in store.scan(without=["thumbnail"]).column_names
    ids = store.scan(["id"], order_by_id=True).column("id").to_pylist()
    assert ids == sorted(item.id for item in items)
    few = store.scan(["depth"], "depth >= 10", order_by_id=True, limit=3)
    assert few.column_names == ["depth"]
    wanted = sorted((item.id, item.metadata["depth"]) for item in items[10:])[:3]
    assert few.column("depth").to_pylist() == [depth for _, depth in wanted]
    assert store.count("group IS NULL") == 2
    with pytest.raises(StoreError, match="nothing"):
        store.scan(["nothing"])
    with pytest.raises(StoreError, match=r"cannot be used.*Columns: id"):
        store.count("nothing = 3")


def test_take_is_in_the_order_asked_for(filled):
    store, items, _ = filled
    ids = [items[7].id, items[2].id, items[7].id]
    assert store.take(ids, ["depth"]).column("depth").to_pylist() == [7, 2, 7]
    assert store.take([], ["depth"]).num_rows == 0
    with pytest.raises(StoreError, match="no item 'never'"):
        store.take([items[0].id, "never"])


def test_vectors_come_sorted_by_id_and_in_batches(filled):
    store, items, vectors = filled
    ids, matrix = store.vectors()
    assert ids == sorted(item.id for item in items)
    order = [[item.id for item in items].index(one) for one in ids]
    np.testing.assert_array_equal(matrix, vectors[order])
    some, _ = store.vectors(where="depth < 5")
    assert set(some) == {item.id for item in items[:5]}
    none, empty = store.vectors("fake", "depth < 0")
    assert (none, empty.shape) == ([], (0, 4))


# --- upkeep ----------------------------------------------------------------------------------


def test_compacting_joins_pieces_and_changes_no_item(store):
    items, vectors = make_items(60), make_vectors(60, 4)
    for place in range(60):
        store.add_items(items[place : place + 1], {"vector_fake": vectors[place : place + 1]})
    store.remove_ids([item.id for item in items[5:9]])
    before = store.scan(order_by_id=True).to_pylist()
    hits = store.column().search(vectors[:5], 60)
    reader = IndexStore.open(store.path)
    store.compact()
    assert len(store._items._dataset.get_fragments()) == 1
    assert store.scan(order_by_id=True).to_pylist() == before
    np.testing.assert_array_equal(store.column().search(vectors[:5], 60).ids, hits.ids)
    assert reader.scan(order_by_id=True).to_pylist() == before  # its version is still there


def test_a_version_that_is_gone_is_said(filled):
    from datetime import timedelta

    store, items, vectors = filled
    reader = IndexStore.open(store.path)
    store.add_items(items, {"vector_fake": vectors})
    store._items._dataset.cleanup_old_versions(timedelta(0), delete_unverified=True)
    with pytest.raises(StoreError, match=r"no longer there.*Open it again"):
        reader.scan()
