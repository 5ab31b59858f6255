"""Parsing, weighing and adding the parts of a query; finding indexes by name."""

from pathlib import Path

import numpy as np
import pytest

from georetrieve.errors import IndexNotFoundError, SourceError, StoreError
from georetrieve.search import Query, QueryImage, QueryItem, find_index, index_path
from georetrieve.search.mixing import combine
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest
from georetrieve.types import Region


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working directory with two files."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "-b.jpg"):
        Path(name).touch()
    return tmp_path


def parse(*words, items=("well/1.png", "s.tif#0,0,8,8", "a.jpg#1,2,3,4")):
    return Query.parse(words, is_item=lambda one: one in items)


def test_words(here):
    image, minus = QueryImage(Path("a.jpg")), QueryImage(Path("a.jpg"), None, -1.0)
    assert parse("a.jpg").parts == (image,)
    assert parse("+", "a.jpg", "-", "well/1.png").parts == (image, QueryItem("well/1.png", -1.0))
    assert parse("+a.jpg", "-a.jpg").parts == (image, minus)
    assert parse("a.jpg", "well/1.png").parts == (image, QueryItem("well/1.png"))
    assert parse("2*a.jpg", "-", ".5*well/1.png").parts == (
        QueryImage(Path("a.jpg"), None, 2.0),
        QueryItem("well/1.png", -0.5),
    )
    assert parse("-b.jpg").parts == (QueryImage(Path("-b.jpg")),)  # a file of that very name


def test_regions_are_items_if_there_are_such_and_files_otherwise(here):
    assert parse("s.tif#0,0,8,8").parts == (QueryItem("s.tif#0,0,8,8"),)
    assert parse("a.jpg#1,2,3,4").parts == (QueryItem("a.jpg#1,2,3,4"),)
    assert parse("a.jpg#1,2,3,5").parts == (QueryImage(Path("a.jpg"), Region(1, 2, 3, 5)),)
    with pytest.raises(SourceError, match="x,y,width,height"):
        parse("a.jpg#1,2")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gone.jpg"], "neither a file nor"),
        (["+", "-", "a.jpg"], "Two signs"),
        (["a.jpg", "-"], "ends with a sign"),
        ([], "empty"),
        (["0*a.jpg"], "weight"),
    ],
)
def test_what_is_no_query(here, words, message):
    with pytest.raises(StoreError, match=message):
        parse(*words)


def test_a_query_reads_as_it_was_typed(here):
    assert str(parse("a.jpg")) == "a.jpg"
    assert str(parse("2*a.jpg", "-", "well/1.png")) == "+ 2*a.jpg - well/1.png"
    assert str(parse("-a.jpg")) == "- a.jpg"


def test_one_part_is_left_as_it_is():
    vector = np.float32([[3, 4.000001]])
    for metric in ("euclidean", "cosine"):
        np.testing.assert_array_equal(combine(vector, [2.5], metric), vector[0])


def test_directions_are_added_and_the_mean_length_kept():
    vectors = np.float32([[10, 0], [0, 2]])
    # Unit vectors (1, 0) + (0, 1); weighted mean length (10 + 2) / 2 = 6.
    expected = 6 * np.array([1, 1]) / 2**0.5
    np.testing.assert_allclose(combine(vectors, [1, 1], "euclidean"), expected, rtol=1e-6)
    np.testing.assert_allclose(combine(vectors, [1, 1], "cosine"), [1, 1], rtol=1e-6)
    # 2 (1, 0) - (0, 1), length (2 * 10 + 2) / 3 = 22 / 3.
    expected = 22 / 3 * np.array([2, -1]) / 5**0.5
    np.testing.assert_allclose(combine(vectors, [2, -1], "euclidean"), expected, rtol=1e-6)


def test_less_of_one_thing_is_its_opposite():
    vectors = np.float32([[3, 4]])
    np.testing.assert_allclose(combine(vectors, [-2], "euclidean"), [-3, -4], rtol=1e-6)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_parts_that_cancel_out_are_refused(metric):
    with pytest.raises(StoreError, match="cancel out"):
        combine(np.float32([[1, 2], [2, 4]]), [1, -1], metric)


def test_names_live_under_indexes_and_paths_are_paths(here):
    assert index_path("slides") == Path("indexes/slides")
    assert index_path("./slides") == Path("slides")
    assert index_path("some/where") == Path("some/where")
    assert index_path(Path("slides")) == Path("slides")
    assert index_path("~/slides") == Path.home() / "slides"
    IndexStore.create(here / "beside", Manifest(name="beside"))
    assert index_path("beside") == Path("beside")
    IndexStore.create(here / "indexes/beside", Manifest(name="beside"))
    assert index_path("beside") == Path("indexes/beside")
    with pytest.raises(StoreError, match="empty"):
        index_path(" ")


def test_a_missing_index_names_the_nearest(here):
    with pytest.raises(IndexNotFoundError, match="georetrieve index FOLDER"):
        find_index("slides")
    IndexStore.create(here / "indexes/slides", Manifest(name="slides"))
    assert find_index("slides") == Path("indexes/slides")
    with pytest.raises(IndexNotFoundError, match="Did you mean 'slides'"):
        find_index("slide")
    with pytest.raises(IndexNotFoundError, match="Known: slides"):
        find_index("xyz")
    with pytest.raises(FileNotFoundError):
        find_index("no/such/folder")
