"""GeoJSON for QuPath and back: which item an annotation is of, and what it says."""

import json
import uuid

import pytest
from outlined_slide import DISCS, outlined_index

from georetrieve.errors import SourceError, StoreError
from georetrieve.search.outlines import ItemOutline, slide_outlines
from georetrieve.search.qupath import (
    class_colours,
    match_annotations,
    object_id,
    outlines_geojson,
    write_outlines,
)
from georetrieve.sources.masks.outlines import read_outlines
from georetrieve.types import Item, Region

HOSTILE = "<img src=x onerror=alert(1)> **a** :red[b] $x$"


def square(x, y, side):
    return ((x, y), (x + side, y), (x + side, y + side), (x, y + side))


def outline(x, y, side=10, *, margin=0, **facts):
    """A square item in a box that is larger by a margin."""
    box = Region(x - margin, y - margin, side + 2 * margin, side + 2 * margin)
    path = facts.pop("path", "s.tif")
    return ItemOutline(id=f"{path}#{box}", rings=(square(x, y, side),), region=box, **facts)


def annotation(x, y, side=10, name="new", **further):
    ring = [*square(x, y, side), (x, y)]
    said = {"name": name, "color": [1, 2, 3]} if name else None
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"objectType": "annotation", "classification": said, **further},
    }


def said(annotations, outlines):
    return match_annotations(json.dumps(annotations), outlines)


# --- out ------------------------------------------------------------------------------------------


def test_an_item_is_an_object_as_qupath_reads_it():
    one = outline(3, 4, margin=2, label="azolla", measures={"Area µm^2": 25.0})
    (feature,) = json.loads(outlines_geojson([one], colours={"azolla": "#0a141e"}))["features"]
    assert feature == {
        "type": "Feature",
        "id": object_id("s.tif#1,2,14,14"),
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[3, 4], [13, 4], [13, 14], [3, 14], [3, 4]]],
        },
        "properties": {
            "objectType": "annotation",
            "name": "1,2,14,14",
            "metadata": {"georetrieve item": "s.tif#1,2,14,14"},
            "measurements": {"Area µm^2": 25.0},
            "classification": {"name": "azolla", "color": [10, 20, 30]},
        },
    }
    assert uuid.UUID(feature["id"]).version == 5


def test_predictions_are_derived_classes_in_paler_colours():
    ones = [
        outline(0, 0, predicted="azolla"),
        outline(20, 0, label="tasmanites", predicted="azolla"),
    ]
    features = json.loads(outlines_geojson(ones, colours={"azolla": "#006400"}))["features"]
    classes = [one["properties"]["classification"] for one in features]
    assert classes[0] == {"names": ["azolla", "predicted"], "color": [127, 177, 127]}
    assert classes[1]["name"] == "tasmanites", "what a person says goes first"
    assert len(classes[1]["color"]) == 3, "QuPath refuses a class without a colour"


def test_unlabelled_items_have_no_class_and_detections_are_called_so():
    (feature,) = json.loads(outlines_geojson([outline(0, 0)], detections=True))["features"]
    assert feature["properties"]["objectType"] == "detection"
    assert "classification" not in feature["properties"]


def test_classes_are_coloured_by_how_frequent_they_are():
    assert class_colours(["b", "a", "b", None, ""]) == {"b": "#0072b2", "a": "#e69f00"}


def test_slices_of_a_volume_do_not_go_together():
    slices = [
        ItemOutline(id=str(z), rings=(square(0, 0, 5),), region=Region(0, 0, 5, 5, z, "z"))
        for z in range(2)
    ]
    assert json.loads(outlines_geojson(slices[:1]))["features"]
    with pytest.raises(SourceError, match="QuPath has no volumes"):
        outlines_geojson(slices)


# --- in -------------------------------------------------------------------------------------------


def test_what_goes_out_comes_back_unchanged():
    ones = [
        outline(0, 0, label="azolla"),
        outline(20, 0, label=HOSTILE),
        outline(40, 0, label="Pollen:Alnus"),
        outline(60, 0, predicted="azolla"),
        outline(80, 0),
    ]
    found = match_annotations(outlines_geojson(ones), ones)
    assert (found.labels, found.unchanged, found.unmatched) == ({}, 3, ())
    assert found.passed_over == {"still predicted": 1, "without a class": 1}


