"""``bench text``: hand-worked arrays, and an index with an encoder that learnt from captions."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from fakes import FakeEncoder, fake_vector
from trained_dual import NAME, ores_index, trained_weights
from typer.testing import CliRunner

from georetrieve.benchmarks.record import load_record
from georetrieve.benchmarks.tasks import load_task
from georetrieve.benchmarks.text.measure import (
    Draws,
    named_estimates,
    retrieval_estimates,
    set_estimates,
)
from georetrieve.benchmarks.text.run import run_text
from georetrieve.cli.app import app
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import EncoderError, StoreError
from georetrieve.metrics.text_retrieval import QueryScores
from georetrieve.search import Index
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest
from georetrieve.types import Item

TASK = load_task("words", "text")
DRAWS = Draws(200, 0)


@pytest.fixture(scope="module")
def ores():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEORETRIEVE_WEIGHTS", str(trained_weights()))
        with Index.open(ores_index(), runtime=Runtime(device="cpu")) as opened:
            yield opened


def test_retrieval_by_hand():
    found = QueryScores(
        np.array([1, 0.5, np.nan]), np.array([[1], [0], [np.nan]]), np.array([1, 1, 0])
    )
    estimates = retrieval_estimates(found, 4, [1], DRAWS, name="text_to_image")
    assert list(estimates) == ["text_to_image_map", "text_to_image_r@1"]
    both = [(one.value, one.n, one.chance) for one in estimates.values()]
    # One relevant of four: mean of 1, 1/2, 1/3, 1/4; what has none relevant takes no part.
    assert both == [(0.75, 2, pytest.approx(25 / 48)), (0.5, 2, pytest.approx(0.25))]
    assert estimates["text_to_image_map"].low == 0.5
    nothing = QueryScores(np.array([np.nan]), np.array([[np.nan]]), np.array([0]))
    for one in retrieval_estimates(nothing, 4, [1], DRAWS, name="x").values():
        assert (one.value, one.reason) == (None, "nothing to find")


def test_names_by_hand():
    true, called = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    estimates = named_estimates(true, called, 2, DRAWS)
    accuracy, f1 = estimates["zero_shot_accuracy"], estimates["zero_shot_macro_f1"]
    # Chance of the calls as dealt: 1/2 · 1/4 + 1/2 · 3/4. F1: 2/3 and 4/5.
    assert (accuracy.value, accuracy.chance, accuracy.n) == (0.75, 0.5, 4)
    assert f1.value == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert f1.low < f1.value < f1.high
    whole = named_estimates(true, called, 2, DRAWS, np.array([0, 0, 1, 1]))
    assert whole["zero_shot_accuracy"].low == 0.5  # only the first group


def test_sets_by_hand():
    true = np.array([[1, 1, 0], [0, 0, 1]], bool)
    said = np.array([[1, 0, 1], [0, 0, 1]], bool)
    estimates = set_estimates(true, said, DRAWS)
    values = {name: one.value for name, one in estimates.items()}
    assert values == pytest.approx(
        {"sets_jaccard": 2 / 3, "sets_recall": 0.75, "sets_precision": 0.75, "sets_f1": 0.75}
    )
    assert all(one.chance < one.value for one in estimates.values())


def test_an_index(ores):
    (run,) = run_text(TASK, ores)
    record = run.record
    value = {name: one.value for name, one in record.metrics.items()}
    assert (record.task, record.protocol, record.encoder.name) == ("text", "words", NAME)
    assert record.data.n_items == 52
    assert record.metrics["text_to_image_map"].n == 7  # names
    for name in ("text_to_image_map", "zero_shot_accuracy", "image_to_text_r@1", "sets_jaccard"):
        assert value[name] > 1.5 * record.metrics[name].chance, name
    assert value["image_to_text_r@10"] == 1  # of seven captions
    rows = record.tables["per_class"]
    assert sum(row["items"] for row in rows) == 52
    assert value["text_to_image_map"] == pytest.approx(
        np.mean([row["average_precision"] for row in rows])
    )
    right = sum(
        row["count"] for row in record.tables["confusion"] if row["truth"] == row["predicted"]
    )
    assert value["zero_shot_accuracy"] == pytest.approx(right / 52)
    assert {row["name"]: row["items"] for row in record.tables["per_name"]}["galena"] == 14
    assert len(record.queries) == 52
    assert any("only 2" in note for note in record.notes)


def test_blocks_change_nothing(ores, monkeypatch):
    whole = run_text(TASK, ores)[0].record
    monkeypatch.setattr("georetrieve.benchmarks.text.run.SCORES", 100)
    assert run_text(TASK, ores)[0].record.metrics == whole.metrics


def test_columns_that_are_not_there_are_not_measured(ores):
    task = replace(TASK, data={"label": "", "several": "", "caption": "caption"})
    (run,) = run_text(task, ores)
    assert all(name.startswith("image_to_text") for name in run.record.metrics)
    with pytest.raises(StoreError, match="No item of ores has a 'taxon' or a 'x'"):
        run_text(replace(TASK, data={"label": "taxon", "several": "y", "caption": "x"}), ores)
    with pytest.raises(StoreError, match="No item"):
        run_text(TASK, ores, where="depth > 99999")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompts": "poetic"}, "poetic"),
        ({"ks": [0]}, "start at 1"),
        ({"rule": "guess"}, "guess"),
        ({"kss": [1]}, "Did you mean 'ks'"),
    ],
)
def test_tasks_that_are_not_usable(ores, change, message):
    with pytest.raises(StoreError, match=message):
        run_text(replace(TASK, probe={**TASK.probe, **change}), ores)


def test_an_index_without_texts(tmp_path, fake_family):
    spec = FakeEncoder().spec
    store = IndexStore.create(tmp_path / "i", Manifest(name="i", encoders=(spec,)))
    store.add_items([Item(path="a.png", kind="image")], {spec.column: fake_vector(9, 9, 9)[None]})
    with Index.open(tmp_path / "i") as index:
        with pytest.raises(EncoderError, match="siglip2-vitb16"):
            run_text(TASK, index)
        with pytest.raises(EncoderError, match="fake has no texts"):
            run_text(TASK, index, encoders=["fake"])


def test_the_command(ores, tmp_path):
    asked = ["bench", "text", str(ores.path), "-o", str(tmp_path / "r"), "--format", "json"]
    done = CliRunner().invoke(app, [*asked, "--device", "cpu"])
    assert done.exit_code == 0, done.output
    rows = {row["measure"]: row for row in json.loads(done.stdout)}
    assert rows["sets_f1"]["encoder"] == NAME
    record = load_record(next((tmp_path / "r").glob("record-*.json")))
    assert record.metrics["sets_f1"].value == rows["sets_f1"]["value"]
    with (tmp_path / "r/per_class.csv").open(newline="") as file:
        assert {row["class"] for row in csv.DictReader(file)} >= {"galena", "quartz"}
    assert "galena" in (tmp_path / "r/report.html").read_text()
