"""``georetrieve segment``: from files to files."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from georetrieve.cli.app import app
from georetrieve.errors import GeoRetrieveError, SourceError, StoreError

SIZE = 48


@pytest.fixture
def sections(tmp_path):
    """Three images, dark on the left and bright on the right, and their masks."""
    rng = np.random.default_rng(0)
    truth = np.zeros((SIZE, SIZE), np.uint8)
    truth[:, SIZE // 2 :] = 1
    for name in ("a", "b", "c"):
        grey = np.where(truth, 200, 60) + rng.integers(-9, 9, truth.shape)
        for folder, pixels in (("images", grey), ("masks", truth)):
            path = tmp_path / folder / f"{name}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(path)
    table = "name,code,colour\npore,0,#0000ff\nquartz,1,#ff8800\n"
    (tmp_path / "classes.csv").write_text(table)
    clicks = "path,x,y,class\na.png,10,10,pore\na.png,40,30,quartz\n"
    (tmp_path / "clicks.csv").write_text(clicks)
    return tmp_path


def run(*words):
    """What a command printed; its errors are raised."""
    done = CliRunner().invoke(app, ["segment", *map(str, words)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def fitted(root, *more):
    model = root / "m.segmenter"
    done = run(
        "fit", root / "images", "--masks", root / "masks", "--classes", root / "classes.csv",
        "-m", "kmeans", "-o", model, *more,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    return model


def test_fit_and_predict_give_masks_and_percentages(sections):
    model = fitted(sections)
    done = run("predict", model, sections / "images", "-o", sections / "maps", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["image"], row["class"]) for row in rows[:2]] == [
        ("a.png", "pore"),
        ("a.png", "quartz"),
    ]
    truth = np.asarray(Image.open(sections / "masks/b.png"))
    found = np.asarray(Image.open(sections / "maps/b_mask.png"))
    assert (found == truth).mean() > 0.98
    assert float(rows[0]["percent"]) == pytest.approx(50, abs=2)
    assert "3 maps in" in done.stderr
    assert (
        "from before" in run("predict", model, sections / "images", "-o", sections / "maps").stderr
    )


def test_from_clicks_to_a_map_in_one_command(sections):
    words = ["predict", sections / "images/a.png", "--clicks", sections / "clicks.csv"]
    done = run(*words, "-o", sections / "maps", "--um-per-px", 1000, "--format", "json")
    rows = json.loads(done.stdout)
    assert [row["class"] for row in rows] == ["pore", "quartz"]
    assert sum(row["area_mm2"] for row in rows) == pytest.approx(SIZE * SIZE)
    found = np.asarray(Image.open(sections / "maps/a_mask.png"))
    assert (found == np.asarray(Image.open(sections / "masks/a.png"))).mean() > 0.9
    assert (sections / "maps/clicks.segmenter").exists()
    with (sections / "clicks.csv").open("a") as file:
        file.write("a.png,30,5,clay\n")
    with pytest.raises(SourceError, match=r"another model.*--force"):
        run(*words, "-o", sections / "maps")


def test_clicks_on_one_image_map_a_folder(sections):
    done = run(
        "predict", sections / "images", "--clicks", sections / "clicks.csv",
        "-m", "kmeans", "-o", sections / "maps",
    )  # fmt: skip
    assert done.exit_code == 0
    assert "all" in done.stdout
    assert (sections / "maps/modal.csv").exists()


def test_a_bad_file_is_one_line_and_strict_makes_it_exit_1(sections):
    model = fitted(sections)
    (sections / "images/d.png").write_bytes(b"")
    words = ["predict", model, sections / "images", "-o", sections / "maps"]
    done = run(*words)
    assert done.exit_code == 0
    assert "failed: d.png: is empty" in done.stderr
    assert run(*words, "--strict").exit_code == 1


def test_views_of_the_model_are_looked_for(sections):
    for view in ("ppl", "xpl"):
        for name in ("a", "b"):
            image = Image.open(sections / f"images/{name}.png")
            (sections / "pairs" / view).mkdir(parents=True, exist_ok=True)
            image.save(sections / "pairs" / view / f"{name}.png")
    model = sections / "m.segmenter"
    run(
        "fit", sections / "pairs", "--masks", sections / "masks", "--views", "ppl,xpl",
        "-m", "forest", "-o", model,
    )  # fmt: skip
    done = run("predict", model, sections / "pairs/ppl/b.png", "-o", sections / "maps")
    assert done.exit_code == 0
    assert (sections / "maps/b_mask.png").exists()
    (sections / "pairs/xpl/b.png").unlink()
    with pytest.raises(SourceError, match="view xpl of 'b' is missing"):
        run("predict", model, sections / "pairs/ppl/b.png", "-o", sections / "other")


def test_a_slice_of_a_volume_is_mapped(sections):
    model = fitted(sections)
    image = np.asarray(Image.open(sections / "images/a.png"))
    np.save(sections / "core.npy", np.stack([image] * 4))
    run("predict", model, sections / "core.npy", "--slices", "1,3", "-o", sections / "maps")
    names = {path.name for path in (sections / "maps").glob("*_mask.png")}
    assert names == {"core_z1_mask.png", "core_z3_mask.png"}


def test_info_says_what_a_model_is(sections):
    model = fitted(sections)
    done = run("info", model)
    assert "kmeans" in done.stdout
    assert "pore (0), quartz (1)" in done.stdout
    assert json.loads(run("info", model, "--format", "json").stdout)["method"] == "kmeans"
    with pytest.raises(StoreError, match="cannot be read"):
        run("info", sections / "none.segmenter")


def test_a_model_is_not_overwritten(sections):
    model = fitted(sections)
    with pytest.raises(SourceError, match="--force"):
        fitted(sections)
    assert fitted(sections, "--force") == model


def test_void_and_unknown_codes(sections):
    path = sections / "masks/a.png"
    mask = np.asarray(Image.open(path)).copy()
    mask[:5] = 255
    Image.fromarray(mask).save(path)
    with pytest.raises(SourceError, match=r"a.png holds code 255 \(240 pixels\)"):
        fitted(sections)
    fitted(sections, "--void", "255")


@pytest.mark.parametrize(
    "words",
    [
        ("fit", "images", "-o", "m"),
        ("fit", "images", "--masks", "masks", "--clicks", "clicks.csv", "-o", "m"),
        ("fit", "images", "--masks", "masks", "-m", "otsu", "-e", "bundled", "-o", "m"),
        ("predict", "images", "-o", "maps"),
    ],
)
def test_commands_that_lack_something_are_usage_errors(sections, monkeypatch, words):
    monkeypatch.chdir(sections)
    assert run(*words).exit_code == 2


@pytest.mark.parametrize(
    "words",
    [
        ("--void", "grey"),
        ("--raw-shape", "1,2"),
        ("--classes", "nowhere.csv"),
        ("--masks", "nowhere"),
        ("--um-per-px", "-1"),
    ],
)
def test_wrong_values_are_one_line(sections, monkeypatch, words):
    monkeypatch.chdir(sections)
    given = () if "--masks" in words else ("--masks", "masks")
    with pytest.raises(GeoRetrieveError):
        run("fit", "images", "-o", "m", *given, *words)


def test_three_images_of_one_class(sections):
    for name in "abc":
        Image.fromarray(np.zeros((SIZE, SIZE), np.uint8)).save(sections / f"masks/{name}.png")
    model = sections / "one.segmenter"
    run("fit", sections / "images", "--masks", sections / "masks", "-o", model)
    done = run(
        "predict", model, sections / "images/a.png", "-o", sections / "m", "--format", "json"
    )
    assert [row["percent"] for row in json.loads(done.stdout)] == [100]
