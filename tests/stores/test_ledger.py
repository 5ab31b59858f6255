"""The ledger of an index: what became of each file."""

from dataclasses import replace

from georetrieve.stores.lance import IndexStore
from georetrieve.types import FileRecord


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
