"""What is measured of the eight views, by hand."""

import json

import numpy as np
import pytest
from fakes import FakeEncoder, solid
from PIL import Image
from typer.testing import CliRunner

from georetrieve.benchmarks.rotations import measure_rotations, run_rotations
from georetrieve.cli.app import app
from georetrieve.errors import SourceError


def corner(colour):
    """Black, but for the corner at the top left."""
    image = Image.new("RGB", (8, 8))
    image.paste(colour, (0, 0, 4, 4))
    return image


@pytest.fixture
def folder(tmp_path):
    for name, image in {
        "red/a.png": corner((255, 0, 0)),
        "red/b.png": corner((204, 0, 0)),
        "blue/c.png": corner((0, 0, 255)),
        "blue/d.png": corner((0, 0, 204)),
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        image.save(tmp_path / name)
    return tmp_path


def test_views_that_do_not_differ_cannot_be_gained_on():
    views = np.repeat(np.eye(3, dtype=np.float32)[:, None], 8, axis=1)
    measured = measure_rotations(views, ["a", "a", "b"])
    assert measured == {
        "cosine_views": 1.0,
        "cosine_others": pytest.approx(0),
        "distance_ratio": 0.0,
        "self_recall": 1.0,
        "p_at_nr": pytest.approx(1.0),
        "p_at_nr_turned": pytest.approx(1.0),
    }


def test_turned_views_that_look_like_another_image():
    """Image 0 turned is image 1 upright, and the other way round: nothing finds itself."""
    one, other = [1.0, 0.0], [0.0, 1.0]
    views = np.array([[one, *[other] * 7], [other, *[one] * 7]], np.float32)
    measured = measure_rotations(views, ["", ""])
    assert measured["self_recall"] == 0
    assert measured["cosine_views"] == 0
    assert measured["distance_ratio"] == pytest.approx(1)
    assert measured["p_at_nr"] is None


def test_corners_are_found_again_by_all_views_together(folder):
    plain, robust = run_rotations(folder, FakeEncoder())
    assert (plain["rotations"], robust["rotations"]) == (1, 8)
    assert (robust["self_recall"], robust["cosine_views"]) == (1, pytest.approx(1))
    assert robust["distance_ratio"] == pytest.approx(0, abs=1e-6)
    # (1, 0 …, 1) and (0 …, 1, …, 1): 1 of a length of √2 each.
    assert plain["cosine_views"] < 0.9
    assert plain["self_recall"] < 1
    assert (plain["p_at_nr"], robust["p_at_nr"], robust["p_at_nr_turned"]) == (1, 1, 1)
    assert plain["images"] == 4


def test_what_cannot_be_read_is_counted(folder):
    (folder / "red" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    assert [row["failed"] for row in run_rotations(folder, FakeEncoder())] == [1, 1]


def test_one_image_cannot_be_compared(tmp_path):
    solid(1, 2, 3).save(tmp_path / "a.png")
    with pytest.raises(SourceError, match=r"1 images of .* can be read; two"):
        run_rotations(tmp_path, FakeEncoder())


def test_the_command(folder, fake_family):
    result = CliRunner().invoke(
        app, ["bench", "rotations", str(folder), "-e", "fake", "--format", "json"]
    )
    assert result.exit_code == 0, result.output
    assert [row["rotations"] for row in json.loads(result.stdout)] == [1, 8]
    result = CliRunner().invoke(app, ["bench", "rotations", str(folder), "-e", "fake,rotations=8"])
    assert result.exit_code == 2
