"""Clicks: discs of known class."""

import numpy as np
import pytest
from PIL import Image

from georetrieve.errors import SourceError
from georetrieve.sources.fields import FieldOfView
from georetrieve.sources.masks.classes import ClassTable
from georetrieve.sources.masks.clicks import Click, ClickTruth, read_clicks
from georetrieve.types import Region


@pytest.fixture
def put(tmp_path):
    def write(text, name="clicks.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_a_click_labels_a_disc(field, put):
    clicks = read_clicks(put("path,x,y,class\na.png,3,2,quartz\n"))
    points = clicks.by_field([field("a.png", (7, 5))])["a.png"]
    truth = ClickTruth(points, clicks.classes(), (7, 5), radius_px=1)
    found = truth.read(Region(0, 0, 7, 5))
    assert np.argwhere(found == 0).tolist() == [[1, 3], [2, 2], [2, 3], [2, 4], [3, 3]]
    np.testing.assert_array_equal(truth.read(Region(3, 1, 2, 3)), found[1:4, 3:5])


def test_a_click_of_radius_0_is_its_pixel_and_discs_are_cut_at_the_border():
    table = ClassTable.of_names(["a"])
    truth = ClickTruth([Click(2, "", 0.9, 0.2, "a", 0.0)], table, (3, 2), radius_px=9)
    assert truth.read(Region(0, 0, 3, 2)).tolist() == [[0, -1, -1], [-1, -1, -1]]
    truth = ClickTruth([Click(2, "", 0, 0, "a")], table, (3, 2), radius_px=1.5)
    assert truth.read(Region(0, 0, 3, 2)).tolist() == [[0, 0, -1], [0, 0, -1]]


def test_a_pixel_between_two_clicks_is_the_nearer_ones():
    table = ClassTable.of_names(["a", "b"])
    points = [Click(2, "", 1, 0, "a", 4.0), Click(3, "", 5, 0, "b", 4.0)]
    for order in (points, points[::-1]):
        found = ClickTruth(order, table, (7, 1), radius_px=1).read(Region(0, 0, 7, 1))[0]
        assert found[[0, 1, 2, 4, 5, 6]].tolist() == [0, 0, 0, 1, 1, 1]


def test_paths_mean_images_by_name_end_or_stem(field, put):
    fields = [field("s/a.png"), field("s/b.png"), field("c")]
    text = "file;x;y;label\n/home/me/s/a.png;1,5;1;q\nb.png;0;0;q\nc.tif;0;0;p\n.\\s\\a.png;0;0;p\n"
    clicks = read_clicks(put(text))
    found = clicks.by_field(fields)
    assert {name: len(points) for name, points in found.items()} == {
        "s/a.png": 2,
        "s/b.png": 1,
        "c": 1,
    }
    assert found["s/a.png"][0].x == 1.5
    assert clicks.classes().names == ("q", "p")


def test_without_a_path_clicks_belong_to_the_only_image(field, put):
    clicks = read_clicks(put("x,y,class\n1,1,q\n"))
    assert list(clicks.by_field([field("any.tif")])) == ["any.tif"]
    with pytest.raises(SourceError, match="line 2: the click names no image, and there are 2"):
        clicks.by_field([field("a"), field("b")])


def test_clicks_on_other_images_are_reported_by_line(field, put):
    clicks = read_clicks(put("path,x,y,class\na.png,1,1,q\nz.png,1,1,q\nz.png,2,2,q\n"))
    assert len(clicks.by_field([field("a.png")])["a.png"]) == 1
    assert clicks.remarks == ["clicks.csv: no image z.png (lines 3, 4 left out)"]
    with pytest.raises(SourceError, match=r"line 2 names 'a.png'. Did you mean 'aa.png'"):
        read_clicks(clicks.path).by_field([field("aa.png")])


@pytest.mark.parametrize("place", ["6,0", "0,4", "-0.5,0", "0,-1"])
def test_a_click_outside_names_line_place_and_size(field, put, place):
    clicks = read_clicks(put(f"path,x,y,class\na.png,0,0,q\na.png,{place},q\n"))
    with pytest.raises(SourceError, match=rf"line 3: the click {place} lies outside a.png.*6×4"):
        clicks.by_field([field("a.png", (6, 4))])


def test_contradicting_clicks_are_reported_and_left_out(field, put):
    clicks = read_clicks(put("x,y,class\n1,1,q\n1.2,1.9,p\n2,2,q\n2,2,q\n"))
    (points,) = clicks.by_field([field("a.png")]).values()
    assert [(one.x, one.name) for one in points] == [(2, "q")]
    assert clicks.remarks == ["clicks.csv: lines 2, 3 call the pixel 1,1 p and q; left out"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("path,x,y,class\n", "holds no click"),
        ("path,x,class\n", "no column 'y'"),
        ("x,y\n1,1\n", "no column 'class'"),
        ("x,y,class\n1,one,q\n", "line 2: y is 'one', which is no number"),
        ("x,y,class\n1,nan,q\n", "line 2: y is 'nan'"),
        ("x,y,class\n\n1,1,\n", "line 3: the click has no class"),
        ("x,y,class,radius\n1,1,q,-2\n", "line 2: the radius is -2"),
    ],
)
def test_what_is_no_table_of_clicks_says_why(put, text, words):
    with pytest.raises(SourceError, match=words):
        read_clicks(put(text))


def test_a_class_of_no_table_is_named_with_its_line():
    with pytest.raises(SourceError, match=r"line 5 is called 'quarz'.*Did you mean 'quartz'"):
        ClickTruth([Click(5, "", 0, 0, "quarz")], ClassTable.of_names(["quartz"]), (2, 2), 1)


def test_a_click_on_one_view_is_one_on_all_of_them(put):
    read = Image.new("RGB", (9, 9)).crop
    fields = [
        FieldOfView(
            name=name,
            size=(9, 9),
            views=(lambda region: read(region.box),) * 2,
            view_names=("ppl", "xpl"),
        )
        for name in ("s/a", "s/b")
    ]
    text = "path,x,y,class\ns/a_ppl.png,1,1,q\nxpl/b.png,1,1,q\nb_uv.png,1,1,q\n"
    clicks = read_clicks(put(text))
    assert {name: len(points) for name, points in clicks.by_field(fields).items()} == {
        "s/a": 1,
        "s/b": 1,
    }
    assert clicks.remarks == ["clicks.csv: no image b_uv.png (line 4 left out)"]
