"""Items of an index named by words, from the probe to the command."""

import csv
import io
import json

import numpy as np
import pytest
import torch
from dual_fakes import DUAL_FAMILY, DualEncoder
from fakes import FakeEncoder, solid
from published_models import CLIP, SIGLIP, save_open_clip
from typer.testing import CliRunner

from georetrieve.cli.app import app
from georetrieve.encoders import registry
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import EncoderError
from georetrieve.indexing.build import index_folder
from georetrieve.indexing.options import IndexOptions
from georetrieve.probes.zero_shot import PresenceRule, all_items, name_items
from georetrieve.search import Index
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest
from georetrieve.types import Item

# Of two colours, one stronger; grey is as near to all.
COLOURS = {
    "a-red.png": (200, 0, 0),
    "b-reddish.png": (200, 120, 0),
    "c-green.png": (0, 200, 40),
    "d-blue.png": (0, 0, 250),
}
PICTURES = [solid(*colour) for colour in COLOURS.values()]
NAMES = ["red", "green", "blue"]


@pytest.fixture
def dual(monkeypatch):
    monkeypatch.setattr(registry, "FAMILIES", (*registry.FAMILIES, DUAL_FAMILY))


def make_index(path, *encoders):
    specs = tuple(encoder.spec for encoder in encoders)
    store = IndexStore.create(path, Manifest(name=path.name, encoders=specs))
    items = [Item(path=name, kind="image") for name in COLOURS]
    store.add_items(items, {one.spec.column: one.encode_images(PICTURES) for one in encoders})
    return path


@pytest.fixture
def index(tmp_path, dual):
    with Index.open(make_index(tmp_path / "colours", DualEncoder())) as opened:
        yield opened


def test_the_best_name_and_the_runner_up(index):
    naming = name_items(index, all_items(index), NAMES)
    rows = list(naming.rows())
    assert [row["id"] for row in rows] == list(COLOURS)
    assert [row["name"] for row in rows] == ["red", "red", "green", "blue"]
    assert [row["runner_up"] for row in rows][1:3] == ["green", "blue"]
    length = (200**2 + 120**2) ** 0.5
    logits = 10 * np.array([200, 120, 0]) / length
    shares = np.exp(logits) / np.exp(logits).sum()
    assert rows[1]["probability"] == pytest.approx(shares[0], rel=1e-5)
    assert rows[1]["runner_up_probability"] == pytest.approx(shares[1], rel=1e-5)
    assert rows[1]["cosine"] == pytest.approx(200 / length, rel=1e-5)
    assert naming.counts() == {"red": 2, "green": 1, "blue": 1}
    assert naming.prompts[0][0] == "red"


def test_all_names_that_apply_best_first(index):
    naming = name_items(index, all_items(index), NAMES, rule=PresenceRule(by="top", k=2))
    rows = list(naming.rows())
    assert rows[1]["names"] == "red; green"
    assert (rows[1]["count"], rows[1]["best"]) == (2, "red")
    assert [word["probability"] for word in rows[1]["words"]] == [None, None]
    assert sum(naming.counts().values()) == 8


def test_an_item_may_have_no_name(tmp_path, dual):
    path = make_index(tmp_path / "colours", DualEncoder("dual-sigmoid", bias=-8.0))
    with Index.open(path) as opened:
        rule = PresenceRule(by="sigmoid", probability=0.6)  # 10 × cosine - 8 > 0.405
        rows = list(name_items(opened, all_items(opened), NAMES, rule=rule).rows())
    assert [row["names"] for row in rows] == ["red", "red", "green", "blue"]
    with Index.open(path) as opened:
        rule = PresenceRule(by="sigmoid", probability=0.7)  # cosine > 0.885
        rows = list(name_items(opened, all_items(opened), NAMES, rule=rule).rows())
    assert [row["names"] for row in rows] == ["red", "", "green", "blue"]
    assert rows[1]["best"] is None
    assert rows[0]["words"][0]["probability"] == pytest.approx(1 / (1 + np.exp(-2)), rel=1e-5)


def test_one_name_has_no_runner_up(index):
    rows = list(name_items(index, all_items(index), ["red"]).rows())
    assert {row["runner_up"] for row in rows} == {None}
    assert {row["probability"] for row in rows} == {1.0}


def test_blocks_of_many_names_give_what_one_block_does(index, monkeypatch):
    whole = list(name_items(index, all_items(index), NAMES).rows())
    monkeypatch.setattr("georetrieve.probes.classification.interface.SHARES_AT_ONCE", 3)
    assert list(name_items(index, all_items(index), NAMES).rows()) == whole


