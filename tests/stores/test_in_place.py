"""Labels and metadata are changed where rows are: vectors stay, and what is held of them."""

from dataclasses import replace

import pytest
from contracts_store import make_spec

from georetrieve.stores.lance import IndexStore


def row(store, one):
    return store.take([one]).to_pylist()[0]


def test_a_change_writes_its_column_alone_and_moves_nothing(filled):
    store, items, vectors = filled
    more = [replace(item, path="more/" + item.path) for item in items]
    store.add_items(more, {"vector_fake": vectors})
    store.remove_ids([items[0].id])
    before = store.scan().to_pylist()
    stamp = store.stamp(["id", "thumbnail", "vector_fake"])
    given = {items[1].id: "new", items[2].id: None, items[0].id: "gone", more[1].id: "new"}
    version = store.version
    store.update_items({one: {"label": label} for one, label in given.items()})
    assert store.version == version + 1
    expected = [row | {"label": given.get(row["id"], row["label"])} for row in before]
    assert store.scan().to_pylist() == expected
    assert store.stamp(["id", "thumbnail", "vector_fake"]) == stamp
    assert store.stamp(["label"]) != store.stamp(["id"])
    assert store.column().search(vectors[1:2], 2).ids.tolist() == [[items[1].id, more[1].id]]


def test_a_column_nothing_was_in_yet_is_filled_and_widened_where_rows_are(filled):
    store, items, _ = filled
    stamp = store.stamp(["vector_fake"])
    store.update_items({items[4].id: {"grains": 3}})
    store.update_items({items[5].id: {"grains": 2.5}, items[6].id: {"checked": "yes"}})
    assert [row(store, items[n].id)["grains"] for n in (4, 5, 6)] == [3, 2.5, None]
    assert row(store, items[6].id)["checked"] == "yes"
    assert store.stamp(["vector_fake"]) == stamp


@pytest.mark.parametrize("change", ["add", "remove", "replace", "move", "compact", "other column"])
def test_a_stamp_goes_with_the_rows(filled, change):
    store, items, vectors = filled
    store.add_items([replace(items[0], path="z.png")], {"vector_fake": vectors[:1]})
    stamp = store.stamp(["vector_fake"])
    if change == "add":
        store.add_items([replace(items[0], path="new.png")], {"vector_fake": vectors[:1]})
    elif change == "remove":
        store.remove_ids([items[3].id])
    elif change == "replace":
        store.add_items(items[3:4], {"vector_fake": vectors[4:5]})
    elif change == "move":
        store.move_items({("", items[3].path): ("", "moved.png")})
    elif change == "compact":
        store._items._dataset.optimize.compact_files()
    else:
        store.update_manifest(
            replace(store.manifest, encoders=(*store.manifest.encoders, make_spec(3, name="b")))
        )
    again = IndexStore.open(store.path)
    assert (again.stamp(["vector_fake"]) == stamp) == (change == "other column")


def test_what_was_opened_before_others_wrote_changes_what_they_left(filled):
    store, items, _ = filled
    other = IndexStore.open(store.path)
    other.update_items({items[1].id: {"label": "theirs"}, items[2].id: {"checked": "yes"}})
    other.remove_ids([items[0].id])
    store.update_items({items[3].id: {"label": "ours"}, items[0].id: {"label": "gone"}})
    again = IndexStore.open(store.path)
    assert again.version == store.version
    assert [row(again, items[n].id)["label"] for n in (1, 3)] == ["theirs", "ours"]
    assert row(again, items[2].id)["checked"] == "yes"
    assert len(again) == len(items) - 1
