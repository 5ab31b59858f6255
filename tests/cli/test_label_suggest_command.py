"""``georetrieve label doubtful`` and ``label accept``, as a user types them."""

import csv
import io
import json

import numpy as np
import pytest
from fakes import FakeEncoder, fake_vector
from typer.testing import CliRunner

from georetrieve.cli.app import app
from georetrieve.labelling import label_history
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest, SourceRoot
from georetrieve.types import Item

DARK, LIGHT = range(80, 104, 4), range(104, 128, 4)
UNLABELLED = {"like-dark.png": 85, "like-light.png": 122, "between.png": 102}


@pytest.fixture
def index(tmp_path):
    """Six dark greys, six light ones of which one is called dark, and three without a label."""
    labelled = [(f"d{level}.png", level, "dark") for level in DARK]
    labelled += [(f"l{level}.png", level, "dark" if level == 116 else "light") for level in LIGHT]
    rows = [*labelled, *((name, level, None) for name, level in UNLABELLED.items())]
    encoder = FakeEncoder()
    sources = (SourceRoot(key="", root=str(tmp_path)),)
    store = IndexStore.create(
        tmp_path / "greys", Manifest(name="greys", sources=sources, encoders=(encoder.spec,))
    )
    vectors = [fake_vector(*3 * [level], grid=encoder.grid) for _, level, _ in rows]
    items = [Item(path=name, kind="image", label=label) for name, _, label in rows]
    store.add_items(items, {encoder.spec.column: np.array(vectors)})
    return store.path


def run(*words, code=0):
    answer = CliRunner().invoke(app, ["label", *map(str, words)])
    assert answer.exit_code == code, answer.output
    return answer


def labels(index):
    table = IndexStore.open(index).scan(["id", "label"])
    return {row["id"]: row["label"] for row in table.to_pylist() if row["id"] in UNLABELLED}


def test_what_is_in_doubt(index):
    said = json.loads(run("doubtful", index, "--format", "json").stdout)
    assert said[0]["id"] == "between.png"
    assert {said[0]["suggested"], said[0]["runner_up"]} == {"dark", "light"}
    answer = run("doubtful", index, "--limit", "1")
    assert "between.png" in answer.stdout
    assert "1 of " in answer.stderr


def test_what_is_far(index):
    answer = run("doubtful", index, "--queue", "far", "--format", "csv")
    assert list(csv.DictReader(io.StringIO(answer.stdout))) == []
    assert "0 of 0 far items" in answer.stderr


def test_what_is_contradicted(index):
    answer = run("doubtful", index, "--queue", "contradicted", "--format", "csv")
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(answer.stdout))}
    assert rows["l116.png"]["label"] == "dark"
    assert rows["l116.png"]["suggested"] == "light"


def test_accepting_is_said_before_it_is_done_and_can_be_undone(index):
    answer = run("accept", index, "--above", "0.7")
    assert "2 of 3 items without a label would be labelled; add --yes" in answer.stderr
    assert set(labels(index).values()) == {None}
    done = run("accept", index, "--above", "0.7", "--yes", "--who", "ada", "--format", "json")
    assert json.loads(done.stdout) == [
        {"label": "dark", "items": 1},
        {"label": "light", "items": 1},
    ]
    expected = {"like-dark.png": "dark", "like-light.png": "light", "between.png": None}
    assert labels(index) == expected
    act = label_history(index)[0]
    assert (act["who"], act["how"], act["items"]) == ("ada", "suggested", 2)
    run("undo", index)
    assert set(labels(index).values()) == {None}


def test_a_condition_and_a_threshold_that_is_none(index):
    answer = run("accept", index, "--above", "0.7", "--where", "path = 'like-dark.png'")
    assert "1 of 1 items" in answer.stderr
    answer = run("accept", index, "--above", "1", "--where", "path = 'between.png'")
    assert "0 of 1 items without a label have a suggestion of 1 or more" in answer.stderr
    assert "cannot be a threshold" in str(run("accept", index, "--above", "0.3", code=1).exception)
