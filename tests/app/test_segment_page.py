"""The segment page in AppTest: what may come from a URL or a file, and what it says to it."""

import json
from functools import partial

import numpy as np
import pytest
from PIL import Image

from georetrieve.errors import SourceError

GRANITE = "section_00_granite"


@pytest.fixture
def page_test(page_test, own_slides):
    """The page over an index of the test's own: clicks are kept with it."""
    return partial(page_test, index=own_slides)


def desk_of(tested):
    from app.segment_desk import _desks

    token = tested.query_params["desk"]
    token = token[0] if isinstance(token, list) else token
    return next(desk for (one, _), desk in _desks()[0].items() if one == token)


def test_pairs_of_views_are_offered_as_one(page_test):
    tested = page_test("segment")
    assert not tested.exception
    image = next(one for one in tested.selectbox if one.key == "image")
    assert image.options[0] == f"{GRANITE} (PPL + XPL)"
    assert image.value == GRANITE
    assert next(one for one in tested.button if one.label == "Map").disabled


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "<img src=x onerror=alert(1)>", "x" * 100_000]
)
def test_an_unknown_image_is_none(page_test, name):
    tested = page_test("segment", image=name, segment_mode=name, desk=name, views=name)
    assert not tested.exception
    assert next(one for one in tested.selectbox if one.key == "image").value == GRANITE
    assert "no longer kept" in tested.warning[0].value


def test_one_class_alone_and_hostile_names(page_test):
    tested = page_test("segment")
    draft = desk_of(tested).draft
    draft.add_class("<b>pore</b> **x** $y$")
    draft.click(GRANITE, 10, 10, "<b>pore</b> **x** $y$", reach=1)
    tested.run()
    assert next(one for one in tested.button if one.label == "Map").disabled
    draft.add_class("quartz")
    tested.run()
    next(one for one in tested.button if one.label == "Map").click().run()
    assert not tested.exception
    (error,) = tested.error
    assert "two classes" in error.value
    assert "<b>" not in error.value.replace("\\<", "")


def test_a_file_that_is_gone_is_one_sentence(page_test, monkeypatch):
    def gone(root, path):
        raise SourceError(f"{path} is not there any more; bring the file back.")

    monkeypatch.setattr("app.segment_images.member_files", gone)
    monkeypatch.setattr("georetrieve.serving.shelf.member_files", gone)
    tested = page_test("segment")
    assert not tested.exception
    assert any("is not there any more" in one.value for one in tested.error)


def button(tested, label):
    return next(one for one in tested.button if one.label == label)


def restart():
    """What a new process of the server knows of desks: nothing."""
    from app.segment_desk import _desks

    _desks.clear()


def clicked(tested):
    draft = desk_of(tested).draft
    draft.add_class("quartz")
    draft.click(GRANITE, 10.5, 20, "quartz", reach=1)
    return tested.run()


def earlier(tested):
    return next((one for one in tested.selectbox if one.label == "Earlier clicks"), None)


def test_clicks_and_masks_outlive_the_server(page_test, png):
    tested = clicked(page_test("segment"))
    mask = np.zeros((768, 1024))
    take(tested, "mask.png", png(mask))
    desk = tested.query_params["desk"]
    restart()
    again = page_test("segment", desk=desk)
    assert not again.exception
    assert not again.warning
    draft = desk_of(again).draft
    assert draft.names == ("quartz", "class 0")
    assert [(one.path, one.x, one.y) for one in draft.clicks] == [(GRANITE, 10.5, 20)]
    assert draft.masks[0].file.read_bytes() == png(mask)
    button(again, "Leave the mask out").click().run()
    restart()
    assert not desk_of(page_test("segment", desk=desk)).draft.masks


