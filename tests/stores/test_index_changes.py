"""Items that are moved or labelled anew, without a vector being read or written."""

from dataclasses import replace

import numpy as np
import pytest
from stored import row, vector_of

from georetrieve.errors import StoreError


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
