"""What mask files hold, in every way they are stored."""

import numpy as np
import pytest
import tifffile

from georetrieve.errors import SourceError
from georetrieve.sources.masks.stored import colour_name, open_stored, pack_colours
from georetrieve.sources.options import ReadOptions
from georetrieve.types import Region

CODES = [[0, 1, 2], [7, 255, 1]]


def save(path, values):
    """An array file, whatever its name."""
    with path.open("wb") as file:
        np.save(file, values)


def read_all(path, values="auto", **options):
    mask = open_stored(path, ReadOptions(**options), values)
    try:
        return mask.read(Region(0, 0, *mask.size))
    finally:
        mask.close()


@pytest.mark.parametrize("name", ["m.png", "m.tif", "m.bmp"])
def test_grey_images_hold_codes(put_mask, name):
    np.testing.assert_array_equal(read_all(put_mask(name, CODES)), CODES)


@pytest.mark.parametrize("name", ["m.png", "m.tif"])
def test_codes_of_16_bits_are_kept(put_mask, name):
    codes = [[0, 300], [40_000, 65_535]]
    np.testing.assert_array_equal(read_all(put_mask(name, codes, np.uint16)), codes)


def test_palettes_give_codes_or_colours(put_mask):
    path = put_mask("p.png", [[0, 1], [2, 1]], palette=[(9, 0, 0), (0, 9, 0), (0, 0, 9)])
    np.testing.assert_array_equal(read_all(path), [[0, 1], [2, 1]])
    colours = [[0x090000, 0x000900], [0x000009, 0x000900]]
    np.testing.assert_array_equal(read_all(path, "colours"), colours)


def test_colours_are_one_number(put_mask):
    path = put_mask("c.png", [[[255, 136, 0], [0, 0, 1]]])
    np.testing.assert_array_equal(read_all(path), [[0xFF8800, 1]])
    assert pack_colours(np.array([255, 136, 0])) == 0xFF8800
    assert colour_name(0xFF8800) == "#ff8800"


def test_arrays_and_tiled_tiffs_are_read_by_region(tmp_path):
    codes = np.arange(600).reshape(20, 30)
    np.save(tmp_path / "m.npy", codes.astype(np.int16))
    tifffile.imwrite(tmp_path / "m.tif", codes.astype(np.uint16), tile=(16, 16))
    for name in ("m.npy", "m.tif"):
        mask = open_stored(tmp_path / name, ReadOptions())
        np.testing.assert_array_equal(mask.read(Region(5, 3, 20, 15)), codes[3:18, 5:25])
        mask.close()


def test_strips_cover_a_mask_once(put_mask, monkeypatch):
    monkeypatch.setattr("georetrieve.sources.masks.stored.STRIP_PIXELS", 6)
    mask = open_stored(put_mask("m.png", np.zeros((5, 3))), ReadOptions())
    assert [region.box for region in mask.strips()] == [(0, 0, 3, 2), (0, 2, 3, 4), (0, 4, 3, 5)]


@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        (lambda p: p.write_bytes(b""), {}, "not an image"),
        (lambda p: save(p, np.zeros((2, 2, 2, 2))), {}, "shape"),
        (lambda p: save(p, np.full((2, 2), 0.5)), {}, "not whole"),
        (lambda p: save(p, np.zeros((20, 20), np.uint8)), {"max_pixels": 9}, "20×20"),
    ],
)
def test_what_is_no_mask_is_refused(tmp_path, make, options, words):
    path = tmp_path / "m.png"
    make(path)
    with pytest.raises(SourceError, match=words):
        read_all(path, **options)


def test_codes_and_colours_are_refused_where_there_are_none(put_mask):
    with pytest.raises(SourceError, match="no codes"):
        read_all(put_mask("c.png", np.zeros((2, 2, 3))), "codes")
    with pytest.raises(SourceError, match="no colours"):
        read_all(put_mask("g.png", CODES), "colours")


def test_a_region_outside_names_both(put_mask):
    mask = open_stored(put_mask("m.png", CODES), ReadOptions())
    with pytest.raises(SourceError, match=r"1,1,3,1 lies outside m.png, which has 3×2"):
        mask.read(Region(1, 1, 3, 1))