def test_earlier_clicks_are_offered_to_who_comes_without_a_link(page_test):
    clicked(page_test("segment"))
    restart()
    tested = page_test("segment")
    assert not desk_of(tested).draft.classes
    (option,) = earlier(tested).options
    assert option.endswith(f" · 1 click · {GRANITE}")
    earlier(tested).select_index(0).run()
    assert desk_of(tested).draft.names == ("quartz",)
    assert earlier(tested) is None
    button(tested, "Begin anew").click().run()
    assert not desk_of(tested).draft.classes
    assert len(earlier(tested).options) == 1


def test_clicks_are_cleared_and_brought_back(page_test, own_slides):
    tested = clicked(page_test("segment"))
    button(tested, "Clear all").click().run()
    assert not list((own_slides / "drafts").iterdir())
    button(tested, "Undo").click().run()
    restart()
    assert desk_of(page_test("segment", desk=tested.query_params["desk"])).draft.clicks


def test_two_tabs_on_one_draft_after_a_restart(page_test, own_slides):
    first = clicked(page_test("segment"))
    desk, here = first.query_params["desk"], desk_of(first)
    restart()  # as another server on the same index
    second = page_test("segment", desk=desk)
    there = desk_of(second)
    there.draft.add_class("pore")
    second.run()
    here.draft.add_class("mica")
    from georetrieve.search.drafts import DraftShelf

    here.keep(DraftShelf(own_slides))
    second.run()
    assert there.draft.names == ("quartz", "pore")  # nobody loses what is on the screen
    restart()
    assert desk_of(page_test("segment", desk=desk)).draft.names == ("quartz", "mica")


def test_damaged_clicks_are_said_and_set_aside(page_test, own_slides):
    desk = clicked(page_test("segment")).query_params["desk"]
    desk = desk[0] if isinstance(desk, list) else desk
    (kept,) = (own_slides / "drafts").iterdir()
    kept.write_text(json.dumps({**json.loads(kept.read_text()), "clicks": "<b>none</b>"}))
    restart()
    tested = page_test("segment", desk=desk)
    assert not tested.exception
    (error,) = tested.error
    assert "set aside" in error.value
    assert "<b>" not in error.value.replace("\\<", "")
    assert not clicked(tested).error  # said until it is begun anew
    assert sorted(one.suffix for one in (own_slides / "drafts").iterdir()) == [".damaged", ".json"]


def test_where_nothing_can_be_kept_it_is_said_once(page_test, own_slides):
    (own_slides / "drafts").write_text("no folder, as in an index that may only be read")
    tested = clicked(page_test("segment"))
    (toast,) = tested.toast
    assert "as long as the server runs" in toast.value
    assert desk_of(tested).draft.clicks
    desk_of(tested).draft.add_class("pore")
    tested.run()
    assert not tested.toast
    assert any("Not kept with the index" in one.value for one in tested.caption)
    assert button(tested, "Begin anew").disabled


def take(tested, name, data):
    """Load a file, as a person does."""
    uploader = next(one for one in tested.file_uploader if "mask" in one.label)
    uploader.set_value((name, data, "application/octet-stream")).run()
    assert not tested.exception
    return tested


@pytest.fixture
def png(tmp_path):
    def encoded(values):
        path = tmp_path / "made.png"
        Image.fromarray(np.asarray(values, np.uint8)).save(path)
        return path.read_bytes()

    return encoded


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("clicks.csv", b"path,x,y,class\n,99999,5,quartz\n", "lies outside"),
        ("clicks.csv", b"path,x,y,class\n,one,5,quartz\n", "no number"),
        ("clicks.csv", b"\x00\xff\x00", "clicks"),
        ("outlines.geojson", b"{}", "outlines"),
        ("bomb.png", b"\x89PNG\r\n\x1a\n", "bomb"),
        ("model.segmenter", b"nothing", "model"),
    ],
)
def test_nonsense_is_one_sentence(page_test, name, data, message):
    tested = take(page_test("segment"), name, data)
    (error,) = tested.error
    said = error.value.replace("\\", "")
    assert message in said
    assert "georetrieve-maps" not in said  # nobody is told where files lie here
    assert not desk_of(tested).draft.can_undo


