"""What a browser may say of the viewer, and outlines that are fetched rather than sent."""

import json
import math

import pytest

from app.components.viewer import Drawn, Seen, Shape, Viewed, clicked
from app.components.viewer import _seen as seen
from georetrieve.serving.pictures import PICTURES

IMAGE = Viewed(tiles="/pictures/k/tile?id=a", width=100, height=80, levels=8)
BOX = [(1.0, 2.0), (5.0, 2.0), (5.0, 6.004), (1.0, 6.0)]


def test_what_is_seen_lies_in_the_image():
    assert seen({"picked": "a"}, IMAGE, {"a"}) == Seen(picked="a")
    assert seen({"region": [-10, 70.4, 30, 50]}, IMAGE, ()) == Seen(region=(0, 70, 20, 10))
    assert clicked({"point": [99.5, 0]}, IMAGE) == (99.5, 0.0)


@pytest.mark.parametrize(
    "said",
    [
        {"picked": "made up"},
        {"picked": ["a"]},
        {"region": [200, 0, 10, 10]},
        {"region": [0, 0, math.nan, 1]},
        {"region": [0, 0, "1", 1]},
        {"region": [0, 0, 1]},
        {"region": "0,0,1,1"},
    ],
)
def test_what_cannot_be_seen_is_nothing(said):
    assert seen(said, IMAGE, {"a"}) == Seen()


@pytest.mark.parametrize("point", [[100, 5], [math.inf, 5], {"x": 1}, [1], None])
def test_what_cannot_be_clicked_is_no_click(point):
    assert clicked({"point": point}, IMAGE) is None


def test_drawn_outlines_are_lent_once_and_again_when_they_are_gone(monkeypatch):
    drawn = Drawn([Shape(id="a", rings=[BOX], colour="#112233", title="<b>")])
    address = drawn.address
    data, media = PICTURES.lent(address.rpartition("/")[2])
    assert media == "application/json"
    assert json.loads(data) == [
        {
            "id": "a",
            "rings": [[[1.0, 2.0], [5.0, 2.0], [5.0, 6.0], [1.0, 6.0]]],
            "colour": "#112233",
            "title": "<b>",
            "faint": False,
        }
    ]
    assert drawn.address == address
    monkeypatch.setattr("georetrieve.serving.pictures.LENT_BYTES", 1)
    PICTURES.lend(b"others take its room")
    assert drawn.address != address
