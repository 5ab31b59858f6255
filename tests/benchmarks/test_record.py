import csv
import dataclasses
import json

import pytest

import georetrieve
from georetrieve.benchmarks.record import (
    DataFacts,
    Estimate,
    RunRecord,
    current_environment,
    encoder_facts,
    load_record,
    save_record,
)
from georetrieve.errors import StoreError
from georetrieve.types import EncoderSpec

SPEC = EncoderSpec(
    name="fake", family="fake", weights="", sha256="0", dim=3, transform={"size": 8}, adapted=True
)


@pytest.fixture
def record():
    return RunRecord(
        task="retrieval",
        protocol="full",
        data=DataFacts(index="x", n_items=3, n_labelled=2, n_queries=2, classes={"é": 2}),
        encoder=encoder_facts(SPEC),
        metrics={
            "p_at_nr": Estimate(0.5, 0.25, 0.75, 0.1, 2),
            "nn_f1": Estimate(None, reason="few"),
        },
        settings={"ks": (1, 10)},
        tables={"per_class": ({"class": "é", "items": 2},)},
        notes=("Mind this.",),
        queries=({"id": "a,b", "p_at_nr": 0.5}, {"id": "c", "p_at_nr": None}),
        seconds=1.5,
        command="georetrieve bench retrieval x",
    )


def test_json_and_back(record, tmp_path):
    path = save_record(record, tmp_path / "deep" / "run.json")
    read = load_record(path)
    assert read.to_json() == record.to_json()
    assert read.metrics["p_at_nr"] == Estimate(0.5, 0.25, 0.75, 0.1, 2)
    assert read.data.classes == {"é": 2}
    assert read.encoder.fingerprint == SPEC.fingerprint
    assert read.encoder.adapted
    assert "é" in path.read_text(encoding="utf-8")
    assert not path.with_suffix(".queries.csv").exists()


def test_queries_go_to_a_file_of_their_own(record, tmp_path):
    path = save_record(record, tmp_path / "run.json", queries=True)
    assert "queries" not in json.loads(path.read_text(encoding="utf-8"))
    with (tmp_path / "run.queries.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows == [{"id": "a,b", "p_at_nr": "0.5"}, {"id": "c", "p_at_nr": ""}]


def test_records_are_never_overwritten(record, tmp_path):
    path = save_record(record, tmp_path / "run.json", queries=True)
    before = path.read_text(encoding="utf-8")
    with pytest.raises(StoreError, match="never overwritten"):
        save_record(record, path)
    path.unlink()
    with pytest.raises(StoreError, match=r"run\.queries\.csv"):
        save_record(record, path, queries=True)
    assert not path.exists()
    assert before


def test_a_record_cannot_be_changed(record):
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.task = "other"


def test_a_number_that_is_not_defined_must_be_none(record):
    broken = dataclasses.replace(record, metrics={"p": Estimate(float("nan"))})
    with pytest.raises(ValueError, match="JSON"):
        broken.to_json()


def test_what_it_was_made_with(record):
    assert record.georetrieve_version == georetrieve.__version__
    assert record.created.endswith("+00:00")
    environment = current_environment()
    assert environment["numpy"]
    assert environment["cpu_count"] >= 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a run record"),
        ("[]", "holds a list"),
        ('{"schema_version": 99}', "schema version 99"),
        ('{"schema_version": 1}', "damaged"),
        ('{"schema_version": 1, "data": 3, "metrics": {}}', "damaged"),
    ],
)
def test_what_is_no_record(tmp_path, text, message):
    path = tmp_path / "run.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StoreError, match=message):
        load_record(path)


def test_no_file(tmp_path):
    with pytest.raises(StoreError, match="no run record"):
        load_record(tmp_path / "run.json")
