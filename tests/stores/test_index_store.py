"""The index on disk: what is written is what is read, whatever was there before."""

import math
from dataclasses import replace

import numpy as np
import pytest
from contracts_store import make_items, make_spec, make_vectors

from georetrieve.errors import IndexNotFoundError, SpecMismatchError, StoreError
from georetrieve.protocols import VectorStore
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import MANIFEST_NAME
from georetrieve.types import FileRecord, Item, Region


def row(store, one):
    return store.take([one]).to_pylist()[0]


def vector_of(store, one, encoder=None):
    ids, vectors = store.vectors(encoder)
    return vectors[ids.index(one)]


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


# --- changes without encoding ----------------------------------------------------------------


def test_moved_items_keep_their_vectors_and_everything_else(filled):
    store, items, vectors = filled
    old, other = items[3], items[4]
    store.move_items({("", old.path): ("more", "new/it's.png"), ("", other.path): ("", "b.png")})
    moved = replace(old, path="new/it's.png", source="more")
    assert len(store) == 20
    found = row(store, moved.id)
    assert (found["path"], found["source"], found["depth"]) == ("new/it's.png", "more", 3)
    assert moved.id == "more:new/it's.png#3,0,8,8"
    np.testing.assert_array_equal(vector_of(store, moved.id), vectors[3])
    np.testing.assert_array_equal(vector_of(store, "b.png"), vectors[4])
    assert not {old.id, other.id} & set(store.scan(["id"]).column("id").to_pylist())


def test_moving_is_one_commit_and_doing_it_again_changes_nothing(filled):
    store, items, _ = filled
    renames = {("", item.path): ("", "new/" + item.path) for item in items}
    before = store.version
    store.move_items(renames)
    assert store.version == before + 1
    once = store.scan(order_by_id=True).to_pylist()
    store.move_items(renames)
    assert store.version == before + 1
    assert store.scan(order_by_id=True).to_pylist() == once


def test_a_move_onto_items_that_are_there_replaces_them(filled):
    store, items, vectors = filled
    store.add_items(
        [replace(items[3], path="new.png", label="stale")], {"vector_fake": -vectors[3:4]}
    )
    store.move_items({("", items[3].path): ("", "new.png")})
    assert len(store) == 20
    assert row(store, "new.png#3,0,8,8")["label"] == items[3].label
    np.testing.assert_array_equal(vector_of(store, "new.png#3,0,8,8"), vectors[3])


def test_chained_moves_are_refused(filled):
    with pytest.raises(StoreError, match="both an old and a new name"):
        filled[0].move_items({("", "a"): ("", "b"), ("", "b"): ("", "c")})


def test_labels_groups_and_metadata_change_without_the_vectors(filled):
    store, items, vectors = filled
    store.update_items(
        {
            items[0].id: {"label": "o'brien", "group": "new"},
            items[1].id: {"label": None},
            items[2].id: {"label": "z", "depth": 2.5, "age": 50},
            "never": {"label": "z"},
            items[3].id: {},
        }
    )
    assert len(store) == 20
    rows = {one["id"]: one for one in store.scan().to_pylist()}
    assert [rows[items[0].id][name] for name in ("label", "group", "depth")] == [
        "o'brien",
        "new",
        0,
    ]
    assert rows[items[1].id]["label"] is None
    assert [rows[items[2].id][name] for name in ("label", "depth", "age")] == ["z", 2.5, 50]
    assert rows[items[3].id]["label"] == items[3].label
    assert rows[items[3].id]["age"] is None
    for place in range(20):
        np.testing.assert_array_equal(vector_of(store, items[place].id), vectors[place])
    with pytest.raises(StoreError, match="rename it"):
        store.update_items({items[0].id: {"path": "elsewhere"}})


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


# --- ledger ----------------------------------------------------------------------------------


def test_the_ledger_is_read_as_it_was_written(store):
    records = [
        FileRecord(path="a.png", size=3, mtime_ns=2**60, content_hash="x", items=2, kind="image"),
        FileRecord(path="a.png", source="more", status="failed", reason="it's broken", attempts=2),
        FileRecord(path="ö.svs", status="skipped", um_per_px=0.5),
    ]
    store.write_files(records)
    assert IndexStore.open(store.path).files() == {record.key: record for record in records}
    newer = replace(records[1], status="done", reason="", attempts=3)
    store.write_files(
        [replace(newer, attempts=1), newer]
    )  # of two rows of one file the last counts
    assert store.files()["more", "a.png"] == newer
    store.remove_files([("", "a.png"), ("never", "ö.svs")])
    assert set(store.files()) == {("more", "a.png"), ("", "ö.svs")}


def test_many_files_and_long_conditions(store):
    records = [FileRecord(path=f"folder/{n:05d}.png", items=1) for n in range(12_000)]
    store.write_files(records)
    assert IndexStore.open(store.path).files() == {record.key: record for record in records}
    store.remove_files([record.key for record in records[:11_000]])
    assert len(store.files()) == 1000


# --- columns ---------------------------------------------------------------------------------


