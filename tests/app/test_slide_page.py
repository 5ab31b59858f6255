"""The slide page without a browser: what is asked for wrongly, what is gone, volumes."""

import json
import shutil

import pytest

CYST = "slide_00.tif#3568,612,156,182"


def test_item_is_found_with_its_file_and_facts(page_test):
    page = page_test("slide", item=CYST)
    assert not page.exception
    assert not page.error
    assert page.selectbox(key="file").value == "slide_00.tif"
    assert any("specimen, 78 × 91 µm" in one.value for one in page.caption)


@pytest.mark.parametrize(
    "item", ["../../etc/passwd", "<img src=x onerror=alert(1)>", "x" * 100_000, "slide_00.tif"]
)
def test_unknown_items_are_one_sentence(page_test, item):
    page = page_test("slide", item=item)
    assert not page.exception
    (error,) = page.error
    assert "There is no item" in error.value
    assert len(error.value) < 2100  # of which the id is cut at 2,000
    assert "<img" not in error.value.replace("\\<", "")  # escaped
    assert page.selectbox(key="file").value  # the page is there all the same


def test_unknown_file_of_the_url_is_passed_over(page_test):
    page = page_test("slide", file="../../etc/passwd")
    assert not page.exception
    assert page.selectbox(key="file").value == "slide_00.tif"


def test_slide_that_is_gone_is_one_sentence_and_its_items_are_still_there(
    page_test, sample_slides, tmp_path
):
    index = shutil.copytree(sample_slides, tmp_path / "indexes" / "samples")
    manifest = json.loads((index / "manifest.json").read_text(encoding="utf-8"))
    manifest["sources"][0]["root"] = str(tmp_path / "moved")
    (index / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    page = page_test("slide", index=index, item=CYST)
    assert not page.exception
    (error,) = page.error
    assert "slide\\_00\\.tif" in error.value
    assert "is not there any more" in error.value
    assert any("specimen" in one.value for one in page.caption)
    assert "slide_mode" not in [one.key for one in page.segmented_control]


def test_slices_of_a_volume_are_stepped_through(page_test):
    page = page_test("slide", file="ct_sandstone.tif", slice="7")
    assert not page.exception
    assert not page.error
    slider = page.select_slider(key="slice")
    assert slider.value == 7
    assert len(slider.options) == 48
    slider.set_value(9).run()
    assert not page.exception
    assert page.button(key="slide_query")


def test_no_outlines_are_offered_of_a_whole_image(page_test):
    page = page_test("slide", file="section_00_granite_ppl.png")
    assert not page.exception
    assert not page.error
    assert "trace" not in [one.key for one in page.toggle]
    assert any("size of a pixel unknown" in one.value for one in page.caption)


def test_colouring_by_suggestion_without_any_label_is_one_sentence(page_test, own_slides):
    from georetrieve.stores.lance import IndexStore

    store = IndexStore.open(own_slides)
    ids = store.scan(["id"]).column("id").to_pylist()
    store.update_items({one: {"label": None} for one in ids})
    page = page_test("slide", index=own_slides, file="slide_00.tif", colour="Suggestion")
    assert not page.exception
    (error,) = page.error
    assert "no labelled item" in error.value


def test_an_item_is_labelled_beside_the_slide(page_test, own_slides):
    from georetrieve.labelling import label_history
    from georetrieve.stores.lance import IndexStore

    page = page_test("slide", index=own_slides, item=CYST)
    page.selectbox(key=f"slide_label_{CYST}").set_value("leiosphere").run()
    assert not page.exception
    assert "1 item labelled" in page.toast[0].value
    row = IndexStore.open(own_slides).take([CYST], ["label"]).to_pylist()[0]
    assert row["label"] == "leiosphere"
    assert label_history(own_slides)[0]["how"] == "given"


def drawn(name, *boxes):
    """A file of QuPath as it is uploaded."""
    features = [
        {
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[x, y], [x + w, y], [x + w, y + h], [x, y + h], [x, y]]],
            },
            "properties": {"classification": {"name": name}},
        }
        for x, y, w, h in boxes
    ]
    return "drawn.geojson", json.dumps(features).encode(), "application/geo+json"


def click_in_dialog(page, key):
    """AppTest runs the whole script, where a dialog is open only while its button is clicked."""
    page.button(key="slide_qupath").click()
    page.button(key=key).click().run()


def from_qupath(page, file):
    page.button(key="slide_qupath").click().run()
    page.button(key="slide_qupath").click()
    page.file_uploader(key="slide_from_qupath").set_value(file).run()


def test_something_drawn_on_a_whole_image_becomes_an_item_beside_it(page_test, own_slides):
    from georetrieve.stores.lance import IndexStore

    file = "section_00_granite_ppl.png"
    page = page_test("slide", index=own_slides, file=file)
    from_qupath(page, drawn("biotite", (50, 60, 90, 70)))
    assert not page.exception
    click_in_dialog(page, "slide_add")
    assert not page.exception
    assert not page.error
    told = page.toast[0].value.replace("\\", "")
    assert told == "1 item added. 1 item labelled: biotite"
    (row,) = IndexStore.open(own_slides).scan(where="label = 'biotite'").to_pylist()
    assert (row["path"], row["kind"]) == (file, "specimen")


@pytest.mark.parametrize(
    ("name", "box", "words"),
    [
        ("all", (0, 0, 1e6, 1e6), "more than half outside of the image"),
        ("small", (5, 5, 2, 2), "narrower than 4 pixels"),
        ("a\x07b", (50, 60, 90, 70), "characters that cannot be seen"),
    ],
)
def test_what_can_be_no_item_is_told(page_test, own_slides, name, box, words):
    from georetrieve.stores.lance import IndexStore

    page = page_test("slide", index=own_slides, file="section_00_granite_ppl.png")
    from_qupath(page, drawn(name, box))
    if "slide_add" in [button.key for button in page.button]:
        click_in_dialog(page, "slide_add")
    assert not page.exception
    assert any(words in one.value for one in [*page.caption, *page.error])
    assert len(IndexStore.open(own_slides)) == 473


def test_outlines_are_coloured_counted_and_hidden_by_what_they_are():
    from app.slide_outlines import _outlined
    from georetrieve.search.outlines import ItemOutline
    from georetrieve.types import Region

    region = Region(0, 0, 4, 4)
    ring = ((0, 0), (4, 0), (4, 4))
    outlines = [
        ItemOutline(id="a", rings=(ring,), region=region, label="spore"),
        ItemOutline(id="b", rings=(ring,), region=region, predicted="cyst"),
        ItemOutline(id="c", rings=(ring,), region=region),
    ]
    shown = _outlined(outlines, {"spore": "#112233"}, "Suggestion", {"spore"})
    assert [(entry.title, entry.count) for entry in shown.entries] == [
        ("cyst", 1),
        ("spore", 1),
        ("no label", 1),
    ]
    assert (shown.shown, shown.of) == (2, 3)
    assert shown.drawn.ids == {"b", "c"}
    assert len({entry.colour for entry in shown.entries}) == 3
    by_label = _outlined(outlines, {"spore": "#112233"}, "Label", set())
    assert [entry.count for entry in by_label.entries] == [1, 2]
    plain = _outlined(outlines, {"spore": "#112233"}, "None", {"spore"})
    assert (plain.shown, plain.entries) == (3, [])
