"""All files of a map: the same whatever the bands, never half, never over others."""

import csv
import json
import math
import tracemalloc

import numpy as np
import pytest
import tifffile
from PIL import Image

from georetrieve.errors import SourceError
from georetrieve.probes.segmentation.interface import Band
from georetrieve.reports.maps import writing
from georetrieve.reports.maps.strips import Sample, map_strips
from georetrieve.reports.maps.writing import MapOptions, is_written, write_map
from georetrieve.sources.masks.classes import ClassTable
from georetrieve.sources.masks.stored import open_stored
from georetrieve.sources.opening import open_raster
from georetrieve.sources.options import ReadOptions
from georetrieve.types import Region

MAP = np.array([[0, 0, 1, 1], [0, 0, 2, -1]])
BY = {"model": "m1"}


def large(monkeypatch):
    """Treat a map of more than 16 pixels as too large for memory."""
    monkeypatch.setattr(writing, "SAMPLED_PIXELS", 16)


def test_everything_is_written_and_right(tmp_path, field, bands, table):
    view = field((4, 2), um_per_px=1000.0)
    done = write_map(view, bands(MAP, 1), table, tmp_path / "s/a", made_by=BY)
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == sorted([
        "a_mask.png", "a_overlay.png", "a_uncertainty.tif", "a_uncertainty.png", "a_modal.csv",
        "a_modal.json", "a_outlines.geojson",
    ])  # fmt: skip
    assert {path.name for path in done.files} == {p.name for p in (tmp_path / "s").iterdir()}
    mask = Image.open(tmp_path / "s/a_mask.png")
    assert np.asarray(mask).tolist() == [[0, 0, 10, 10], [0, 0, 20, 255]]
    assert mask.convert("RGB").getpixel((2, 0)) == (230, 159, 0)
    unsure = tifffile.imread(tmp_path / "s/a_uncertainty.tif")
    assert unsure.tolist() == [[0, 0, 0, 0], [0, 0, 0, 255]]
    with (tmp_path / "s/a_modal.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["percent"] for row in rows] == ["57.1429", "28.5714", "14.2857"]
    assert [row["area_mm2"] for row in rows] == ["4.0", "2.0", "1.0"]
    facts = json.loads((tmp_path / "s/a_modal.json").read_text())
    assert (facts["void_pixels"], facts["void_code"], facts["um_per_px"]) == (1, 255, 1000)
    assert facts["classes"] == done.rows
    assert facts["classes"][0]["pixels"] == 4


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 40])
def test_bands_of_any_height_give_the_same_files(tmp_path, field, bands, table, rows, monkeypatch):
    large(monkeypatch)
    monkeypatch.setattr("georetrieve.reports.maps.rasters.TILE_PX", 16)
    monkeypatch.setattr("georetrieve.reports.maps.strips.STRIP_PIXELS", 90)
    numbers = np.random.default_rng(5).integers(-1, 3, (40, 30))
    view = field((30, 40))
    for name, height in (("one", rows), ("all", 40)):
        cut = bands(numbers, height, sure=0.7)
        write_map(view, cut, table, tmp_path / name / "a", made_by=BY)
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "all" / path.name).read_bytes(), path.name
    stored = tifffile.imread(tmp_path / "one/a_mask.tif")
    np.testing.assert_array_equal(stored, np.array([0, 10, 20, 255])[numbers])