def test_no_item_is_no_name(index):
    none = all_items(index, where="id = 'no'")
    for rule in (None, PresenceRule()):
        naming = name_items(index, none, NAMES, rule=rule)
        assert (len(naming), list(naming.rows()), naming.counts()) == (0, [], {})


def test_an_index_without_texts_says_what_to_use(tmp_path, fake_family):
    with (
        Index.open(make_index(tmp_path / "mute", FakeEncoder())) as opened,
        pytest.raises(EncoderError, match="no texts"),
    ):
        name_items(opened, all_items(opened), NAMES)


def test_the_first_column_with_texts_is_taken_and_said(tmp_path, dual, fake_family):
    with Index.open(make_index(tmp_path / "both", FakeEncoder(), DualEncoder())) as opened:
        naming = name_items(opened, all_items(opened), NAMES)
    assert naming.encoder == "dual"
    assert [row["name"] for row in naming.rows()] == ["red", "red", "green", "blue"]
    assert any("fake has no texts" in line for line in naming.remarks)


@pytest.mark.parametrize("arch", [CLIP, SIGLIP])
def test_probabilities_are_those_of_open_clip(tmp_path, monkeypatch, arch):
    root = tmp_path / "weights"
    root.mkdir()
    monkeypatch.setenv("GEORETRIEVE_WEIGHTS", str(root))
    name, _, model = save_open_clip(root, arch)
    images = tmp_path / "images"
    images.mkdir()
    for file, colour in COLOURS.items():
        solid(*colour, size=(200, 180)).save(images / file)
    runtime = Runtime(device="cpu")
    index_folder(images, tmp_path / "index", IndexOptions(encoder=name, runtime=runtime))
    names = ["quartz", "ooid", "shell"]
    rule = None if arch == CLIP else PresenceRule(by="sigmoid", probability=0.0)
    with Index.open(tmp_path / "index", runtime=runtime) as opened:
        naming = name_items(opened, all_items(opened), names, rule=rule, style="raw")
        _, vectors = opened.store.vectors(opened.manifest.encoder().column)
        tokenizer = opened.encoder()._tokenizer
    with torch.inference_mode():
        texts = model.encode_text(tokenizer(names), normalize=True)
        logits = model.logit_scale.exp() * torch.from_numpy(vectors) @ texts.T
        if arch == CLIP:
            expected = logits.softmax(dim=-1).numpy()
        else:
            expected = torch.sigmoid(logits + model.logit_bias).numpy()
    for row, shares in zip(naming.rows(), expected, strict=True):
        for word in row["words"]:
            assert word["probability"] == pytest.approx(shares[names.index(word["name"])], abs=1e-4)


def run(*words, code=0):
    answer = CliRunner().invoke(app, list(words))
    assert answer.exit_code == code, (answer.output, answer.exception)
    return answer


def test_the_command_prints_tables_json_and_csv(index):
    words = ("name", str(index.path), "--words", "red,green,blue,blues", "--device", "cpu")
    table = run(*words)
    assert "a-red.png" in table.stdout
    assert "'blues' is the same as 'blue' and left out" in table.stderr
    assert "4 items named by dual, the best one: 2 red, 1 green, 1 blue" in table.stderr
    found = json.loads(run(*words, "--format", "json").stdout)
    assert [item["name"] for item in found["items"]] == ["red", "red", "green", "blue"]
    assert found["prompts"]["red"][0] == "red"
    lines = list(csv.DictReader(io.StringIO(run(*words, "--format", "csv").stdout)))
    assert [line["name"] for line in lines] == ["red", "red", "green", "blue"]


def test_the_command_gives_several_names(index):
    answer = run(
        "name", str(index.path), "--words", "red,green", "--several", "--by", "top", "-k", "2",
        "--where", "id = 'b-reddish.png'", "--format", "csv",
    )  # fmt: skip
    (line,) = csv.DictReader(io.StringIO(answer.stdout))
    assert (line["id"], line["names"], line["count"]) == ("b-reddish.png", "red; green", "2")


def test_the_command_names_images_that_are_not_indexed(index, tmp_path):
    solid(0, 250, 0).save(tmp_path / "new.png")
    answer = run(
        "name", str(index.path), "--words", "red,green", "--queries", str(tmp_path / "new.png"),
        "--format", "json",
    )  # fmt: skip
    (item,) = json.loads(answer.stdout)["items"]
    assert item["name"] == "green"