def test_a_mask_of_the_wrong_size(page_test, png):
    tested = take(page_test("segment"), "mask.png", png([[0, 1], [1, 0]]))
    assert "2×2" in tested.error[0].value
    assert not desk_of(tested).draft.masks


def test_masks_and_clicks_are_taken_and_come_back(page_test, png):
    mask = np.zeros((768, 1024))
    mask[:, 500:] = 3
    tested = take(page_test("segment"), "mask.png", png(mask))
    assert not tested.error
    assert desk_of(tested).draft.names == ("class 0", "class 3")
    take(tested, "c.csv", b"path,x,y,class\nother name.png,5,6,<i>quartz</i>\n")
    assert not tested.error
    draft = desk_of(tested).draft
    assert draft.names == ("class 0", "class 3", "<i>quartz</i>")
    assert [(one.path, one.x) for one in draft.clicks] == [(GRANITE, 5)]
    again = page_test("segment", desk=tested.query_params["desk"])
    assert desk_of(again).draft is draft
    next(one for one in again.button if one.label == "Undo").click().run()
    assert not draft.clicks


def marked(tested, image, places):
    """Say what is where, and choose a method that is quick."""
    draft = desk_of(tested).draft
    for name, place in places.items():
        draft.add_class(name)
        draft.click(image, *place, name, reach=1)
    next(one for one in tested.selectbox if one.key == "segment_method").set_value("kmeans")
    return tested.run()


def test_a_model_is_kept_and_maps_another_image(page_test, own_slides):
    tested = page_test("segment")
    desk = desk_of(tested)
    marked(tested, GRANITE, {"quartz": (320, 213), "biotite": (482, 460)})
    button(tested, "Map").click().run()
    assert not tested.exception
    assert not tested.error
    assert len(desk.maps) == 1
    desk.draft.add_class("mica")
    desk.draft.click(GRANITE, 5, 5, "mica", reach=1)
    tested.run()
    assert any("Clicks have changed" in one.value for one in tested.caption)

    next(one for one in tested.text_input if one.key == "segment_keep").set_value("granite").run()
    button(tested, "Keep the model").click().run()
    assert (own_slides / "models" / "granite.segmenter").is_file()
    next(one for one in tested.selectbox if one.key == "image").set_value("section_01_sandstone")
    tested.run()
    next(one for one in tested.selectbox if one.key == "segment_model").set_value("granite").run()
    button(tested, "Map").click().run()
    assert not tested.exception
    assert not tested.error
    assert len(desk.maps) == 2
    made = list(desk.maps.values())[-1]
    assert made.written.name == "section_01_sandstone"
    assert sum(row["percent"] for row in made.written.rows) == pytest.approx(100, abs=0.01)


def test_an_image_of_ones_own(page_test, tmp_path):
    tested = page_test("segment")
    sent = []
    for view, greys in {"ppl": (40, 200), "xpl": (90, 20)}.items():
        path = tmp_path / f"{view}.png"
        pixels = np.repeat([[greys[0]] * 30 + [greys[1]] * 30], 40, axis=0)
        Image.fromarray(pixels.astype(np.uint8)).save(path)
        sent.append((f"<i>own<i>_{view}.png", path.read_bytes(), "image/png"))
    next(one for one in tested.file_uploader if one.key == "segment_upload").set_value(sent).run()
    assert not tested.exception
    image = next(one for one in tested.selectbox if one.key == "image")
    assert image.value == "upload <i>own<i>"
    marked(tested, image.value, {"pore": (5, 20), "quartz": (50, 20)})
    button(tested, "Map").click().run()
    assert not tested.exception
    assert not tested.error
    (made,) = desk_of(tested).maps.values()
    assert [row["percent"] for row in made.written.rows] == [50, 50]
    assert made.written.files[0].name.startswith("<i>own<i>")