def test_a_large_mask_is_a_tiled_tiff_in_colours_with_its_scale(
    tmp_path, field, bands, table, monkeypatch
):
    large(monkeypatch)
    numbers = np.kron([[0, 1], [2, -1]], np.ones((300, 200), int))
    done = write_map(
        field((400, 600), um_per_px=0.25), bands(numbers, 128), table, tmp_path / "a", made_by=BY
    )
    with tifffile.TiffFile(tmp_path / "a_mask.tif") as tiff:
        page = tiff.pages[0]
        assert page.is_tiled
        assert page.photometric.name == "PALETTE"
        assert (page.colormap[:, 10] // 257).tolist() == [230, 159, 0]
    with open_raster(tmp_path / "a_mask.tif") as raster:
        assert raster.um_per_px == pytest.approx(0.25)
    mask = open_stored(tmp_path / "a_mask.tif", ReadOptions())
    np.testing.assert_array_equal(
        mask.read(Region(190, 290, 20, 20))[::19, ::19], [[0, 10], [20, 255]]
    )
    mask.close()
    assert any("every" in line for line in done.remarks)


def test_codes_beyond_a_byte_are_kept(tmp_path, field):
    table = ClassTable.of_names(["a", "b"], codes=[7, 4000])
    shares = np.array([[[1, 0], [0, 1], [0, 0]]], np.float32)
    write_map(field((3, 1)), [Band(0, shares)], table, tmp_path / "a", made_by=BY)
    assert tifffile.imread(tmp_path / "a_mask.tif").tolist() == [[7, 4000, 65_535]]


def test_an_earlier_map_is_known_again_and_never_overwritten(tmp_path, field, bands, table):
    view, stem = field((4, 2)), tmp_path / "a"
    assert is_written(stem, BY) is None
    done = write_map(view, bands(MAP, 2), table, stem, made_by=BY)
    again = is_written(stem, BY)
    assert (again.name, again.rows) == (done.name, done.rows)
    other = {"model": "m2"}
    with pytest.raises(SourceError, match=r"was not made by this model.*--force"):
        write_map(view, bands(MAP, 2), table, stem, made_by=other)
    with pytest.raises(SourceError, match="--force"):
        is_written(stem, BY, MapOptions(simplify_px=9))
    write_map(view, bands(MAP, 2), table, stem, made_by=other, options=MapOptions(force=True))
    assert is_written(stem, other, MapOptions(force=True)) is not None


def test_a_mask_somebody_drew_is_not_overwritten(tmp_path, field, bands, table):
    (tmp_path / "a_mask.png").write_bytes(b"mine")
    with pytest.raises(SourceError, match=r"a_mask.png is there"):
        write_map(field((4, 2)), bands(MAP, 2), table, tmp_path / "a", made_by=BY)
    assert [path.name for path in tmp_path.iterdir()] == ["a_mask.png"]


def test_a_failure_on_the_way_leaves_nothing(tmp_path, field, table):
    def broken():
        yield Band(0, np.ones((1, 4, 3), np.float32))
        raise SourceError("the disk went away")

    with pytest.raises(SourceError, match="went away"):
        write_map(field((4, 2)), broken(), table, tmp_path / "a", made_by=BY)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path, field, bands, table):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SourceError, match="cannot be written"):
        write_map(field((4, 2)), bands(MAP, 2), table, tmp_path / "file/a", made_by=BY)


@pytest.mark.parametrize(
    ("tops", "width"), [((0,), 4), ((0, 2), 4), ((1, 2), 4), ((0, 1, 2), 4), ((0, 1), 3)]
)
def test_bands_that_are_no_map_of_the_image_are_refused(tops, width):
    some = [Band(top, np.ones((1, width, 2), np.float32)) for top in tops]
    with pytest.raises(SourceError, match="fault of the method"):
        list(map_strips(some, (4, 2)))


def test_outlines_can_be_left_out(tmp_path, field, bands, table):
    options = MapOptions(outlines=False)
    write_map(field((4, 2)), bands(MAP, 2), table, tmp_path / "a", made_by=BY, options=options)
    assert not (tmp_path / "a_outlines.geojson").exists()


def test_a_sample_keeps_the_middle_of_each_square():
    sample = Sample((10, 7), most_pixels=12)
    assert sample.factor == 3
    assert sample.classes.shape == (3, 4)
    numbers = np.arange(70, dtype=np.int32).reshape(7, 10)
    shares = np.zeros((7, 10, 70), np.float32)
    np.put_along_axis(shares, numbers[..., None], 1, axis=2)
    for strip in map_strips([Band(0, shares[:2]), Band(2, shares[2:])], (10, 7)):
        sample.add(strip)
    assert sample.classes.tolist() == [[11, 14, 17, 19], [41, 44, 47, 49], [61, 64, 67, 69]]


def test_memory_does_not_grow_with_the_height(tmp_path, field, table, monkeypatch):
    """A map of 20,000 pixels' width: what is held at once is a strip, not the map."""
    monkeypatch.setattr(writing, "SAMPLED_PIXELS", 1 << 14)
    width, rows = 20_000, 16

    def stream(count):
        shares = np.zeros((rows, width, 3), np.float32)
        shares[:, :, 1] = 1
        for number in range(count):
            yield Band(number * rows, shares)

    def peak(count):
        tracemalloc.start()
        options = MapOptions(preview_px=64, force=True)
        size = (width, count * rows)
        write_map(field(size), stream(count), table, tmp_path / "a", made_by=BY, options=options)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(1)  # what is imported on the way is not counted
    low, high = peak(20), peak(60)
    assert high < low + 4_000_000, "40 further bands are 12.8 million pixels"
    assert not math.isnan(low)
