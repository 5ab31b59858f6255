"""Cutting: nothing lost at borders, nothing empty kept, one order, clear refusals."""

import numpy as np
import pytest
from array_raster import ArrayRaster

from georetrieve.errors import SourceError
from georetrieve.sources.cut import Cut, CutOptions, choose_items, plan_cuts, read_cut
from georetrieve.types import Region

GLASS = 225


def glass(width, height):
    return np.full((height, width, 3), GLASS, np.uint8)


def textured(width, height):
    return np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)


def strew(count=30, side=1200):
    """Discs of 20 µm radius, at 0.5 µm a pixel, on glass."""
    pixels = glass(side, side)
    rows, columns = np.mgrid[:side, :side]
    for x, y in np.random.default_rng(1).uniform(60, side - 60, (count, 2)):
        pixels[np.hypot(rows - y, columns - x) < 40] = (200, 150, 60)
    return ArrayRaster(pixels)


def regions(raster, **options):
    return [str(cut.region) for cut in plan_cuts(raster, CutOptions(**options))]


def test_an_image_stays_whole():
    raster = ArrayRaster(textured(300, 200), "image")
    assert list(plan_cuts(raster, CutOptions())) == [Cut("image", None)]
    assert read_cut(raster, Cut("image", None)).size == (300, 200)


def test_a_huge_image_is_brought_to_a_bounded_size():
    raster = ArrayRaster(np.zeros((1000, 4096, 3), np.uint8), "image")
    (cut,) = plan_cuts(raster, CutOptions())
    assert cut.size == (2048, 500)
    assert read_cut(raster, cut).size == (2048, 500)


def test_tiles_end_at_the_border():
    # 250 = 100 + 100 + 50: the last tile is moved back to 150, none is lost or smaller.
    raster = ArrayRaster(textured(250, 100))
    assert regions(raster, items="tiles", tile_px=100) == [
        "0,0,100,100",
        "100,0,100,100",
        "150,0,100,100",
    ]


def test_overlapping_tiles():
    raster = ArrayRaster(textured(220, 100))
    found = regions(raster, items="tiles", tile_px=100, overlap_px=40)
    assert found == ["0,0,100,100", "60,0,100,100", "120,0,100,100"]


def test_an_image_smaller_than_a_tile_is_one_tile():
    assert regions(ArrayRaster(textured(70, 30)), items="tiles", tile_px=100) == ["0,0,70,30"]


def test_tiles_at_a_scale():
    # 1 µm a pixel from 0.5: a tile of 50 px spans 100 px of level 0.
    raster = ArrayRaster(textured(200, 100))
    cuts = list(plan_cuts(raster, CutOptions(items="tiles", tile_px=50, um_per_px=1.0)))
    assert [str(cut.region) for cut in cuts] == ["0,0,100,100", "100,0,100,100"]
    assert {cut.size for cut in cuts} == {(50, 50)}
    assert read_cut(raster, cuts[0]).size == (50, 50)


def test_a_scale_needs_a_scale():
    raster = ArrayRaster(textured(200, 100), um_per_px=None)
    with pytest.raises(SourceError, match="--um-per-px"):
        list(plan_cuts(raster, CutOptions(items="tiles", um_per_px=1.0)))


def test_every_pixel_is_in_a_tile():
    raster = ArrayRaster(textured(333, 217))
    covered = np.zeros((217, 333), bool)
    for cut in plan_cuts(raster, CutOptions(items="tiles", tile_px=64, overlap_px=7)):
        left, top, right, bottom = cut.region.box
        covered[top:bottom, left:right] = True
    assert covered.all()


def test_empty_tiles_are_left_out_without_reading_the_slide():
    pixels = glass(4000, 2000)
    pixels[200:400, 2100:2300] = textured(200, 200)
    raster = ArrayRaster(pixels)
    assert regions(raster, items="tiles", tile_px=500) == ["2000,0,500,500"]
    assert [size for _, size in raster.reads] == [(512, 256)]
    assert len(regions(raster, items="tiles", tile_px=500, min_content=0)) == 32


