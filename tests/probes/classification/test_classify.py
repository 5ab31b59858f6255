"""Items, images and other indexes classified by the labelled items of an index."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from classify_index import GREYS
from fakes import FakeEncoder, solid
from PIL import Image

from georetrieve.errors import (
    IndexNotFoundError,
    SourceError,
    SpecMismatchError,
    StoreError,
)
from georetrieve.indexing.build import index_folder
from georetrieve.indexing.options import IndexOptions
from georetrieve.probes.classification import left_out, linear, queries
from georetrieve.probes.classification.queries import open_queries
from georetrieve.probes.classification.run import ClassifyOptions, classify
from georetrieve.probes.vote import VoteRule
from georetrieve.search import Index
from georetrieve.types import Item

DISTANCE = VoteRule("distance")
ONE = ClassifyOptions(k=1, rule=DISTANCE)


def rows_of(index, asked="unlabelled", options=ONE, where=None):
    result = classify(index, open_queries(index, asked, where=where), options, asked=asked)
    return {row["id"]: row for row in result.rows()}, result


def test_unlabelled_items_by_hand(index):
    rows, result = rows_of(index, options=ClassifyOptions(k=3, rule=DISTANCE))
    assert set(rows) == {"c/coal.png", "c/chalk.png", "c/grey.png"}
    coal = rows["c/coal.png"]
    assert coal["label"] == "dark"
    # Levels 5, 15 and 220 away: inverses 1/5, 1/15, 1/220.
    dark, light = 1 / 5 + 1 / 15, 1 / 220
    assert coal["probability"] == pytest.approx(dark / (dark + light), rel=1e-5)
    assert coal["runner_up"] == "light"
    assert coal["runner_up_probability"] == pytest.approx(light / (dark + light), rel=1e-5)
    assert coal["nearest"] == "a/black.png"
    assert coal["distance"] == pytest.approx(12**0.5 * 5 / 255, rel=1e-5)
    assert [voter["id"] for voter in coal["voters"]] == ["a/black.png", "a/night.png", "b/snow.png"]
    assert [voter["label"] for voter in coal["voters"]] == ["dark", "dark", "light"]
    assert coal["voters"][0]["score"] == -coal["distance"]
    assert sum(voter["weight"] for voter in coal["voters"]) == pytest.approx(1)
    assert result.counts() == {"dark": 2, "light": 1}
    assert (result.metric, result.encoder) == ("euclidean", "fake")


def test_far_from_anything_labelled(index):
    # Labelled items are 20, 20, 30 and 30 levels from one of the other slide; grey is 100 away.
    rows, result = rows_of(index)
    far = {one: (row["percentile"], row["far"]) for one, row in rows.items()}
    assert far == {"c/coal.png": (0, False), "c/chalk.png": (0, False), "c/grey.png": (100, True)}
    assert result.far.sum() == 1
    assert any("flagged once in 5" in remark for remark in result.remarks)


def test_one_voter_leaves_no_runner_up(index):
    rows, _ = rows_of(index)
    assert rows["c/coal.png"]["probability"] == 1
    assert rows["c/coal.png"]["runner_up"] is None


@pytest.mark.parametrize("probe", ["knn", "centroid", "linear"])
def test_every_probe_gives_the_same_kind_of_result(index, probe):
    rows, result = rows_of(index, options=ClassifyOptions(probe=probe, rule=DISTANCE))
    assert {one: row["label"] for one, row in rows.items() if one != "c/grey.png"} == {
        "c/coal.png": "dark",
        "c/chalk.png": "light",
    }
    assert rows["c/coal.png"]["nearest"] == "a/black.png"
    assert result.probe.startswith(probe)
    assert bool(rows["c/coal.png"]["voters"]) is (probe == "knn")
    for row in rows.values():
        assert row["probability"] + row["runner_up_probability"] == pytest.approx(1)


def test_softmax_ranks_by_cosine_whatever_the_encoder_compares_by(index):
    _, result = rows_of(index, options=ClassifyOptions(k=2))
    assert (result.metric, index.manifest.encoder().metric) == ("cosine", "euclidean")
    assert (result.items.distances <= 2).all()


def test_k_is_chosen_and_said(index):
    _, result = rows_of(index, options=ClassifyOptions(rule=DISTANCE))
    assert "k = 1, " in result.probe
    assert any("chosen of 1, 3" in remark and "2 groups" in remark for remark in result.remarks)


def test_more_neighbours_than_labelled_items(index):
    rows, result = rows_of(index, options=ClassifyOptions(k=99, rule=DISTANCE, voters=99))
    assert len(rows["c/coal.png"]["voters"]) == 4
    assert "k = 99, but 4 items are labelled: all vote" in result.remarks
    fewer, _ = rows_of(index, options=ClassifyOptions(k=99, rule=DISTANCE, voters=0))
    assert fewer["c/coal.png"]["voters"] == []
    assert fewer["c/coal.png"]["probability"] == rows["c/coal.png"]["probability"]


def test_a_condition_holds_before(index):
    assert set(rows_of(index, where="path LIKE '%coal%' OR label = 'dark'")[0]) == {"c/coal.png"}
    with pytest.raises(StoreError, match=r"'pth > 3'.*Columns:"):
        rows_of(index, where="pth > 3")


def test_nothing_to_classify_is_no_error(make_index):
    labelled = {name: grey for name, grey in GREYS.items() if grey[2]}
    with make_index(labelled) as index:
        rows, result = rows_of(index)
        assert (rows, len(result), result.counts()) == ({}, 0, {})


def test_nothing_labelled_is_one_line(make_index):
    with (
        make_index({"a.png": (3, None, None), "b.png": (4, None, "")}) as index,
        pytest.raises(StoreError, match=r"'slides' has no labelled item.*--labels"),
    ):
        rows_of(index)


def test_three_images_one_of_them_labelled(make_index):
    greys = {"a.png": (0, None, "dark"), "b.png": (9, None, None), "c.png": (99, None, None)}
    with make_index(greys) as index:
        rows, result = rows_of(index, options=ClassifyOptions())
        for row in rows.values():
            assert (row["label"], row["probability"], row["runner_up"]) == ("dark", 1, None)
            assert (row["percentile"], row["far"]) == (None, None)
        assert not result.far.any()
        assert any("all labelled items are 'dark'" in remark for remark in result.remarks)
        assert any("far: unknown" in remark for remark in result.remarks)


@pytest.mark.parametrize("probe", ["knn", "centroid", "linear"])
def test_one_class_and_classes_of_one_member(make_index, probe):
    options = ClassifyOptions(probe=probe)
    one = {f"{n}.png": (10 * n, None, "only" if n < 3 else None) for n in range(4)}
    with make_index(one, "one") as index:
        assert rows_of(index, options=options)[0]["3.png"]["probability"] == 1
    each = {f"{n}.png": (60 * n, None, f"class {n}" if n < 3 else None) for n in range(4)}
    with make_index(each, "each") as index:
        assert rows_of(index, options=options)[0]["3.png"]["label"] == "class 2"


def test_ten_thousand_classes(make_index, monkeypatch):
    # A label a vector; the unlabelled one is the copy of one of them.
    monkeypatch.setattr(left_out, "LOOKED_UP", 200)
    rng = np.random.default_rng(0)
    with make_index({}) as index:
        spec = index.manifest.encoder()
        vectors = rng.standard_normal((10_001, spec.dim)).astype(np.float32)
        vectors[-1] = vectors[1234]
        items = [
            Item(path=f"{n}.png", kind="image", label=f"taxon {n}" if n < 10_000 else None)
            for n in range(10_001)
        ]
        index.store.add_items(items, {spec.column: vectors})
        for options in (ClassifyOptions(rule=DISTANCE), ClassifyOptions(probe="centroid")):
            rows, _ = rows_of(index, options=options)
            assert rows["10000.png"]["label"] == "taxon 1234"
            assert rows["10000.png"]["distance"] == 0
        monkeypatch.setattr(linear, "MAX_SHARES", 1 << 20)
        with pytest.raises(StoreError, match="knn or the centroid"):
            rows_of(index, options=ClassifyOptions(probe="linear"))


# --- images, folders ------------------------------------------------------------------------------


def test_a_folder_of_images_goes_on_after_a_bad_one(index, folder):
    rows, result = rows_of(index, str(folder / "new"))
    assert {one: row["label"] for one, row in rows.items()} == {
        "soot.png": "dark",
        "milk.png": "light",
    }
    assert [path for path, _ in result.failed] == ["torn.png"]
    assert rows["soot.png"]["distance"] == pytest.approx(12**0.5 * 3 / 255, rel=1e-5)


def test_a_single_image(index, folder):
    rows, _ = rows_of(index, str(folder / "new" / "soot.png"))
    assert rows["soot.png"]["label"] == "dark"
    with pytest.raises(SourceError, match=r"^torn\.png: is not .*Nothing is left to classify\."):
        rows_of(index, str(folder / "new" / "torn.png"))


def test_a_folder_of_bad_files_alone(index, folder):
    for name in ("soot.png", "milk.png"):
        (folder / "new" / name).write_text("no image")
    with pytest.raises(SourceError, match=r"milk\.png: .*the first of 3 that cannot be read"):
        rows_of(index, str(folder / "new"))


def test_an_image_of_the_index_has_no_vote_on_itself(index, folder):
    rows, _ = rows_of(index, str(folder / "a" / "black.png"))
    assert rows["black.png"]["nearest"] == "a/night.png"
    rows, _ = rows_of(index, str(folder), ClassifyOptions(k=4, rule=DISTANCE))
    assert rows["a/black.png"]["voters"][0]["id"] == "a/night.png"
    assert len(rows["new/soot.png"]["voters"]) == 4
    assert len(rows["a/black.png"]["voters"]) == 3
    assert rows["a/black.png"]["probability"] < 1


def test_files_that_cannot_be(index, folder, tmp_path):
    with pytest.raises(SourceError, match=r"gone\.png does not exist.*'unlabelled'"):
        open_queries(index, str(tmp_path / "gone.png"))
    with pytest.raises(IndexNotFoundError, match="no index"):
        open_queries(index, "unlabeled")
    with pytest.raises(SourceError, match="--where"):
        open_queries(index, str(folder), where="depth > 3")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="no image"):
        open_queries(index, str(tmp_path / "empty"))


def test_images_are_encoded_in_batches_as_one_by_one(index, tmp_path, monkeypatch):
    monkeypatch.setattr(queries, "ENCODED_TOGETHER", 2)
    for level in range(0, 250, 50):
        solid(level, level, level).save(tmp_path / f"{level:03}.png")
    batches = list(open_queries(index, str(tmp_path)).batches())
    assert [len(batch.ids) for batch in batches] == [2, 2, 1]
    assert [one for batch in batches for one in batch.ids] == [
        f"{level:03}.png" for level in range(0, 250, 50)
    ]


def grain(level):
    """A tile that is not blank, of some mean level."""
    noise = np.random.default_rng(level).integers(-40, 40, (64, 64, 3))
    return Image.fromarray((level + noise).astype(np.uint8))


def test_files_are_cut_as_those_of_the_index_are(tmp_path, fake_family):
    images = tmp_path / "images"
    for name, level in {"dark": 60, "light": 160}.items():
        (images / name).mkdir(parents=True)
        grain(level).save(images / name / "all.png")
    cutting = {"items": "tiles", "tile_px": 64}
    options = IndexOptions(encoder="fake", labels="folder", cutting=cutting)
    index_folder(images, tmp_path / "tiles", options)
    halves = Image.new("RGB", (128, 64))
    halves.paste(grain(70), (0, 0))
    halves.paste(grain(150), (64, 0))
    halves.save(tmp_path / "halves.png")
    with Index.open(tmp_path / "tiles") as tiles:
        rows, _ = rows_of(tiles, str(tmp_path / "halves.png"))
    assert {one: row["label"] for one, row in rows.items()} == {
        "halves.png#0,0,64,64": "dark",
        "halves.png#64,0,64,64": "light",
    }


# --- another index --------------------------------------------------------------------------------


def test_another_index_with_the_same_encoder(index, make_index):
    with make_index({"x.png": (9, None, None), "y.png": (200, None, "light")}, "other") as other:
        rows, _ = rows_of(index, str(other.path))
        assert {one: row["label"] for one, row in rows.items()} == {
            "x.png": "dark",
            "y.png": "light",
        }
        rows, _ = rows_of(index, str(other.path), where="label IS NULL")
        assert set(rows) == {"x.png"}


def test_another_encoder_is_refused_by_name(index, make_index):
    with (
        make_index({"x.png": (9, None, None)}, "other", FakeEncoder(3, "fake3")) as other,
        pytest.raises(SpecMismatchError, match=r"'other' has no vectors of fake \(.*fake3"),
    ):
        open_queries(index, str(other.path))


def test_the_same_encoder_under_another_name_is_the_same(index, make_index):
    encoder = FakeEncoder()
    encoder.spec = replace(encoder.spec, name="fake under another name")
    with make_index({"x.png": (9, None, None)}, "other", encoder) as other:
        assert set(rows_of(index, str(other.path))[0]) == {"x.png"}


def test_the_index_itself_is_refused(index):
    with pytest.raises(StoreError, match="unlabelled"):
        open_queries(index, str(index.path))


def test_items_without_a_vector_are_counted(index, make_index):
    index.store.add_items([Item(path="bare.png", kind="image")], {})
    rows, result = rows_of(index)
    assert "bare.png" not in rows
    assert "1 items have no fake vector and are not classified" in result.remarks


# --- what comes out -------------------------------------------------------------------------------


def test_json_and_csv_say_the_same(index):
    _, result = rows_of(index, options=ClassifyOptions(k=2, rule=DISTANCE))
    text = io.StringIO()
    result.write_json(text)
    said = json.loads(text.getvalue())
    assert said["items"] == list(result.rows())
    assert said["counts"] == {"dark": 2, "light": 1}
    assert (said["far"], said["failed"]) == (1, [])
    assert said["probe"] == result.probe
    text = io.StringIO()
    result.write_csv(text)
    lines = list(csv.DictReader(io.StringIO(text.getvalue())))
    assert [line["id"] for line in lines] == [row["id"] for row in said["items"]]
    assert [json.loads(line["voters"]) for line in lines] == [r["voters"] for r in said["items"]]
    assert [float(line["probability"]) for line in lines] == [
        row["probability"] for row in said["items"]
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (ClassifyOptions(far_percentile=101), "percentile of 101"),
        (ClassifyOptions(voters=-1), "-1 voters"),
        (ClassifyOptions(k=0), "k = 0"),
        (ClassifyOptions(probe="centroid", rule=VoteRule("uniform")), "weigh alike"),
    ],
)
def test_options_out_of_range(index, options, words):
    with pytest.raises(StoreError, match=words):
        rows_of(index, options=options)
