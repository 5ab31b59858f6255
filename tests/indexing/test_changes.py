"""What counts as new, changed, moved, gone and unchanged."""

import pytest

from georetrieve.indexing.changes import find_changes
from georetrieve.indexing.options import Silent
from georetrieve.sources.folder import content_hash, walk
from georetrieve.types import FileRecord


@pytest.fixture
def found(tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(name.encode())
    return walk(tmp_path).files


def record(file, **changes):
    facts = {
        "path": file.path,
        "size": file.size,
        "mtime_ns": file.mtime_ns,
        "content_hash": content_hash(file),
        "items": 1,
    }
    return FileRecord(**(facts | changes))


def compare(found, records, counts=None, *, retry=False):
    ledger = {record.key: record for record in records}
    counts = {key: row.items for key, row in ledger.items()} if counts is None else counts
    return find_changes(found, "", ledger, counts, retry=retry, progress=Silent())


def names(jobs):
    return [job.file.path for job in jobs]


def test_everything_is_new_to_an_empty_ledger(found):
    changes = compare(found, [])
    assert names(changes.jobs) == ["a.png", "b.png"]
    assert changes.unchanged == 0


def test_same_size_and_time_need_no_digest(found):
    wrong = [record(file, content_hash="never looked at") for file in found]
    assert compare(found, wrong).unchanged == 2


def test_a_missing_item_makes_a_file_due(found):
    changes = compare(found, [record(file) for file in found], {("", "a.png"): 1})
    assert names(changes.jobs) == ["b.png"]


def test_another_time_with_the_same_digest_updates_the_ledger_only(found):
    a, b = found
    changes = compare(found, [record(a, mtime_ns=1), record(b)])
    assert (changes.jobs, changes.unchanged) == ([], 2)
    assert changes.records == [record(a)]


def test_another_digest_is_a_change(found):
    a, b = found
    changes = compare(found, [record(a, mtime_ns=1, content_hash="other"), record(b)])
    assert names(changes.jobs) == ["a.png"]


def test_the_same_digest_under_another_name_is_a_move(found):
    a, b = found
    changes = compare(found, [record(a, path="old/a.png"), record(b)])
    assert changes.moved == {("", "old/a.png"): record(a)}
    assert (changes.jobs, changes.missing) == ([], [])


def test_a_copy_of_a_file_that_is_still_there_is_new(tmp_path, found):
    (tmp_path / "copy.png").write_bytes(b"a.png")
    changes = compare(walk(tmp_path).files, [record(file) for file in found])
    assert names(changes.jobs) == ["copy.png"]


def test_two_equal_files_move_together(tmp_path):
    for name in ("new1.png", "new2.png"):
        (tmp_path / name).write_bytes(b"same")
    found = walk(tmp_path).files
    old = [record(file, path=f"old{number}.png") for number, file in enumerate(found)]
    changes = compare(found, old)
    assert sorted(key[1] for key in changes.moved) == ["old0.png", "old1.png"]
    assert changes.jobs == []


def test_a_gone_file_is_missing_but_only_of_this_source(found):
    records = [record(file) for file in found]
    gone = record(found[0], path="gone.png", content_hash="g")
    elsewhere = record(found[0], path="x.png", source="other")
    changes = compare(found, [*records, gone, elsewhere])
    assert changes.missing == [("", "gone.png")]


def test_a_failed_file_waits_until_it_changes_or_is_retried(found):
    a, b = found
    failed = record(a, status="failed", reason="truncated", items=0)
    assert compare(found, [failed, record(b)]).unchanged == 2
    assert names(compare(found, [failed, record(b)], retry=True).jobs) == ["a.png"]
    mended = record(a, status="failed", items=0, mtime_ns=1, content_hash="other")
    assert names(compare(found, [mended, record(b)]).jobs) == ["a.png"]


def test_a_file_that_cannot_be_hashed_is_a_failure(found, tmp_path):
    (tmp_path / "a.png").unlink()
    changes = compare(found, [record(found[1])])
    assert names(changes.jobs) == []
    (row,) = changes.records
    assert (row.path, row.status) == ("a.png", "failed")
    assert "No such file" in row.reason
