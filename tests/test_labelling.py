import csv
import io
import json
from datetime import date

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from georetrieve.cli.app import app
from georetrieve.errors import IndexLockedError, StoreError
from georetrieve.indexing.build import index_folder
from georetrieve.indexing.options import IndexOptions
from georetrieve.labelling import (
    clean_label,
    give_labels,
    label_history,
    labels_csv,
    undo_labels,
)
from georetrieve.stores.label_journal import JOURNAL_NAME, LabelJournal
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.lock import write_lock


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("quartz/a", "quartz/b", "clay/c"):
        path = tmp_path / "sections" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(path)
    return tmp_path / "sections"


@pytest.fixture
def index(folder):
    path = folder.parent / "index"
    again(folder, path, labels="folder")
    return path


def again(folder, index, **options):
    return index_folder(folder, index, IndexOptions(adapt=False, **options))


def labels(index):
    table = IndexStore.open(index).scan(["id", "label"], order_by_id=True)
    return {row["id"].rsplit("/")[-1][0]: row["label"] for row in table.to_pylist()}


def test_labels_are_given_and_undone(index):
    act = give_labels(index, {"quartz/a.png": " opal  chert ", "clay/c.png": None}, who="ada")
    assert labels(index) == {"a": "opal chert", "b": "quartz", "c": None}
    assert act.labels == {"quartz/a.png": ("quartz", "opal chert"), "clay/c.png": ("clay", None)}
    undone, count = undo_labels(index, who="bob")
    assert (undone.batch, count) == (act.batch, 2)
    assert labels(index) == {"a": "quartz", "b": "quartz", "c": "clay"}
    with pytest.raises(StoreError, match="no labels to undo"):
        undo_labels(index)


def test_undoing_in_any_order_ends_where_it_began(index):
    first = give_labels(index, {"quartz/a.png": "x"})
    second = give_labels(index, {"quartz/a.png": "y"})
    assert undo_labels(index, batch=first.batch)[1] == 0  # what was said later stands
    assert labels(index)["a"] == "y"
    assert undo_labels(index, batch=second.batch)[1] == 1
    assert labels(index)["a"] == "quartz"
    with pytest.raises(StoreError, match="undone before"):
        undo_labels(index, batch=second.batch)


def test_indexing_again_keeps_what_people_said(folder, index):
    give_labels(index, {"quartz/a.png": "opal", "clay/c.png": None})
    again(folder, index, labels="none")  # the annotator says otherwise now
    assert labels(index) == {"a": "opal", "b": None, "c": None}
    again(folder, index, labels="folder")
    assert labels(index) == {"a": "opal", "b": "quartz", "c": None}
    # A file that changed is made anew, and its item is still what people said.
    Image.new("RGB", (64, 64), "red").save(folder / "quartz" / "a.png")
    again(folder, index)
    assert labels(index)["a"] == "opal"


def test_a_renamed_file_keeps_its_label_and_its_undo(folder, index):
    give_labels(index, {"quartz/a.png": "opal"})
    (folder / "quartz" / "a.png").rename(folder / "clay" / "a.png")
    again(folder, index)
    assert labels(index)["a"] == "opal"
    assert LabelJournal(index).said() == {"clay/a.png": "opal"}
    undo_labels(index)
    assert labels(index)["a"] == "quartz"


def test_a_killed_writer_is_made_good_for(folder, index):
    store = IndexStore.open(index)
    # The act was noted, and the process killed before the items were changed …
    LabelJournal(index).give({"quartz/a.png": ("quartz", "opal")}, who="ada", how="given")
    again(folder, index)
    assert labels(index)["a"] == "opal"
    # … or while it was noted: half a line, which nothing was done upon.
    whole = (index / JOURNAL_NAME).read_bytes()
    (index / JOURNAL_NAME).write_bytes(whole + b'{"batch": "ff')
    assert len(LabelJournal(index)) == 1
    give_labels(index, {"clay/c.png": "illite"})
    lines = (index / JOURNAL_NAME).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["who"] != "" for line in lines] == [True, True]
    assert LabelJournal(index).said() == {"quartz/a.png": "opal", "clay/c.png": "illite"}
    assert len(store) == 3


def test_a_damaged_journal_is_refused_not_dropped(index):
    give_labels(index, {"quartz/a.png": "opal"})
    text = (index / JOURNAL_NAME).read_text(encoding="utf-8")
    (index / JOURNAL_NAME).write_text("{broken\n" + text, encoding="utf-8")
    with pytest.raises(StoreError, match=r"Line 1 of .* is damaged"):
        give_labels(index, {"quartz/a.png": "y"})
    (index / JOURNAL_NAME).write_text('{"how": "guessed", "labels": {}}\n', encoding="utf-8")
    with pytest.raises(StoreError, match="no act"):
        LabelJournal(index)


def test_history_says_who_when_and_how(index):
    give_labels(index, {"quartz/a.png": "opal"}, who="ada")
    give_labels(index, {"quartz/b.png": "opal", "clay/c.png": "illite"}, who="bob", how="suggested")
    undo_labels(index)
    newest, oldest = label_history(index)
    assert (newest["who"], newest["how"], newest["items"]) == ("bob", "suggested", 2)
    assert (newest["labels"], newest["undone"]) == ("illite, opal", True)
    assert (oldest["who"], oldest["undone"]) == ("ada", False)
    assert oldest["when"].endswith("+00:00")


