"""Outlines that people drew, as they are kept beside the tables of an index."""

import pytest

from georetrieve.errors import StoreError
from georetrieve.stores.drawn import FOLDER, DrawnOutline, DrawnOutlines
from georetrieve.types import Region

KEY = ("", "a/slide ü.tif")
ONE = DrawnOutline(Region(1, 2, 10, 20), 150, ((1.0, 2.0), (11.0, 2.5), (5.0, 22.0)), (640, 480))
ON_SLICE = DrawnOutline(
    Region(0, 0, 5, 5, 7, "y"), 20, ((0.0, 0.0), (5.0, 0.0), (5.0, 5.0)), (64, 48)
)


def test_what_is_added_is_there(tmp_path):
    kept = DrawnOutlines(tmp_path)
    assert kept.of(KEY) == []
    kept.add(KEY, [ONE])
    kept.add(KEY, [ON_SLICE, ONE])
    assert DrawnOutlines(tmp_path).of(KEY) == [ONE, ON_SLICE]
    assert kept.of(("two", KEY[1])) == []


def test_it_follows_its_file_and_is_forgotten_with_it(tmp_path):
    kept = DrawnOutlines(tmp_path)
    kept.add(KEY, [ONE])
    new = ("two", "../../b.tif")
    for _ in range(2):  # again, after an interruption
        kept.rename({KEY: new, ("", "none.tif"): ("", "other.tif")})
    assert (kept.of(KEY), kept.of(new)) == ([], [ONE])
    assert len(list(tmp_path.rglob("*.json"))) == 1
    kept.forget([new, KEY])
    assert list(tmp_path.rglob("*.json")) == []


def test_files_that_have_changed_names_keep_their_own(tmp_path):
    kept, other = DrawnOutlines(tmp_path), ("", "b.tif")
    kept.add(KEY, [ONE])
    kept.add(other, [ON_SLICE])
    kept.rename({KEY: other, other: KEY})
    assert (kept.of(KEY), kept.of(other)) == ([ON_SLICE], [ONE])
    kept.rename({KEY: other, other: ("", "c.tif")})
    assert (kept.of(KEY), kept.of(other), kept.of(("", "c.tif"))) == ([], [ON_SLICE], [ONE])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"outlines": [{"box": "1,2"}]}',
        '{"outlines": [{"box": "1,2,3,0", "area_px": 1, "ring": [], "canvas": [1, 1]}]}',
        '{"outlines": [{"box": "1,2,3,4", "area_px": 1, "ring": [[1]], "canvas": [1, 1]}]}',
    ],
)
def test_damage_is_told(tmp_path, text):
    kept = DrawnOutlines(tmp_path)
    kept.add(KEY, [ONE])
    (place,) = (tmp_path / FOLDER).iterdir()
    place.write_text(text, encoding="utf-8")
    with pytest.raises(StoreError, match="is damaged"):
        kept.of(KEY)


def test_a_folder_that_is_none_is_told(tmp_path):
    (tmp_path / FOLDER).write_text("")
    with pytest.raises(StoreError, match="is damaged"):
        DrawnOutlines(tmp_path).add(KEY, [ONE])
