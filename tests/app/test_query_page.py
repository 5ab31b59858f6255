"""The query page in Streamlit's AppTest: whatever a URL or a file says, one sentence."""

import struct
import zlib
from pathlib import Path

import pytest
from trained_dual import ores_index, trained_weights

from georetrieve.labelling import give_labels
from georetrieve.search import Index
from georetrieve.stores.lance import IndexStore

SPECIMEN = "slide_00.tif#2464,16,126,148"
HOSTILE = [
    "../../etc/passwd",
    "<img src=x onerror=alert(1)>",
    "**a** :red[b] $x$",
    "x' OR '1'='1",
    "x" * 400_000,  # of longer ones Streamlit takes no notice
]


@pytest.fixture
def query(page_test):
    def run(**parameters):
        tested = page_test("query", **parameters)
        assert not tested.exception
        return tested

    return run


def png_of_zeros(width, height):
    """A grey PNG whose header says this size, with a few rows of zeros."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(width + 1) * 64)), (b"IEND", b""))
    parts = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def picture_files(index):
    """Two images of the sample slides as a browser would send them."""
    root = Path(IndexStore.open(index).manifest.sources[0].root)
    paths = sorted(root.glob("crops/massula/*.png"))[:2]
    return [(path.name, path.read_bytes(), "image/png") for path in paths]


def errors(tested):
    return [one.value.replace("\\", "") for one in tested.error]


def found(tested):
    """The line over the neighbours; "" if there are none."""
    lines = [one.value.replace("\\", "") for one in tested.caption]
    return next((line for line in lines if "neighbours" in line), "")


def test_without_a_query_it_says_how_to_ask(query):
    tested = query()
    assert "Drop, paste or upload an image" in tested.info[0].value
    assert not tested.error
    assert found(tested) == ""


def test_an_item_has_neighbours(query):
    tested = query(like=SPECIMEN, k="7")
    assert found(tested).startswith("7 neighbours · bundled")


def test_words_need_an_encoder_that_takes_them(query):
    tested = query()
    assert tested.text_input(key="text").disabled
    said = [one.help.replace("\\", "") for one in tested.caption]
    assert any("bundled has no texts" in line and "encoders pull" in line for line in said)


def test_ids_that_are_none_are_one_sentence_each(query):
    tested = query(like=HOSTILE[:2], unlike=HOSTILE[2:])
    lines = errors(tested)
    assert len(lines) == len(HOSTILE)
    assert all(line.startswith("There is no item ") and len(line) < 300 for line in lines)
    assert found(tested) == ""


def test_the_rest_of_a_query_waits_until_what_is_wrong_is_taken_out(query):
    tested = query(like=[SPECIMEN, "nothing.png"])
    assert errors(tested) == [
        "There is no item 'nothing.png' in this index; take it out of the query."
    ]
    assert found(tested) == ""


@pytest.fixture
def asked_for(monkeypatch):
    """The queries that the page searches by."""
    searched, search = [], Index.search
    monkeypatch.setattr(
        Index, "search", lambda *words, **more: searched.append(words[1]) or search(*words, **more)
    )
    return searched


def test_parts_count_what_the_url_says(query, asked_for, sample_slides):
    others = IndexStore.open(sample_slides).scan(["id"], "kind = 'specimen'", limit=4)
    others = [one for one in others.column("id").to_pylist() if one != SPECIMEN][:3]
    query(like=[SPECIMEN, others[0]], unlike=others[1], weights="1,2,0.5", k="3")
    query(like=[SPECIMEN, others[0]], unlike=others[1], weights=",2", k="4")
    query(like=SPECIMEN, weights="1,9,<b>", region=["-0,0,300,300"], of=[SPECIMEN], k="5")
    assert [[part.weight for part in one.parts] for one in asked_for] == [
        [1, 2, -0.5],
        [1, 2, -1],
        [1, -9],
    ]


@pytest.mark.parametrize("weight", ["0", "-1", "nan", "inf", "1e9", "<b>two</b>", "9" * 10_000])
def test_weights_that_are_none_are_one_sentence(query, weight):
    tested = query(like=SPECIMEN, weights=weight)
    (line,) = errors(tested)
    assert line.startswith("The address has a part count ")
    assert len(line) < 300


def test_regions_of_items_are_looked_for(query):
    tested = query(region=["0,0,300,300", "-9,9,90,90"], of=[SPECIMEN, SPECIMEN], k="3")
    assert not tested.error
    assert found(tested).startswith("3 neighbours")


WRONG_REGIONS = [
    ("0,0,300", SPECIMEN, "is not of the form x,y,width,height"),
    ("<b>", SPECIMEN, "is not of the form"),
    ("0,0,0,9", SPECIMEN, "is empty"),
    ("9999999,0,300,300", SPECIMEN, "lies outside"),
    ("1" * 90 + ",0,300,300", SPECIMEN, "lies outside"),
    ("z=3,0,0,50,50", SPECIMEN, "is no volume"),
    ("0,0,300,300", "../../etc/passwd", "There is no item '../../etc/passwd'"),
    ("0,0,50,50", "upload:no such", "no longer kept"),
    ("0,0,50,50", "", "There is no item ''"),
]


def test_regions_that_are_none_are_one_sentence_each(query):
    regions, of, said = zip(*WRONG_REGIONS, strict=True)
    tested = query(region=list(regions), of=list(of))
    lines = errors(tested)
    assert len(lines) == len(WRONG_REGIONS)
    for line, words in zip(lines, said, strict=True):
        assert words in line
    assert found(tested) == ""


def test_a_region_of_a_volume_is_of_the_slice_of_its_item(query):
    tested = query(region="10,10,100,100", of="ct_sandstone.tif#z=5,0,0,320,320", k="3")
    assert not tested.error
    assert found(tested).startswith("3 neighbours")


def test_uploads_of_others_are_none(query):
    lines = errors(query(upload=["0" * 24, "-../../etc/passwd"]))
    assert len(lines) == 1  # said once
    assert "no longer kept" in lines[0]


def test_what_was_uploaded_is_looked_for(query, sample_slides):
    files = picture_files(sample_slides)
    tested = query(k="5")
    tested.file_uploader[0].set_value(files).run()
    assert not tested.exception
    assert found(tested).startswith("5 neighbours")
    tokens = tested.query_params["upload"]
    assert len(tokens) == len(set(tokens)) == 2
    assert not any(name in token for name, _, _ in files for token in tokens)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("<b>x.png", b"no image", "<b>x.png is not an image"),
        ("cut.png", png_of_zeros(64, 64)[:60], "cut.png cannot be decoded"),
        ("bomb.png", png_of_zeros(60_000, 60_000), "bomb.png claims 60000×60000 pixels"),
    ],
    ids=["no image", "cut short", "bomb"],
)
def test_what_cannot_be_taken_is_one_sentence(query, name, data, said):
    tested = query()
    tested.file_uploader[0].set_value((name, data, "image/png")).run()
    assert not tested.exception
    (line,) = errors(tested)
    assert said in line
    assert "upload" not in tested.query_params
    assert "Drop, paste or upload" in tested.info[0].value


def test_more_parts_than_anyone_means_are_refused(query):
    (line,) = errors(query(like=["a"] * 40))
    assert "40 images" in line


def test_settings_are_those_of_the_url(query):
    tested = query(like=SPECIMEN, elsewhere="true", where="no_such = 1")
    assert tested.toggle(key="elsewhere").value
    assert "The condition" in errors(tested)[0]
    tested = query(like=SPECIMEN, elsewhere="true", where="kind = 'specimen'", k="500")
    count = int(found(tested).split()[0])
    assert 0 < count < 200  # the other slide's specimens only


def test_nothing_left_by_a_filter_is_said(query):
    tested = query(like=SPECIMEN, where="label = 'unicorn'")
    assert "take a filter away" in tested.info[0].value


def test_what_looks_like_markup_is_shown_as_it_is(query, own_slides):
    label = "<img src=x onerror=alert(1)> **a** :red[b] $x$"
    give_labels(own_slides, {SPECIMEN: label}, who="tester")
    like = "slide_00.tif#3160,660,122,142"
    tested = query(index=own_slides, like=like, where="label LIKE '<img%'")
    assert found(tested).startswith("1 neighbours")
    shown = [one.value for one in [*tested.markdown, *tested.caption, *tested.error]]
    assert not any("<img" in text and "\\<img" not in text for text in shown)


# --- words --------------------------------------------------------------------------------------


@pytest.fixture
def ores(query, monkeypatch):
    monkeypatch.setenv("GEORETRIEVE_WEIGHTS", str(trained_weights()))
    return lambda **parameters: query(index=ores_index(), **parameters)


def test_words_find_what_they_name(ores):
    tested = ores(text="lead glance")
    assert "of the 52 nearest fit the words" in found(tested)
    assert not tested.info


def test_nothing_here_is_said_and_the_nearest_shown_on_request(ores):
    tested = ores(text="covellite")
    assert tested.info[0].value.replace("\\", "").startswith("Nothing here shows “covellite”")
    tested.toggle(key="all").set_value(True).run()
    assert found(tested).startswith("24 neighbours")
    assert not tested.info


def test_words_are_mixed_with_items(ores):
    tested = ores(text="galena", unlike="quartz/00.png")
    assert not tested.error
    assert found(tested).startswith("24 neighbours") or "fit the words" in found(tested)


def test_words_that_are_none_are_one_sentence(ores):
    assert "has no words after '-'" in errors(ores(text="galena -"))[0]
