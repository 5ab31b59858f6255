import csv
import io

import pytest
from PIL import Image
from typer.testing import CliRunner

from georetrieve.cli.app import app
from georetrieve.errors import GeoRetrieveError
from tests.probes.item_map.conftest import make_index  # noqa: F401 - a fixture


def run(*words):
    done = CliRunner().invoke(app, ["map", *map(str, words)])
    assert done.exit_code == 0, done.output
    return done


@pytest.fixture
def index(make_index):  # noqa: F811
    return make_index(30).path


def test_rows_and_quality(index):
    done = run(index, "--perplexity", 5, "--seed", 3, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert len(rows) == 30
    assert list(rows[0]) == ["id", "x", "y", "label", "group"]
    assert (rows[1]["id"], rows[1]["label"], rows[1]["group"]) == ("00001.png", "class 1", "g1")
    assert "nearest on the map" in done.stderr
    assert run(index, "--format", "csv").stdout == done.stdout


def test_files(index, tmp_path):
    run(index, "--perplexity", 5, "--out", tmp_path / "new" / "map.csv", "--colour-by", "depth")
    head, first, *_ = (tmp_path / "new" / "map.csv").read_text().splitlines()
    assert head == "id,x,y,label,group,depth"
    assert first.endswith(",class 0,g0,0")
    run(index, "--out", tmp_path / "map.png")
    run(index, "--out", tmp_path / "depth.png", "--colour-by", "depth")
    for name in ("map.png", "depth.png"):
        with Image.open(tmp_path / name) as picture:
            assert picture.size == (1500, 1125)
    run(index, "--out", tmp_path / "map.html")
    page = (tmp_path / "map.html").read_text(encoding="utf-8")
    assert page.count("<title>class 1: ") == 5
    assert "<script" not in page


def test_what_cannot_be_is_said(index, tmp_path):
    for words, said in (
        (["--out", tmp_path / "map.doc"], "end the name with .csv"),
        (["--out", tmp_path / "map.png", "--colour-by", "colour"], "no column 'colour'"),
        (["--perplexity", 1], "perplexity"),
        (["--encoder", "other"], "no vectors of 'other'"),
    ):
        done = CliRunner().invoke(app, ["map", str(index), *map(str, words)])
        assert isinstance(done.exception, GeoRetrieveError)
        assert said in str(done.exception)
