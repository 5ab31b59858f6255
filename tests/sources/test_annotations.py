"""GeoJSON of QuPath, as it is and as somebody hostile would write it."""

import gzip
import io
import json
import time
import zipfile

import numpy as np
import pytest

from georetrieve.errors import SourceError
from georetrieve.sources.annotations import parse_annotations, unpack_annotations

SQUARE = [[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]


def feature(coordinates=SQUARE, kind="Polygon", **properties):
    rings = [coordinates] if kind == "Polygon" else coordinates
    geometry = {"type": kind, "coordinates": rings}
    return {"type": "Feature", "id": "u-1", "geometry": geometry, "properties": properties}


def parsed(values, **options):
    text = values if isinstance(values, str) else json.dumps(values)
    return parse_annotations(text.encode(), "a.geojson", **options)


def zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def test_an_annotation_has_area_class_id_and_notes():
    named = {
        "classification": {"name": "quartz", "color": [1, 2, 3]},
        "metadata": {"a": "b", "n": 1},
    }
    (one,) = parsed(feature(**named)).found
    assert (one.area.area, one.name, one.colour, one.id) == (16, "quartz", (1, 2, 3), "u-1")
    assert one.metadata == {"a": "b"}, "metadata are texts"


def test_measurements_that_are_no_numbers_do_not_matter():
    # QuPath writes NaN for what it could not measure.
    text = json.dumps(feature(measurements={"Area": float("nan")}))
    assert "NaN" in text
    assert len(parsed(text).found) == 1


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (feature([[0, 0], [float("nan"), 1], [2, 2], [0, 0]]), "damaged"),
        (feature([[0, 0], [float("inf"), 1], [2, 2], [0, 0]]), "damaged"),
        (feature([[0, 0], [1e300, 1], [2, 2], [0, 0]]), "damaged"),
        (feature("abc"), "damaged"),
        (feature([[[[0]]]], "MultiPolygon"), "damaged"),
        (feature([[0, 0]]), "damaged"),
        (feature([[0, 0], [4, 4], [0, 0]]), "without extent"),
        (feature([1, 1], "Point"), "no areas but Point"),
        (feature([1, 1], "<img src=x>"), "no areas but something else"),
        (feature([1, 1], {"a": 1}), "no areas but something else"),
        ({"type": "Feature", "geometry": 7}, "without a geometry"),
    ],
)
def test_what_is_no_area_is_counted(values, why):
    read = parsed([values, feature()])
    assert (len(read.found), read.left_out) == (1, {why: 1})


def test_areas_of_too_many_vertices_are_left_out():
    read = parsed([feature()], most_vertices=4)
    assert read.left_out == {"with more than 4 vertices": 1}
    assert len(parsed([feature()], most_vertices=5).found) == 1


def test_outlines_that_cross_themselves_are_mended_soon():
    bow = feature([[0, 0], [4, 4], [4, 0], [0, 4], [0, 0]])
    holed = feature([[*SQUARE], [[1, 1], [5, 1], [5, 2], [1, 2], [1, 1]]], "Rings")
    holed["geometry"] = {**holed["geometry"], "type": "Polygon"}
    found = parsed([bow, holed], most_vertices=1000).found
    assert [one.area.area for one in found] == [8, 13]
    assert all(one.area.is_valid for one in found)


def test_a_tangle_does_not_take_hours():
    tangle = np.random.default_rng(0).uniform(0, 1000, (20_000, 2)).tolist()
    start = time.process_time()
    (one,) = parsed(feature([*tangle, tangle[0]]), most_vertices=100_000).found
    assert one.area.is_valid
    assert time.process_time() - start < 20
    rings = [[[x, 0], [x + 9, 9], [x + 9, 0], [x, 9], [x, 0]] for x in range(60)]
    many = {"type": "Polygon", "coordinates": rings}
    read = parsed({"type": "Feature", "geometry": many}, most_vertices=100_000)
    assert read.left_out == {"damaged": 1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000, "nested too deeply"),
        ("\x00", "is not JSON"),
        ("7", "is no GeoJSON"),
        ('{"features": 7}', "is no GeoJSON"),
        ('{"features": [[]]}', "is no GeoJSON"),
    ],
)
def test_what_is_no_geojson_says_so(text, words):
    with pytest.raises(SourceError, match=words):
        parsed(text)


@pytest.mark.parametrize("name", [{}, "", None, ["a"]])
def test_a_feature_without_properties_has_no_class(name):
    (one,) = parsed({**feature(), "properties": name, "id": name}).found
    assert (one.name, one.id, one.metadata) == ("", name if isinstance(name, str) else "", {})


def test_packed_exports_are_unpacked():
    text = json.dumps(feature()).encode()
    for packed in (
        text,
        gzip.compress(text),
        zipped({"a.geojson": text, "__MACOSX/a.geojson": b""}),
    ):
        assert unpack_annotations(packed, "a") == text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"x" * 1001, "more than 0 MB"),
        (gzip.compress(b"x" * 10_000), "more than 0 MB"),
        (zipped({"a.geojson": b"x" * 10_000}), "more than 0 MB"),
        (zipped({"a.txt": b"x"}), "a zip with 0 GeoJSON files"),
        (zipped({"a.geojson": b"x", "b.geojson": b"x"}), "a zip with 2 GeoJSON files"),
        (zipped({"a.geojson": b"x" * 100})[:60], "cannot be unpacked"),
        (b"\x1f\x8bno", "cannot be unpacked"),
        (gzip.compress(b"x" * 100)[:-9], "cannot be unpacked"),
    ],
    ids=range(8),  # the bytes hold the time
)
def test_bombs_and_damaged_archives_are_refused(data, words):
    with pytest.raises(SourceError, match=words):
        unpack_annotations(data, "a", most_bytes=1000)
