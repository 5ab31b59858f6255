"""From a folder of images to a report, as a user does it."""

import csv
import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from georetrieve.benchmarks.classification.indexes import bench_data
from georetrieve.benchmarks.tasks import load_task
from georetrieve.cli.app import app
from georetrieve.errors import IndexNotFoundError

EUROSAT = (
    "AnnualCrop",
    "Forest",
    "HerbaceousVegetation",
    "Highway",
    "Industrial",
    "Pasture",
    "PermanentCrop",
    "Residential",
    "River",
    "SeaLake",
)


@pytest.fixture(scope="module")
def eurosat(tmp_path_factory):
    """EuroSAT's layout: a folder a class, JPEGs of 64×64 named after it; one colour a class."""
    folder, rng = tmp_path_factory.mktemp("data") / "EuroSAT", np.random.default_rng(0)
    for place, name in enumerate(EUROSAT):
        (folder / name).mkdir(parents=True)
        colour = np.array([25 * place, 255 - 25 * place, 128])
        for number in range(1, 9):
            pixels = np.clip(colour + rng.normal(0, 12, (64, 64, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{name}_{number}.jpg")
    return folder


@pytest.fixture
def run(fake_family, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def call(*words, code=0):
        result = CliRunner().invoke(app, ["bench", "classification", *map(str, words)])
        assert result.exit_code == code, result.output + repr(result.exception)
        return result

    return call


def test_eurosat_folder_to_report(run, eurosat, tmp_path):
    result = run(
        *("eurosat", eurosat, "-e", "fake", "-e", "fake3", "--draws", "20", "--format", "json"),
        *("-o", tmp_path / "report"),
    )
    rows = json.loads(result.stdout)
    assert {row["encoder"] for row in rows} == {"fake", "fake3"}
    nearest = next(row for row in rows if row["probe"] == "knn_1")
    assert nearest["accuracy"] == 1.0
    assert nearest["chance"] < 0.3
    report = tmp_path / "report"
    assert (report / "report.html").is_file()
    with (report / "fake" / "per_class.csv").open(encoding="utf-8") as file:
        classes = list(csv.DictReader(file))
    assert [row["class"] for row in classes] == list(EUROSAT)
    # Two of eight are tested in each of ten splits.
    first = classes[0]
    assert int(first["true_positives"]) + int(first["false_negatives"]) == int(first["tested"])
    total = sum(
        int(first[name])
        for name in ("true_positives", "false_positives", "false_negatives", "true_negatives")
    )
    assert total == 160
    record = json.loads((report / "fake" / "record.json").read_text(encoding="utf-8"))
    assert (record["task"], record["protocol"]) == ("classification", "eurosat")
    assert (report / "fake" / "best.png").is_file()


def test_a_folder_is_indexed_once(eurosat, fake_family, tmp_path):
    task = load_task("eurosat", "classification")
    first = bench_data(task, str(eurosat), ["fake"], cache=tmp_path)
    second = bench_data(task, str(eurosat), ["fake", "fake3"], cache=tmp_path)
    assert first.index == second.index
    assert first.reports[0].encoded == 80
    assert [report.encoded for report in second.reports] == [0, 80]
    third = bench_data(task, str(first.index), cache=tmp_path)
    assert (third.encoders, third.reports) == (("fake", "fake3"), ())


def test_neither_index_nor_folder(fake_family, tmp_path):
    with pytest.raises(IndexNotFoundError, match="no folder nowhere"):
        bench_data(load_task("folders", "classification"), "nowhere", cache=tmp_path)


@pytest.mark.realdata
@pytest.mark.slow
def test_scampi_by_bundled_vectors(testdata, tmp_path, monkeypatch):
    images = testdata / "scampi" / "imagefolder_20"
    result = CliRunner().invoke(
        app,
        [
            *("bench", "classification", "scampi", str(images), "--draws", "0"),
            *("--cache", str(tmp_path), "-o", str(tmp_path / "report"), "--format", "json"),
        ],
    )
    assert result.exit_code == 0, result.output
    rows = {row["probe"]: row for row in json.loads(result.stdout)}
    assert rows["knn_1"]["f1"] > 0.7
    assert rows["linear"]["accuracy"] > 0.8
    tables = tmp_path / "report" / "bundled" / "scampi"
    assert len(list(tables.glob("*.csv"))) == 11
