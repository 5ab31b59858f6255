import numpy as np
import pyarrow as pa
import pytest

from georetrieve.errors import StoreError
from georetrieve.probes.item_map.colouring import OTHERS, SHADES, colouring_of
from georetrieve.probes.item_map.inside import rows_inside
from georetrieve.probes.item_map.layout import MapOptions
from georetrieve.probes.item_map.making import make_map
from georetrieve.probes.item_map.rows import map_column, map_rows

GRID = np.array([[x, y] for x in range(4) for y in range(4)], np.float32)


def test_inside_a_triangle():
    rows = rows_inside(GRID, [(-0.5, -0.5), (2.6, -0.5), (-0.5, 2.6)])
    assert GRID[rows].tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [2, 0]]


def test_inside_either_loop_of_a_line_that_crosses_itself():
    bow = [(-0.5, -0.5), (3.5, 3.5), (3.5, -0.5), (-0.5, 3.5)]
    inside = GRID[rows_inside(GRID, bow)].tolist()
    assert [0, 1] in inside
    assert [3, 2] in inside
    assert [1, 3] not in inside


@pytest.mark.parametrize(
    "line",
    [[], [(0, 0), (1, 1)], [(0, 0), (1, 1), (np.nan, 0)], [(0, 0)] * 20_000, [(0, 0, 0)] * 3],
)
def test_what_is_no_line(line):
    with pytest.raises(StoreError):
        rows_inside(GRID, line)


def test_a_line_without_area_holds_nothing():
    assert not len(rows_inside(GRID, [(0.5, 0.5)] * 3))
    assert not len(rows_inside(GRID[:0], [(0, 0), (1, 0), (0, 1)]))


def test_classes_by_how_many_they_are():
    found = colouring_of(pa.chunked_array([["b", "a", None], ["a", "", "c", "a"]]), classes=2)
    assert found.names == ("a", "b", OTHERS)
    assert found.counts == (3, 1, 1)
    assert found.codes.tolist() == [1, 0, -1, 0, -1, 2, 0]
    assert (found.unknown, found.span) == (2, None)
    assert colouring_of(pa.chunked_array([[True, False, True]])).names == ("true", "false")


def test_shades_of_numbers():
    found = colouring_of(
        pa.chunked_array([[0.0, 50.0, 100.0, None, float("nan"), 1e9], [50.0] * 95])
    )
    assert found.codes[3] == found.codes[4] == -1
    assert found.codes[5] == SHADES - 1
    assert 0 <= found.codes[0] <= found.codes[1] <= found.codes[2] < SHADES
    assert found.span[1] < 1e6
    assert colouring_of(pa.chunked_array([[7, 7]])).codes.tolist() == [0, 0]
    assert colouring_of(pa.chunked_array([pa.nulls(2, pa.int64())])).unknown == 2


def test_rows_and_columns_of_a_map(make_index):
    index = make_index(12)
    made = make_map(index, options=MapOptions(perplexity=5))
    rows = list(map_rows(index.store, made))
    assert [row["id"] for row in rows] == made.ids
    assert (rows[1]["label"], rows[5]["label"], rows[1]["group"]) == ("class 1", None, "g1")
    assert [rows[4]["x"], rows[4]["y"]] == made.places[4].tolist()
    assert map_column(index.store, made, "depth").to_pylist() == list(range(12))
    with pytest.raises(StoreError, match="Did you mean 'depth'"):
        map_column(index.store, made, "dept")
