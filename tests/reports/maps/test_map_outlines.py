"""Outlines: what is written is read back as the same pixels."""

import json

import numpy as np
import pytest
import shapely
from shapely.geometry import shape

from georetrieve.reports.maps import outlines as module
from georetrieve.reports.maps.outlines import save_outlines
from georetrieve.sources.masks.outlines import OutlineTruth, read_outlines
from georetrieve.types import Region

RINGS = np.array([
    [0, 0, 0, 0, 0, 0],
    [0, 1, 1, 1, 1, 0],
    [0, 1, 2, 2, 1, 0],
    [0, 1, 2, -1, 1, 0],
    [0, 1, 1, 1, 1, 0],
], np.int32)  # fmt: skip


def features(path):
    return json.loads(path.read_text(encoding="utf-8"))["features"]


def read_back(path, table, size):
    return OutlineTruth(read_outlines(path), table, size).read(Region(0, 0, *size))


def test_areas_with_holes_are_read_back_as_the_same_pixels(tmp_path, table):
    path = tmp_path / "o.geojson"
    assert save_outlines(path, RINGS, table, size=(6, 5)).areas == 3
    np.testing.assert_array_equal(read_back(path, table, (6, 5)), RINGS)
    ring = next(f for f in features(path) if f["properties"]["classification"]["name"] == "quartz")
    assert len(ring["geometry"]["coordinates"]) == 2, "a shell and a hole"
    assert ring["properties"]["classification"]["color"] == [230, 159, 0]
    assert ring["properties"]["objectType"] == "annotation"


def test_any_map_is_read_back_exactly_when_nothing_is_simplified(tmp_path, table):
    noise = np.random.default_rng(0).integers(-1, 3, (23, 31)).astype(np.int32)
    save_outlines(tmp_path / "o.geojson", noise, table, size=(31, 23))
    np.testing.assert_array_equal(read_back(tmp_path / "o.geojson", table, (31, 23)), noise)


def test_straight_borders_stay_when_simplified(tmp_path, table):
    blocks = np.kron([[0, 1], [2, 0]], np.ones((20, 20), int)).astype(np.int32)
    save_outlines(tmp_path / "o.geojson", blocks, table, size=(40, 40), simplify_px=2)
    np.testing.assert_array_equal(read_back(tmp_path / "o.geojson", table, (40, 40)), blocks)


def test_simplified_neighbours_neither_part_nor_overlap(tmp_path, table):
    y, x = np.mgrid[:80, :80]
    disc = (np.hypot(x - 40, y - 40) < 25).astype(np.int32) + (x > 40)
    path = tmp_path / "o.geojson"
    exact = save_outlines(path, disc, table, size=(80, 80))
    stairs = sum(shapely.get_num_coordinates(shape(f["geometry"])) for f in features(path))
    save_outlines(path, disc, table, size=(80, 80), simplify_px=2)
    areas = [shape(f["geometry"]) for f in features(path)]
    assert len(areas) == exact.areas
    assert sum(map(shapely.get_num_coordinates, areas)) < stairs / 2
    assert sum(area.area for area in areas) == pytest.approx(80 * 80)
    assert shapely.union_all(areas).area == pytest.approx(80 * 80)


def test_small_areas_are_joined_to_their_neighbours(tmp_path, table):
    spots = np.zeros((20, 20), np.int32)
    spots[3:5, 3:5] = 1
    spots[10:15, 10:15] = 2
    path = tmp_path / "o.geojson"
    save_outlines(path, spots, table, size=(20, 20), least_px=5)
    spots[3:5, 3:5] = 0
    np.testing.assert_array_equal(read_back(path, table, (20, 20)), spots)


def test_a_small_area_alone_in_the_void_is_left_out(tmp_path, table):
    lonely = np.full((6, 9), -1, np.int32)
    lonely[1, 1] = 0
    lonely[2:5, 4:8] = 1
    path = tmp_path / "o.geojson"
    save_outlines(path, lonely, table, size=(9, 6), least_px=4)
    lonely[1, 1] = -1
    np.testing.assert_array_equal(read_back(path, table, (9, 6)), lonely)


def test_a_sampled_map_is_outlined_in_pixels_of_the_image(tmp_path, table):
    path = tmp_path / "o.geojson"
    save_outlines(path, np.array([[0, 1]], np.int32), table, factor=10, size=(15, 8))
    found = read_back(path, table, (15, 8))
    assert (found[:, :10] == 0).all()
    assert (found[:, 10:] == 1).all()
    assert max(shape(f["geometry"]).bounds[2] for f in features(path)) == 15


def test_too_many_areas_are_joined_until_they_are_few(tmp_path, table, monkeypatch):
    monkeypatch.setattr(module, "MOST_AREAS", 20)
    noise = np.random.default_rng(1).integers(0, 3, (64, 64)).astype(np.int32)
    done = save_outlines(tmp_path / "o.geojson", noise, table, size=(64, 64))
    assert 1 <= done.areas <= 20
    assert done.least_px > 1


def test_a_void_map_has_no_outlines(tmp_path, table):
    path = tmp_path / "o.geojson"
    void = np.full((3, 3), -1, np.int32)
    assert save_outlines(path, void, table, size=(3, 3), simplify_px=1).areas == 0
    assert features(path) == []
