import io
import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from georetrieve.cli.app import app
from georetrieve.encoders.registry import load_encoder
from georetrieve.errors import EncoderError, SourceError, StoreError
from georetrieve.indexing.build import index_folder
from georetrieve.indexing.options import IndexOptions
from georetrieve.probes.explanation import (
    explain,
    explain_hit,
    explain_in_index,
    explain_query,
    seen_box,
)
from georetrieve.reports.explanation import explanation_png, save_explanation
from georetrieve.search import Index, QueryImage, QueryItem, QueryText
from georetrieve.types import EncoderSpec, Region


def spotted(places, size=(300, 200)):
    """A pale image with dark crossed squares at the given places."""
    pixels = np.full((size[1], size[0], 3), 230, np.uint8)
    for x, y in places:
        pixels[y - 15 : y + 15, x - 15 : x + 15] = (120, 40, 20)
        pixels[y - 2 : y + 2, x - 15 : x + 15] = (20, 20, 90)
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explained") / "slides"
    folder.mkdir()
    spotted([(100, 60)]).save(folder / "one.png")
    spotted([(210, 140)]).save(folder / "two.png")
    Image.new("RGB", (64, 64), "white").save(folder / "blank.png")
    return folder


@pytest.fixture(scope="module")
def index(folder):
    path = folder.parent / "index"
    index_folder(folder, path, IndexOptions(adapt=False))
    return path


def test_the_thing_that_both_show_is_the_explanation(folder):
    found = explain_query(str(folder / "one.png"), str(folder / "two.png"), pairs=3)
    first = found.rows()[0]
    assert abs(first["query_x"] - 100) < 30
    assert abs(first["query_y"] - 60) < 30
    assert abs(first["hit_x"] - 210) < 30
    assert abs(first["hit_y"] - 140) < 30
    assert found.query_seen.shape == (256, 256, 3)


def test_score_is_that_of_a_search(folder, index):
    found = explain_in_index(index, "one.png", "two.png")
    loaded = load_encoder("bundled")
    one, two = loaded.encode_images([Image.open(folder / f"{n}.png") for n in ("one", "two")])
    assert found.score == pytest.approx(-float(np.linalg.norm(one - two)), abs=1e-5)
    assert found.metric == "euclidean"


def test_regions_and_items_are_read_from_their_files(folder, index):
    region = f"{folder / 'one.png'}#60,20,120,90"
    found = explain_in_index(index, region, "two.png")
    assert found.query_box == (0, 0, 120, 90)
    assert found.hit_box == (0, 0, 300, 200)


def test_parts_of_a_query_are_explained_and_drawn_for_a_screen(folder, index):
    with Index.open(index) as opened:
        by_item = explain_hit(opened, QueryItem("one.png", weight=-1.0), "two.png", pairs=3)
        assert by_item.rows() == explain_in_index(index, "one.png", "two.png", pairs=3).rows()
        region = QueryImage(folder / "one.png", Region(60, 20, 120, 90))
        assert explain_hit(opened, region, "two.png").query_box == (0, 0, 120, 90)
        with pytest.raises(StoreError, match="compares one with one"):
            explain_hit(opened, QueryText("galena"), "two.png")
    drawn = [explanation_png(by_item, query_title="a", hit_title="b", dark=d) for d in (0, 1)]
    corners = []
    for png in drawn:
        with Image.open(io.BytesIO(png)) as picture:
            assert picture.width > 2 * picture.height
            corners.append(picture.convert("L").getpixel((0, 0)))
    assert corners[0] > 200
    assert corners[1] < 50


def test_a_file_that_went_away_is_named(tmp_path):
    folder = tmp_path / "s"
    folder.mkdir()
    spotted([(100, 60)]).save(folder / "gone.png")
    spotted([(100, 90)]).save(folder / "here.png")
    index_folder(folder, tmp_path / "i", IndexOptions(adapt=False))
    (folder / "gone.png").unlink()
    with pytest.raises(SourceError, match=r"gone\.png is not there any more"):
        explain_in_index(tmp_path / "i", "here.png", "gone.png")


def test_words_that_are_nothing_and_sums_are_refused(folder, index):
    with pytest.raises(StoreError, match="neither a file nor the id"):
        explain_query("nothing.png", str(folder / "one.png"))
    with pytest.raises(StoreError, match=r"Did you mean 'one\.png'"):
        explain_in_index(index, "onee.png", "two.png")


class Patchless:
    spec = EncoderSpec(name="flat", family="f", weights="", sha256="", dim=2, transform={})

    def prepare(self, image):
        return np.asarray(image)

    def encode_prepared(self, batch):
        return np.ones((len(batch), 2), np.float32)

    def encode_images(self, images, *, batch_size=32):
        return np.ones((len(images), 2), np.float32)


def test_an_encoder_without_patches_says_so():
    image = Image.new("RGB", (9, 9))
    with pytest.raises(EncoderError, match="flat has no patches"):
        explain(Patchless(), image, image)


@pytest.mark.parametrize(
    ("transform", "size", "box"),
    [
        ({"kind": "squash", "side": 256}, (300, 200), (0, 0, 300, 200)),
        ({"kind": "squash-crop", "squash": 256, "crop": 224}, (512, 256), (32, 16, 448, 224)),
        ({"kind": "resize-crop", "resize": 256, "crop": 224}, (512, 256), (144, 16, 224, 224)),
        ({"kind": "resize-crop", "resize": 224, "crop": 224}, (300, 200), (50, 0, 200, 200)),
    ],
)
def test_what_is_seen_of_an_image(transform, size, box):
    spec = EncoderSpec(name="e", family="f", weights="", sha256="", dim=2, transform=transform)
    assert seen_box(spec, size) == pytest.approx(box)


def test_command_draws_and_lists(folder, index, tmp_path):
    picture = tmp_path / "new" / "why.png"
    command = ["explain", "one.png", "two.png", "-i", str(index), "-o", str(picture)]
    result = CliRunner().invoke(app, [*command, "--format", "json", "--pairs", "4"])
    assert result.exit_code == 0, result.output
    values = json.loads(result.stdout)
    assert values["encoder"] == "bundled"
    assert 1 <= len(values["pairs"]) <= 4
    assert 0 < values["mutual"] <= 1
    with Image.open(picture) as drawn:
        assert drawn.width > 1000
        assert len(drawn.convert("RGB").getcolors(1 << 24)) > 100


def test_images_without_anything_in_them_are_drawn_too(folder, tmp_path):
    found = explain_query(str(folder / "blank.png"), str(folder / "blank.png"))
    save_explanation(tmp_path / "b.png", found, query_title="x" * 300, hit_title="b")
    with pytest.raises(SourceError, match="cannot be drawn"):
        save_explanation(tmp_path / "b.gif", found, query_title="a", hit_title="b")
