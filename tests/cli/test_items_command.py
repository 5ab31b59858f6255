import csv
import io
import json
import shutil

import pytest
from typer.testing import CliRunner

from georetrieve.cli.app import app
from georetrieve.labelling import give_labels
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest
from georetrieve.types import Item


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    path = tmp_path_factory.mktemp("items") / "indexes" / "few"
    IndexStore.create(path, Manifest(name="few")).add_items(
        [
            Item(
                path=f"{name}.png",
                kind="image",
                label=None if name == "c" else "[bold]azolla",
                metadata={"depth": depth},
                thumbnail=b"x",
            )
            for name, depth in zip("abcd", (30, 10, 40, 20), strict=True)
        ],
        {},
    )
    return path


def run(index, *words):
    return CliRunner().invoke(app, ["items", str(index), *words])


def test_page_of_a_sorted_table(index):
    done = run(index, "--sort", "depth", "--descending", "--limit", "2", "--page", "2")
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.stdout.splitlines() if ".png" in line] == [
        "d.png",
        "b.png",
    ]
    assert "[bold]azolla" in done.stdout  # text, not markup
    assert "page 2 of 2, 4 items" in done.stderr


def test_condition_and_columns_as_csv(index):
    done = run(index, "--where", "label IS NOT NULL", "--columns", "depth,id", "--format", "csv")
    rows = list(csv.reader(io.StringIO(done.stdout)))
    assert rows == [["depth", "id"], ["30", "a.png"], ["10", "b.png"], ["20", "d.png"]]


def test_json_has_all_columns_but_the_pictures(index):
    rows = json.loads(run(index, "--format", "json").stdout)
    assert len(rows) == 4
    assert {"id", "depth", "label"} <= set(rows[0])
    assert "thumbnail" not in rows[0]


def test_what_the_columns_hold(index):
    rows = json.loads(run(index, "--list-columns", "--format", "json").stdout)
    depth = next(row for row in rows if row["column"] == "depth")
    assert (depth["kind"], depth["items"], depth["low"], depth["high"]) == ("number", 4, 10, 40)
    label = next(row for row in rows if row["column"] == "label")
    assert (label["items"], label["most_frequent"]) == (3, "[bold]azolla")


@pytest.mark.parametrize("column", ["dephts", "thumbnail"])
def test_unknown_column_is_refused(index, column):
    done = run(index, "--columns", f"id,{column}")
    assert done.exit_code == 2
    assert "there is no column" in done.stderr


def test_nothing_found_is_no_error(index):
    done = run(index, "--where", "depth > 99", "--format", "json")
    assert (done.exit_code, json.loads(done.stdout)) == (0, [])


def test_items_by_who_labelled_them_and_when(index, tmp_path):
    own = shutil.copytree(index, tmp_path / "own")
    give_labels(own, {"a.png": "opal", "d.png": "opal"}, who="Ada")
    give_labels(own, {"c.png": "opal"}, who="Bob")

    def ids(*words):
        done = run(own, "--format", "json", *words)
        assert done.exit_code == 0, done.output
        return [row["id"] for row in json.loads(done.stdout)]

    assert ids("--labelled-by", "Ada") == ["a.png", "d.png"]
    assert ids("--labelled-by", "Ada", "--where", "depth < 30") == ["d.png"]
    assert ids("--labelled-by", "Ada", "--labelled-by", "Bob") == ["a.png", "c.png", "d.png"]
    assert ids("--labelled-since", "2000-01-31") == ["a.png", "c.png", "d.png"]
    assert ids("--labelled-since", "3000-01-01") == []
    unknown = run(own, "--labelled-by", "Ana")
    assert unknown.exit_code == 1
    assert "Did you mean 'Ada'" in str(unknown.exception)