def test_items_are_known_by_metadata_or_by_the_id_of_their_object():
    ones = [outline(0, 0), outline(20, 0, label="old")]
    shape = annotation(1, 1, 30, "new", metadata={"georetrieve item": ones[0].id})
    reshaped = {**annotation(21, 1, 3, "new"), "id": object_id(ones[1].id).upper()}
    assert said([shape, reshaped], ones).labels == {ones[0].id: "new", ones[1].id: "new"}


def test_a_copy_that_was_moved_is_of_what_lies_there():
    ones = [outline(0, 0), outline(50, 0)]
    moved = annotation(50, 0, metadata={"georetrieve item": ones[0].id})
    assert said(moved, ones).labels == {ones[1].id: "new"}


def test_annotations_of_another_file_say_nothing():
    ones = [outline(0, 0), outline(0, 0, path="a#1.tif")]
    for path, why in (("other.tif", "exported from another file"), ("a#1.tif", None)):
        drawn = annotation(0, 0, metadata={"georetrieve item": f"{path}#0,0,10,10"})
        assert said(drawn, ones).passed_over == ({why: 1} if why else {})


@pytest.mark.parametrize(
    ("drawn", "matches"),
    [
        ((100, 100, 10), True),  # the outline
        ((92, 92, 26), True),  # the box: 676 of 900 shared
        ((103, 103, 10), True),  # 49 of 151 shared with the outline, but its middle is inside
        ((104, 104, 2), True),  # little, but in the middle
        ((95, 95, 20), False),  # four times as large: drawn around more, though its middle hits
        ((0, 0, 210), False),  # around everything
        ((111, 111, 3), False),  # in the box, beside the outline
        ((300, 300, 10), False),
    ],
)
def test_annotations_are_matched_by_outline_box_or_middle(drawn, matches):
    found = said(annotation(*drawn), [outline(100, 100, margin=10)])
    assert bool(found.labels) is matches
    assert [one.name for one in found.unmatched] == ([] if matches else ["new"])


def test_the_best_of_several_items_counts_and_no_middle_of_two():
    ones = [outline(0, 0, 20), outline(4, 4, 12)]
    assert said(annotation(3, 3, 13), ones).labels == {ones[1].id: "new"}
    (lost,) = said(annotation(9, 9, 2), ones).unmatched
    assert (lost.name, lost.box) == ("new", (9, 9, 2, 2))


@pytest.mark.parametrize("kind", ["image", "tile", "slice"])
def test_something_small_on_a_whole_image_or_tile_is_not_what_that_shows(kind):
    ones = [outline(0, 0, 100, kind=kind)]
    assert said(annotation(40, 40, 20), ones).labels == {}
    assert said(annotation(5, 5, 90), ones).labels == {ones[0].id: "new"}


def test_two_classes_of_one_item_are_a_conflict():
    ones = [outline(0, 0, label="old"), outline(50, 0), outline(90, 0)]
    drawn = [annotation(0, 0, name="b"), annotation(1, 0, name="a"), annotation(50, 0, name="c")]
    found = said([*drawn, annotation(51, 0, name="c")], ones)
    assert found.conflicts == {ones[0].id: ("a", "b")}
    assert found.labels == {ones[1].id: "c"}, "said twice is no conflict"


def test_classes_that_say_nothing_are_passed_over():
    names = (None, "Ignore*", "Region*", "azolla: predicted", " ")
    found = said([annotation(0, 0, name=name) for name in names], [outline(0, 0, label="old")])
    assert (found.labels, found.conflicts, found.unchanged) == ({}, {}, 0)
    assert found.passed_over == {
        "without a class": 2,
        "of a class that QuPath ignores (…*)": 2,
        "still predicted": 1,
    }


