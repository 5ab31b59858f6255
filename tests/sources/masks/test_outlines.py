"""GeoJSON as QuPath writes it."""

import json

import numpy as np
import pytest

from georetrieve.errors import SourceError
from georetrieve.sources.masks.classes import ClassTable
from georetrieve.sources.masks.outlines import OutlineTruth, read_outlines
from georetrieve.types import Region


def box(left, top, right, bottom):
    return [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]


def feature(coordinates, name="quartz", kind="Polygon", **classification):
    said = {"name": name, **classification} if name else None
    properties = {"objectType": "annotation"} | ({"classification": said} if said else {})
    geometry = {"type": kind, "coordinates": coordinates}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


@pytest.fixture
def put(tmp_path):
    def write(values, name="o.geojson"):
        path = tmp_path / name
        path.write_text(values if isinstance(values, str) else json.dumps(values))
        return path

    return write


def drawn(path, size=(6, 4), classes=None):
    outlines = read_outlines(path)
    truth = OutlineTruth(outlines, classes or outlines.classes(), size)
    return truth.read(Region(0, 0, *size))


def test_a_polygon_with_a_hole_covers_the_pixels_whose_centres_it_holds(put):
    path = put([feature([box(1, 0, 6, 4), box(2, 1, 4, 3)], color=[200, 10, 20])])
    assert drawn(path).tolist() == [
        [-1, 0, 0, 0, 0, 0],
        [-1, 0, -1, -1, 0, 0],
        [-1, 0, -1, -1, 0, 0],
        [-1, 0, 0, 0, 0, 0],
    ]
    assert read_outlines(path).classes().colours == ((200, 10, 20),)


def test_regions_give_what_the_whole_gives(put):
    path = put([feature([box(1, 0, 6, 4)], "a"), feature([box(3, 2, 5, 4)], "b")])
    outlines = read_outlines(path)
    truth = OutlineTruth(outlines, outlines.classes(), (6, 4))
    whole = truth.read(Region(0, 0, 6, 4))
    np.testing.assert_array_equal(truth.read(Region(2, 1, 3, 3)), whole[1:4, 2:5])
    assert whole[3].tolist() == [-1, 0, 0, 1, 1, 0], "a later outline lies over earlier ones"


def test_multipolygons_collections_and_single_features_are_read(put):
    parts = [[box(0, 0, 1, 1)], [box(5, 3, 6, 4)]]
    many = feature(parts, kind="MultiPolygon")
    for values in ({"type": "FeatureCollection", "features": [many]}, [many], many):
        found = drawn(put(values))
        assert np.argwhere(found == 0).tolist() == [[0, 0], [3, 5]]


def test_classes_are_named_and_coloured_as_versions_of_qupath_do(put):
    old = feature([box(0, 0, 1, 1)], "old", colorRGB=-3670016)  # 0xffc80000
    new = feature([box(1, 0, 2, 1)], None)
    new["properties"]["classification"] = {"names": ["Ore", "Galena"], "color": [1, 2, 3]}
    outlines = read_outlines(put([old, new]))
    assert outlines.names == ("old", "Ore: Galena")
    assert outlines.colours == {"old": (200, 0, 0), "Ore: Galena": (1, 2, 3)}


def test_what_is_left_out_is_counted(put):
    point = feature([1, 1], kind="Point")
    flat = feature([[[0, 0], [3, 0], [0, 0]]])
    broken = feature([[["a", 0]]])
    outlines = read_outlines(
        put([feature([box(0, 0, 1, 1)]), feature([box(0, 0, 1, 1)], None), point, flat, broken])
    )
    assert len(outlines.shapes) == 1
    (remark,) = outlines.remarks
    for words in ("1 no areas but Point", "1 without a class", "1 damaged"):
        assert words in remark


def test_outlines_that_cross_themselves_are_mended(put):
    bow = feature([[[0, 0], [4, 4], [4, 0], [0, 4], [0, 0]]])
    assert (drawn(put([bow]), (4, 4)) == 0).sum() > 0


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ("[", "is not JSON"),
        ({"a": 1}, "no GeoJSON"),
        ([1], "no GeoJSON"),
        ([], "it is empty"),
        ([feature([box(0, 0, 1, 1)], None)], "1 without a class"),
    ],
)
def test_what_holds_no_outline_says_so(put, values, words):
    with pytest.raises(SourceError, match=words):
        read_outlines(put(values))


def test_outlines_of_another_image_or_class_are_refused(put):
    with pytest.raises(SourceError, match="lie outside the image of 6×4 px"):
        drawn(put([feature([box(10, 0, 12, 2)])]))
    with pytest.raises(SourceError, match=r"outlines of 'quartz'.*Did you mean 'Quartz'"):
        drawn(put([feature([box(0, 0, 1, 1)])]), classes=ClassTable.of_names(["Quartz"]))