def test_the_export_can_be_indexed_with(folder, index, tmp_path):
    give_labels(index, {"quartz/a.png": "opal"}, who="ada")
    rows = list(csv.DictReader(io.StringIO(labels_csv(index))))
    assert [(row["path"], row["label"], row["labelled_by"]) for row in rows] == [
        ("clay/c.png", "clay", ""),
        ("quartz/a.png", "opal", "ada"),
        ("quartz/b.png", "quartz", ""),
    ]
    assert len(labels_csv(index, given=True).splitlines()) == 2
    table = tmp_path / "labels.csv"
    table.write_text(labels_csv(index), encoding="utf-8")
    again(folder, tmp_path / "other", labels=str(table))
    assert labels(tmp_path / "other") == {"a": "opal", "b": "quartz", "c": "clay"}


def test_saying_again_what_is_there_makes_it_stand(folder, index):
    give_labels(index, {"quartz/a.png": "quartz"})
    again(folder, index, labels="none")
    assert labels(index)["a"] == "quartz"


def test_unknown_items_and_nothing_are_refused_and_nothing_is_noted(index):
    with pytest.raises(StoreError, match="no item 'nothing'"):
        give_labels(index, {"quartz/a.png": "x", "nothing": "x"})
    with pytest.raises(StoreError, match="nothing to label"):
        give_labels(index, {})
    assert not (index / JOURNAL_NAME).exists()


def test_a_locked_index_says_by_whom(index):
    with write_lock(index, "test"), pytest.raises(IndexLockedError, match="being written"):
        give_labels(index, {"quartz/a.png": "x"})


@pytest.mark.parametrize("bad", ["a\u202eb", "a\x00", "x" * 201])
def test_labels_that_cannot_be_read_are_refused(bad):
    with pytest.raises(StoreError):
        clean_label(bad)


def test_markup_in_a_label_is_text():
    assert clean_label("<b>a & b</b>") == "<b>a & b</b>"
    assert clean_label("  ") is None
    assert clean_label("e\u0301") == "é"


def test_commands(index, tmp_path):
    def run(*words):
        result = CliRunner().invoke(app, ["label", *words])
        assert result.exit_code == 0, result.output
        return result.stdout

    run("set", str(index), "opal", "--where", "label = 'quartz'", "--who", "ada")
    assert labels(index) == {"a": "opal", "b": "opal", "c": "clay"}
    run("set", str(index), "--clear", "clay/c.png")
    (newest, oldest) = json.loads(run("history", str(index), "--format", "json"))
    assert (newest["labels"], oldest["items"]) == ("(none)", 2)
    run("undo", str(index))
    assert labels(index)["c"] == "clay"
    table = tmp_path / "out.csv"
    run("export", str(index), "-o", str(table), "--given")
    run("undo", str(index), oldest["act"])
    assert labels(index)["a"] == "quartz"
    run("import", str(index), str(table))
    assert labels(index) == {"a": "opal", "b": "opal", "c": "clay"}


@pytest.fixture
def given(index, monkeypatch):
    """Labels of two people, on three days; some were taken back or said otherwise since."""
    said = [
        ("ada", "2026-03-01", {"quartz/a.png": "opal", "quartz/b.png": "opal"}),
        ("bob", "2026-03-02", {"quartz/b.png": "chert"}),
        ("bob", "2026-03-02", {"clay/c.png": "illite"}),
        ("cid", "2026-03-03", {"clay/c.png": None}),
        ("dot", "2026-03-04", {"quartz/a.png": "glass"}),
    ]
    for who, day, labels in said:
        monkeypatch.setattr(
            "georetrieve.stores.label_journal._now", lambda day=day: f"{day}T12:00:00+00:00"
        )
        give_labels(index, labels, who=who)
    undo_labels(index)
    return index


def test_labels_that_stand_are_found_by_who_and_since_when(given):
    journal = LabelJournal(given)
    assert list(journal.givers().items()) == [("ada", 1), ("bob", 1)]
    assert {one: act.who for one, act in journal.standing().items()} == {
        "quartz/a.png": "ada",
        "quartz/b.png": "bob",
    }
    assert list(journal.standing(by=["bob"])) == ["quartz/b.png"]
    assert list(journal.standing(since=date(2026, 3, 2))) == ["quartz/b.png"]
    assert list(journal.standing(since=date(2026, 3, 1), by=["ada"])) == ["quartz/a.png"]
    assert not journal.standing(since=date(2026, 3, 2), by=["ada"])
    undo_labels(given, batch=next(act.batch for act in journal.acts if act.who == "bob"))
    assert list(LabelJournal(given).standing(by=["ada"])) == ["quartz/a.png", "quartz/b.png"]


@pytest.mark.parametrize("name", ["dot", "cid", "ADA", "<b>"])
def test_who_has_given_no_label_that_stands_is_unknown(given, name):
    with pytest.raises(StoreError, match="No label that stands"):
        LabelJournal(given).standing(by=["ada", name])


def test_export_by_who_and_since_when(given):
    def run(*words):
        done = CliRunner().invoke(app, ["label", "export", str(given), *words])
        assert done.exit_code == 0, done.output
        return [row["path"] for row in csv.DictReader(io.StringIO(done.stdout))]

    assert len(run()) == 2  # the third has no label
    assert run("--by", "bob") == ["quartz/b.png"]
    assert run("--by", "bob", "--by", "ada") == ["quartz/a.png", "quartz/b.png"]
    assert run("--since", "2026-03-02") == ["quartz/b.png"]
    refused = CliRunner().invoke(app, ["label", "export", str(given), "--geojson", "--by", "bob"])
    assert refused.exit_code == 2
    assert "--by" in refused.output