def test_what_a_scanner_left_black_is_empty_and_dark_rock_is_not():
    black = ArrayRaster(np.zeros((256, 256, 3), np.uint8))
    assert regions(black, items="tiles", tile_px=256) == []
    dark = np.random.default_rng(0).integers(0, 9, (256, 256, 3), np.uint8)
    assert regions(ArrayRaster(dark), items="tiles", tile_px=256) == ["0,0,256,256"]


@pytest.mark.parametrize(("axis", "size"), [("z", (30, 20)), ("y", (30, 10)), ("x", (20, 10))])
def test_slices(axis, size):
    raster = ArrayRaster(np.arange(6000, dtype=np.uint8).reshape(10, 20, 30), "volume")
    cuts = list(plan_cuts(raster, CutOptions(axis=axis, step=4)))
    depth = {"z": 10, "y": 20, "x": 30}[axis]
    assert [cut.region.index for cut in cuts] == list(range(0, depth, 4))
    assert cuts[1] == Cut("slice", Region(0, 0, *size, 4, axis))
    assert read_cut(raster, cuts[1]).size == size


def test_auto_says_what_it_chose():
    assert choose_items(ArrayRaster(glass(50, 50), "image"), CutOptions())[0] == "whole"
    volume = ArrayRaster(np.zeros((2, 5, 5), np.uint8), "volume")
    assert choose_items(volume, CutOptions(axis="y")) == (
        "slices",
        "volume: cut as slices across y",
    )
    items, sentence = choose_items(strew(), CutOptions())
    assert items == "specimens"
    assert "bright glass" in sentence
    items, sentence = choose_items(ArrayRaster(textured(600, 600)), CutOptions())
    assert items == "tiles"
    assert "not of scattered particles" in sentence


def test_one_large_piece_on_glass_is_no_strew_slide():
    pixels = glass(1600, 1200)
    pixels[300:900, 200:1000] = (190, 120, 150)
    assert choose_items(ArrayRaster(pixels), CutOptions())[0] == "tiles"


def test_specimens_carry_box_area_and_a_margin():
    cuts = list(plan_cuts(strew(count=1), CutOptions(items="specimens", margin=0.1)))
    (cut,) = cuts
    # A disc of 80 px across and 5,027 px²; the edge is found to within a working pixel or two.
    assert abs(cut.metadata["area_px"] - 5027) < 900
    assert cut.metadata["area_um2"] == pytest.approx(cut.metadata["area_px"] / 4)
    assert abs(cut.metadata["length_um"] - 40) <= 4
    assert abs(cut.region.width - 80 * 1.2) <= 10
    assert cut.size is None


def test_specimens_at_a_scale_and_of_unknown_scale():
    (cut,) = plan_cuts(strew(count=1), CutOptions(items="specimens", um_per_px=1.0))
    assert cut.size == (round(cut.region.width / 2), round(cut.region.height / 2))
    raster = strew(count=1)
    raster.um_per_px = None
    assert "SCALE UNKNOWN" in choose_items(raster, CutOptions(items="specimens"))[1]
    (cut,) = plan_cuts(raster, CutOptions(items="specimens"))
    assert "area_um2" not in cut.metadata


def test_what_does_not_go_together_is_refused():
    with pytest.raises(SourceError, match=r"this is an image; use --items auto"):
        list(plan_cuts(ArrayRaster(glass(9, 9), "image"), CutOptions(items="slices")))
    volume = ArrayRaster(np.zeros((2, 5, 5), np.uint8), "volume")
    for items in ("tiles", "specimens"):
        with pytest.raises(SourceError, match="not cut as " + items):
            list(plan_cuts(volume, CutOptions(items=items)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"items": "tile"},
        {"axis": "w"},
        {"tile_px": 3},
        {"overlap_px": 512},
        {"um_per_px": 0.0},
        {"min_content": 2.0},
        {"min_um": 300.0},
        {"margin": -1.0},
        {"step": 0},
    ],
)
def test_wrong_options_are_refused_by_name(wrong):
    with pytest.raises(SourceError, match=next(iter(wrong))):
        CutOptions(**wrong)


def test_options_survive_json():
    options = CutOptions(items="tiles", tile_px=300, um_per_px=0.7)
    assert CutOptions.from_json(options.to_json()) == options
    with pytest.raises(SourceError, match="Did you mean 'tile_px'"):
        CutOptions.from_json({"tilepx": 3})