def test_a_column_is_a_vector_store_and_checks_the_spec(filled):
    store = filled[0]
    column: VectorStore = store.column(make_spec(4))
    assert len(column) == 20
    assert store.column("fake") is store.column("vector_fake") is store.column()
    other = make_spec(4, sha256="f" * 64)
    with pytest.raises(SpecMismatchError, match=rf"of fake .*{other.fingerprint}"):
        store.column(other)
    with pytest.raises(StoreError, match="no vectors of 'clip'"):
        store.column("clip")


@pytest.fixture
def second():
    return make_spec(3, "cosine", name="second")


def test_a_further_column_is_filled_beside_and_joined_at_the_end(filled, second):
    store, items, _ = filled
    extra = make_vectors(20, 3, seed=5)
    store.begin_column(second)
    ids = [item.id for item in items]
    store.stage_vectors(second.column, ids[:8], extra[:8])
    store.stage_vectors(second.column, ids[8:18], extra[8:18])
    assert second.name not in [spec.name for spec in IndexStore.open(store.path).manifest.encoders]

    again = IndexStore.open(store.path)  # a run was killed; another goes on
    again.begin_column(second)
    assert again.staged_ids(second.column) == set(ids[:18])
    again.stage_vectors(second.column, ids[7:8], extra[7:8])  # staged twice: the same again
    again.stage_vectors(second.column, ["gone since"], extra[:1])
    before = again.version
    again.finish_column(second)
    assert again.version == before + 1

    opened = IndexStore.open(store.path)
    assert opened.manifest.encoders == (make_spec(4), second)
    found, matrix = opened.vectors("second")
    assert set(found) == set(ids[:18])
    np.testing.assert_array_equal(matrix, extra[[ids.index(one) for one in found]])
    assert len(opened.vectors("fake")[0]) == 20
    hits = opened.column("second").search(extra[:1], 20)
    assert (hits.ids != "").sum() == 18
    assert not [path.name for path in store.path.iterdir() if "staging" in path.name]


def test_a_run_killed_between_join_and_manifest_is_repeated(filled, second, monkeypatch):
    store, items, _ = filled
    extra = make_vectors(20, 3, seed=5)
    store.begin_column(second)
    store.stage_vectors(second.column, [item.id for item in items], extra)

    def killed(manifest):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store, "_save", killed)
        with pytest.raises(KeyboardInterrupt):
            store.finish_column(second)
    again = IndexStore.open(store.path)
    assert again.manifest.encoders == (make_spec(4),)
    again.begin_column(second)
    assert len(again.staged_ids(second.column)) == 20
    again.finish_column(second)
    assert len(again.vectors("second")[0]) == 20


def test_vectors_staged_for_other_weights_are_not_used(filled, second):
    store, items, _ = filled
    store.begin_column(second)
    store.stage_vectors(second.column, [items[0].id], np.ones((1, 3), np.float32))
    store.begin_column(replace(second, sha256="e" * 64))
    assert store.staged_ids(second.column) == set()


def test_what_cannot_be_staged(filled, second):
    store, items, _ = filled
    with pytest.raises(StoreError, match="begin it first"):
        store.staged_ids(second.column)
    store.begin_column(second)
    with pytest.raises(StoreError, match="zero"):
        store.stage_vectors(second.column, [items[0].id], np.zeros((1, 3), np.float32))
    with pytest.raises(SpecMismatchError, match="width 4"):
        store.stage_vectors(second.column, [items[0].id], np.ones((1, 4), np.float32))
    with pytest.raises(StoreError, match="has a column 'vector_fake' already"):
        store.begin_column(make_spec(4))


def test_items_may_come_with_some_of_the_columns(filled, second):
    store, items, vectors = filled
    store.update_manifest(replace(store.manifest, encoders=(*store.manifest.encoders, second)))
    new = [replace(item, path="x" + item.path) for item in items[:2]]
    store.add_items(new, {"vector_fake": vectors[:2], second.column: np.ones((2, 3), np.float32)})
    assert len(store.column("fake")) == 22
    assert len(store.column("second")) == 2
    store.add_items(new[:1], {"vector_fake": vectors[:1]})
    assert len(store.column("second")) == 1


def test_a_dropped_column_is_gone(filled, second):
    store, _, _ = filled
    store.update_manifest(replace(store.manifest, encoders=(*store.manifest.encoders, second)))
    store.drop_column("fake")
    assert IndexStore.open(store.path).manifest.encoders == (second,)
    assert "vector_fake" not in store._items.schema.names


def test_an_encoder_does_not_change_under_its_vectors(filled):
    store = filled[0]
    moved = replace(make_spec(4), weights="elsewhere.pth")
    store.update_manifest(replace(store.manifest, encoders=(moved,)))
    assert len(store.column(moved)) == 20
    with pytest.raises(SpecMismatchError, match="holds vectors of fake"):
        store.update_manifest(replace(store.manifest, encoders=(make_spec(4, sha256="f" * 64),)))


def test_a_column_left_by_a_killed_drop_is_not_taken_for_another_encoders(filled, second):
    store = filled[0]
    store._save(replace(store.manifest, encoders=()))
    narrow = make_spec(3)
    store.update_manifest(replace(store.manifest, encoders=(narrow,)))
    assert len(store.column(narrow)) == 0
    assert len(store) == 20


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