def test_classes_are_spelt_as_the_labels_are():
    ones = [outline(0, 0, label="Pollen:Alnus"), outline(50, 0)]
    drawn = annotation(50, 0)
    drawn["properties"]["classification"] = {"names": ["Pollen", "Alnus"], "color": [1, 2, 3]}
    assert said(drawn, ones).labels == {ones[1].id: "Pollen:Alnus"}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("[", "notes.geojson is not JSON"),
        ("{}", "notes.geojson is no GeoJSON"),
        (b"\xff\xfe", "notes.geojson is not JSON"),
        (b"PK\x03\x04", "notes.geojson cannot be unpacked"),
        ("[" * 200_000, "nested too deeply"),
    ],
)
def test_what_is_no_export_says_so(data, words):
    with pytest.raises(SourceError, match=words):
        match_annotations(data, [outline(0, 0)], name="notes.geojson")


def test_too_many_annotations_are_refused(monkeypatch):
    monkeypatch.setattr("georetrieve.search.qupath.annotated.MOST_ANNOTATIONS", 2)
    with pytest.raises(SourceError, match="holds 3 annotations; at most 2"):
        said([annotation(0, 0)] * 3, [outline(0, 0)])


def test_what_is_hostile_inside_is_left_out_or_kept_as_text():
    nan = annotation(float("nan"), 0)
    strange = annotation(50, 0, metadata=["x"])
    strange["properties"]["classification"] = {"name": {"a": 1}, "color": "red"}
    ones = [outline(0, 0), outline(50, 0)]
    found = said([nan, strange, annotation(0, 0, name=HOSTILE)], ones)
    assert found.passed_over == {"damaged": 1}
    assert found.labels[ones[0].id] == HOSTILE


# --- files ----------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path):
    return outlined_index(tmp_path)


def test_a_file_is_written_and_drawn_on_elsewhere(store, tmp_path):
    done = write_outlines(store, tmp_path / "out.geojson", file="slide.png")
    assert (done.items, done.traced, done.failed) == (3, 3, [])
    # What is read as masks reads it as well: two labels and a prediction.
    assert read_outlines(done.files[0]).names == ("azolla", "azolla: predicted", "pyrite")
    outlines = slide_outlines(store, "", "slide.png", trace=True)
    drawn = [annotation(x - r, y - r, 2 * r, "drawn") for x, y, r in DISCS]
    assert set(said(drawn, outlines).labels) == {one.id for one in outlines}


def test_every_file_of_an_index_has_its_own(store, tmp_path):
    slices = [Item(path="ct.tif", kind="slice", region=Region(0, 0, 8, 8, z, "z")) for z in (0, 1)]
    store.add_items([Item(path="gone.png", kind="image"), *slices], {})
    done = write_outlines(store, tmp_path / "out", trace=False)
    assert done.files == [tmp_path / "out" / "slide.png.geojson"]
    assert (done.items, done.traced) == (3, 0)
    assert [path for path, _ in done.failed] == ["ct.tif", "gone.png"]
    assert "no volumes" in done.failed[0][1]
    one = write_outlines(store, tmp_path / "out", file="ct.tif", at=("z", 1))
    assert one.files == [tmp_path / "out" / "ct.tif.z1.geojson"]
    with pytest.raises(SourceError, match="QuPath has no volumes"):
        write_outlines(store, tmp_path / "out", file="ct.tif")
    with pytest.raises(SourceError, match="no items on slice z=7"):
        write_outlines(store, tmp_path / "out", file="ct.tif", at=("z", 7))


def test_nothing_is_written_outside_the_folder(store, tmp_path):
    bad = ["../../up.png", "/tmp/abs.png"]
    store.add_items([Item(path=path, kind="tile", region=Region(0, 0, 5, 5)) for path in bad], {})
    done = write_outlines(store, tmp_path / "a" / "b" / "out", trace=False)
    assert sorted(path for path, _ in done.failed) == bad
    assert [one.name for one in tmp_path.rglob("*.geojson")] == ["slide.png.geojson"]


def test_a_folder_that_cannot_be_made_says_so(store, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        write_outlines(store, tmp_path / "file" / "out", trace=False)
