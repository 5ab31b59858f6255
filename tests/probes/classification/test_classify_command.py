"""``georetrieve classify``, as a user types it."""

import csv
import io
import json

import pytest
import typer
from typer.testing import CliRunner

from georetrieve.cli import classify, output
from georetrieve.errors import StoreError
from georetrieve.stores.lance import IndexStore

app = typer.Typer()
app.command("classify")(classify.classify)


def run(*words, code=0):
    answer = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert answer.exit_code == code, answer.output
    return answer


def test_a_table_and_a_summary(index):
    answer = run(index.path, "-k", "3", "--weights", "distance")
    assert "c/coal.png" in answer.stdout
    assert "dark" in answer.stdout
    assert "3 items classified by knn, k = 3, distance weights, euclidean" in answer.stderr
    assert "2 dark, 1 light" in answer.stderr
    assert "1 far from anything labelled" in answer.stderr


def test_json(index):
    said = json.loads(run(index.path, "--format", "json", "--voters", "2").stdout)
    assert said["queries"] == "unlabelled"
    assert [len(item["voters"]) for item in said["items"]] == [1, 1, 1]  # k = 1 was chosen
    assert {item["id"]: item["label"] for item in said["items"]} == {
        "c/coal.png": "dark",
        "c/chalk.png": "light",
        "c/grey.png": "light",  # by cosine: the constant 1 of the vectors turns little there
    }
    assert any("chosen of" in remark for remark in said["remarks"])


def test_csv(index):
    answer = run(index.path, "--format", "csv", "--probe", "linear")
    rows = list(csv.DictReader(io.StringIO(answer.stdout)))
    assert [row["id"] for row in rows] == ["c/coal.png", "c/chalk.png", "c/grey.png"]
    assert [row["label"] for row in rows][:2] == ["dark", "light"]
    assert {row["voters"] for row in rows} == {"[]"}


def test_a_folder_with_a_bad_file(index, folder):
    words = (index.path, "--queries", folder / "new", "--format", "csv")
    answer = run(*words)
    assert len(answer.stdout.splitlines()) == 3
    assert "failed: torn.png: " in answer.stderr
    assert "1 not read" in answer.stderr
    run(*words, "--strict", code=1)


def test_writing(index):
    answer = run(index.path, "--write")
    assert "written to" in answer.stderr
    assert "predicted_label" in answer.stderr
    rows = IndexStore.open(index.path).scan(["predicted_label"], "label IS NULL").to_pylist()
    assert sorted(row["predicted_label"] for row in rows) == ["dark", "light", "light"]


def test_writing_to_another_index(index, make_index):
    with make_index({"x.png": (9, None, "mine")}, "other") as other:
        run(index.path, "--queries", other.path, "--write")
        row = IndexStore.open(other.path).scan(["label", "predicted_label"]).to_pylist()[0]
        assert row == {"label": "mine", "predicted_label": "dark"}
    assert "predicted_label" not in IndexStore.open(index.path).columns


def test_images_have_no_index_to_write_to(index, folder):
    assert "--write needs items" in run(
        index.path, "--queries", folder / "new", "--write", code=2
    ).stderr.replace("\n", " ")


@pytest.mark.parametrize("k", ["few", "-3", "2.5"])
def test_k_is_a_number_or_auto(index, k):
    run(index.path, f"-k={k}", code=2)


def test_a_long_table_is_cut_short(index, monkeypatch):
    monkeypatch.setattr(output, "SHOWN_ITEMS", 2)
    monkeypatch.setattr(classify, "SHOWN_CLASSES", 1)
    answer = run(index.path)
    assert "grey.png" not in answer.stdout
    assert "… and 1 more items" in answer.stderr
    assert "2 light, 1 of 1 further classes" in answer.stderr


def test_no_label_is_an_error_of_one_line(make_index):
    with (
        make_index({"a.png": (1, None, None)}, "bare") as bare,
        pytest.raises(StoreError, match="no labelled item"),
    ):
        run(bare.path)


def test_it_is_a_command_of_the_program():
    from georetrieve.cli.app import app as program

    assert "classify" in {one.name for one in program.registered_commands}
