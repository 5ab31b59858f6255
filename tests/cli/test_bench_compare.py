import csv
import io
import json

import pytest
from typer.testing import CliRunner

from georetrieve.benchmarks.record import DataFacts, EncoderFacts, Estimate, RunRecord, save_record
from georetrieve.cli.app import app

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def reports(tmp_path):
    for day, (name, value) in enumerate([("one", 0.5), ("two", 0.75)], start=1):
        record = RunRecord(
            task="retrieval",
            protocol="full",
            data=DataFacts(index="few", n_items=4, n_labelled=4, n_queries=4, classes={EVIL: 4}),
            encoder=EncoderFacts(name=f"{name}{EVIL}"),
            metrics={"p_at_nr": Estimate(value, value - 0.1, value + 0.1, 0.25, 4)},
            tables={"per_class": [{"class": EVIL, "items": 4, "p_at_nr": value}]},
            created=f"2026-01-0{day}T10:00:00+00:00",
        )
        save_record(record, tmp_path / name / "record.json")
    return tmp_path


def run(*words):
    return CliRunner().invoke(app, ["bench", "compare", *map(str, words)])


def test_table(reports):
    done = run(reports)
    assert done.exit_code == 0
    assert "Retrieval, full: few, 4 queries of 4 items (beside one)" in done.stdout
    assert [line.split()[-1] for line in done.stdout.splitlines() if " two " in line] == ["apart"]


def test_csv_beside_another_baseline(reports):
    done = run(reports, "--baseline", "two", "--format", "csv")
    rows = {row["record"]: row for row in csv.DictReader(io.StringIO(done.stdout))}
    assert (rows["one"]["difference"], rows["two"]["difference"]) == ("-0.25", "")
    assert (rows["one"]["task"], rows["one"]["data"]) == ("retrieval", "few")


def test_json(reports):
    (one,) = json.loads(run(reports, "--format", "json").stdout)
    assert (one["task"], one["baseline"]) == ("retrieval", "one")
    assert [row["value"] for row in one["measures"]] == [0.5, 0.75]
    assert [row["record"] for row in one["records"]] == ["one", "two"]


def test_classes(reports):
    rows = json.loads(run(reports, "--by-class", "--format", "json").stdout)
    assert [(row["class"], row["one"], row["two"]) for row in rows] == [(EVIL, 0.5, 0.75)]


def test_page_is_one_file_that_runs_and_loads_nothing(reports):
    out = reports / "new" / "page.html"
    done = run(reports / "one", reports / "two", "--out", out)
    assert f"page: {out}" in done.stderr
    text = out.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "default-src 'none'" in text
    assert "Differences to one" in text
    assert '<th class="right">two</th>' in text  # a run is called by its name


def test_damage_is_said_and_the_rest_is_compared(reports):
    (reports / "two" / "record.json").write_text('{"task": "retrieval"')
    done = run(reports)
    assert done.exit_code == 0
    assert "not read:" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--metric", "p_at_n"], "No record has measure 'p_at_n'. Did you mean 'p_at_nr'"),
        (["--baseline", "three"], "There is no record 'three'"),
    ],
)
def test_what_is_not_there(reports, words, said):
    done = run(reports, *words)
    assert done.exit_code != 0
    assert said in str(done.exception) + done.stderr


def test_a_folder_without_records(tmp_path):
    done = run(tmp_path)
    assert "There is no benchmark record in" in str(done.exception) + done.stderr
