"""Searching an index, by every kind of query, against distances worked out by hand."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from fakes import FakeEncoder, fake_vector, solid

from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import EncoderError, SourceError, SpecMismatchError, StoreError
from georetrieve.search import Index, Query, QueryImage, QueryItem, QueryVector
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest
from georetrieve.types import Item, Region

COLOURS = [(0, 0, 0), (51, 51, 51), (102, 102, 102), (204, 204, 204), (255, 255, 255), (255, 0, 0)]


def found(result):
    return [hit.id for hit in result.hits]


def test_an_image_finds_the_nearest_colours(index, tmp_path):
    solid(60, 60, 60).save(tmp_path / "query.png")
    result = index.search(Query.image(tmp_path / "query.png"), 3)
    assert found(result) == ["a/dark.png", "b/grey.png", "a/black.png"]
    # Four cells of three channels: sqrt(12) times the difference of a channel.
    levels = np.array([9, 42, 60]) / 255
    np.testing.assert_allclose([hit.distance for hit in result.hits], 12**0.5 * levels, rtol=1e-5)
    assert [hit.score for hit in result.hits] == [-hit.distance for hit in result.hits]
    assert [hit.rank for hit in result.hits] == [1, 2, 3]
    assert (result.metric, result.encoder, result.remarks) == ("euclidean", "fake", [])


def test_a_region_is_what_is_looked_for(index, tmp_path):
    picture = solid(0, 0, 0, (40, 20))
    picture.paste((255, 0, 0), (20, 0, 40, 20))
    picture.save(tmp_path / "two.png")
    whole = index.search(Query.image(tmp_path / "two.png"), 1)
    left = index.search(Query.image(tmp_path / "two.png", Region(0, 0, 20, 20)), 1)
    right = index.search(Query.image(tmp_path / "two.png", Region(20, 0, 20, 20)), 1)
    assert (found(left), found(right)) == (["a/black.png"], ["c/red.png"])
    assert left.hits[0].distance == right.hits[0].distance == 0
    assert whole.hits[0].distance > 0.5
    assert right.query.endswith("two.png#20,0,20,20")


def test_a_region_outside_the_image_is_refused(index, tmp_path):
    solid(0, 0, 0, (40, 20)).save(tmp_path / "q.png")
    with pytest.raises(SourceError, match="40"):
        index.search(Query.image(tmp_path / "q.png", Region(30, 0, 20, 20)))


def test_a_query_image_that_cannot_be_read_is_one_line(index, tmp_path, monkeypatch):
    with pytest.raises(SourceError, match=r"gone\.png does not exist"):
        index.search(Query.image(tmp_path / "gone.png"))
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(SourceError, match=r"text\.png"):
        index.search(Query.image(tmp_path / "text.png"))

    def refuse(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("georetrieve.search.asked.open_raster", refuse)
    with pytest.raises(SourceError, match=r"q\.png cannot be read \(Permission denied\)"):
        index.search(Query.image(tmp_path / "q.png"))


def test_a_large_query_image_is_read_small(index, tmp_path):
    solid(255, 0, 0, (3000, 4100)).save(tmp_path / "large.png")
    assert index.picture(QueryImage(tmp_path / "large.png")).image.size == (1499, 2048)
    assert found(index.search(Query.image(tmp_path / "large.png"), 1)) == ["c/red.png"]


def test_an_item_is_not_its_own_hit_unless_asked(index):
    assert found(index.search(Query.item("a/black.png"), 2)) == ["a/dark.png", "b/grey.png"]
    own = index.search(Query.item("a/black.png"), 2, exclude_self=False)
    assert found(own) == ["a/black.png", "a/dark.png"]
    assert own.hits[0].distance == 0


def test_an_indexed_file_is_its_item(index, folder):
    assert found(index.search(Query.image(folder / "a/black.png"), 1)) == ["a/dark.png"]
    own = index.search(Query.image(folder / "a/black.png"), 1, exclude_self=False)
    assert found(own) == ["a/black.png"]
    other = index.search(
        Query.image(folder / "a/black.png", Region(0, 0, 4, 4)), 1, exclude_group=True
    )
    assert found(other) == ["b/grey.png"]


def test_groups_are_left_out(index):
    result = index.search(Query.item("a/black.png"), 10, exclude_group=True)
    assert found(result) == ["b/grey.png", "c/red.png", "b/pale.png", "c/white.png"]
    both = Query((QueryItem("a/black.png"), QueryItem("b/grey.png")))
    assert set(found(index.search(both, 10, exclude_group=True))) == {"c/red.png", "c/white.png"}
    some = index.search(
        Query.item("a/black.png"), 10, exclude_group=True, where="depth > 3000 -- metres"
    )
    assert found(some) == ["c/red.png", "c/white.png"]


def test_an_unknown_group_is_said(index, tmp_path):
    result = index.search(Query.item("c/white.png"), 9, exclude_group=True)
    assert len(result.hits) == 5
    assert result.remarks == ["The query's group is unknown, so no group was left out."]
    solid(1, 1, 1).save(tmp_path / "q.png")
    assert index.search(Query.image(tmp_path / "q.png"), exclude_group=True).remarks


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ("label = 'dark'", {"a/black.png", "a/dark.png"}),
        ("label = 'o''brien'", {"c/red.png"}),
        ("group = 'slide 2'", {"b/grey.png", "b/pale.png"}),
        ("label IS NULL", {"b/pale.png"}),
        ("depth > 2500.5 AND NOT label = 'light'", {"b/grey.png", "c/red.png"}),
        ("path LIKE 'c/%'", {"c/white.png", "c/red.png"}),
        ("depth < 0", set()),
    ],
)
def test_conditions(index, where, ids):
    vector = fake_vector(0, 0, 0)
    assert set(found(index.search(Query.vector(vector), 10, where=where))) == ids


@pytest.mark.parametrize("exclude_group", [False, True])
def test_an_invalid_condition_shows_the_users_words_and_the_columns(index, exclude_group):
    with pytest.raises(StoreError, match=r"'depht > 3'.*Columns:.*group.*depth") as caught:
        index.search(Query.item("a/black.png"), where="depht > 3", exclude_group=exclude_group)
    assert "\n" not in str(caught.value)


def test_adding_and_subtracting(index):
    plus = Query((QueryItem("a/black.png"), QueryItem("c/white.png")))
    assert found(index.search(plus, 1)) == ["b/grey.png"]
    minus = Query((QueryItem("c/white.png"), QueryItem("b/pale.png", -0.5)))
    assert not {"c/white.png", "b/pale.png"} & set(found(index.search(minus, 6)))


def test_fewer_hits_than_asked_for(index):
    assert len(index.search(Query.item("a/black.png"), 50).hits) == 5


@pytest.mark.parametrize("k", [0, -3])
def test_k_starts_at_one(index, k):
    with pytest.raises(StoreError, match=f"k = {k}"):
        index.search(Query.item("a/black.png"), k)


def test_an_unknown_id_suggests_the_nearest(index):
    with pytest.raises(StoreError, match=r"no item 'a/balck\.png'.*Did you mean 'a/black\.png'"):
        index.search(Query.item("a/balck.png"))
    with pytest.raises(StoreError, match=r"Did you mean 'b/grey\.png'"):
        index.search(Query.item("slides/grey.png"))
    with pytest.raises(StoreError, match='no item "it\'s"'):
        index.search(Query.item("it's"))


def test_a_query_is_typed(index, folder):
    query = index.parse(["+", str(folder / "c/red.png"), "-", "2*a/black.png"])
    assert query.parts == (QueryImage(folder / "c/red.png"), QueryItem("a/black.png", -2.0))
    with pytest.raises(StoreError, match=r"neither a file nor.*Did you mean 'a/black\.png'"):
        index.parse(["a/blak.png"])


def test_a_vector_of_another_encoder_is_refused_naming_both(index):
    other = replace(FakeEncoder().spec, name="other", sha256="f" * 64)
    with pytest.raises(SpecMismatchError, match=r"other.*fake"):
        index.search(Query.vector(fake_vector(0, 0, 0), other))
    with pytest.raises(SpecMismatchError, match=r"\(5,\).*fake.*13"):
        index.search(Query.vector(np.ones(5, np.float32)))
    with pytest.raises(StoreError, match="zero or not finite"):
        index.search(Query.vector(np.zeros(13, np.float32)))
    same = Query.vector(fake_vector(255, 0, 0), FakeEncoder().spec)
    assert found(index.search(same, 1)) == ["c/red.png"]


def test_an_encoder_the_index_has_not_is_refused_with_those_it_has(index):
    with pytest.raises(StoreError, match=r"no vectors of 'fakee'.*Did you mean 'fake'"):
        index.search(Query.item("a/black.png"), encoder="fakee")
    with pytest.raises(StoreError, match=r"no vectors of 'clip'.*Known: fake"):
        index.encoder("clip")


def test_an_encoder_is_loaded_once_and_only_when_an_image_is_asked_for(index, folder, monkeypatch):
    from georetrieve.search import loaded as module

    loaded = []

    def load(spec, index_dir, *, runtime):
        loaded.append((spec.name, index_dir, runtime))
        return FakeEncoder()

    monkeypatch.setattr(module, "load_for_spec", load)
    index.search(Query.item("a/black.png"))
    assert loaded == []
    index.search(Query.image(folder / "c/red.png"))
    index.search(Query.image(folder / "a/dark.png"))
    assert loaded == [("fake", index.path, Runtime(device="cpu"))]


def test_weights_that_are_gone_are_an_error(index, folder, monkeypatch):
    spec = replace(FakeEncoder().spec, family="lost")
    store = index.store
    store._manifest = replace(store.manifest, encoders=(spec,))
    with pytest.raises(EncoderError, match="lost"):
        index.search(Query.image(folder / "c/red.png"))


def test_items_without_a_vector_of_the_encoder_are_never_found(index):
    store = index.store
    spec = FakeEncoder(3, "fake3").spec
    store.begin_column(spec)
    store.stage_vectors(spec.column, ["c/red.png"], fake_vector(255, 0, 0, grid=3)[None])
    store.finish_column(spec)
    black = Query.vector(fake_vector(0, 0, 0, grid=3))
    assert found(index.search(black, 6, encoder="fake3")) == ["c/red.png"]
    assert len(index.search(Query.item("a/black.png"), 6, encoder="fake").hits) == 5
    with pytest.raises(StoreError, match=r"'a/black\.png' has no fake3 vector"):
        index.search(Query.item("a/black.png"), encoder="fake3")


def test_hits_say_all_there_is(index, folder):
    hit = index.search(Query.vector(fake_vector(255, 0, 0)), 1).hits[0]
    assert (hit.path, hit.label, hit.group) == ("c/red.png", "o'brien", "slide 3")
    assert hit.file == folder / "c/red.png"
    assert (hit.um_per_px, hit.region, hit.kind) == (0.25, None, "image")
    assert hit.metadata == {"depth": 6000}
    assert hit.thumbnail == b"c/red.png"


def test_percentiles_are_shares_of_nearer_pairs(index):
    # 15 pairs. Black to dark is 0.2 sqrt(12), as dark to grey and pale to white: the nearest.
    result = index.search(Query.item("a/black.png"), 5)
    shares = {hit.id: hit.percentile for hit in result.hits}
    assert shares["a/dark.png"] == 0
    levels = np.array(COLOURS) / 255
    pairs = [2 * np.linalg.norm(levels[i] - levels[j]) for i in range(6) for j in range(i)]
    for name, own in (("b/grey.png", 2), ("c/white.png", 4)):
        distance = 2 * np.linalg.norm(levels[0] - levels[own])
        nearer = sum(pair < distance - 1e-5 for pair in pairs)
        # Pairs exactly as far may fall on either side by rounding.
        as_far = sum(abs(pair - distance) <= 1e-5 for pair in pairs)
        assert 100 * nearer / 15 <= shares[name] <= 100 * (nearer + as_far) / 15
    assert index.search(Query.vector(fake_vector(255, 0, 0)), 1).hits[0].percentile == 0


def test_results_as_rows_json_and_csv(index):
    result = index.search(Query.item("a/black.png"), 3)
    rows = result.rows()
    assert rows[0]["id"] == "a/dark.png"
    assert rows[0]["depth"] == 2000
    values = json.loads(result.to_json())
    assert values["query"] == "a/black.png"
    assert [row["id"] for row in values["hits"]] == found(result)
    table = list(csv.DictReader(io.StringIO(result.to_csv())))
    assert [row["id"] for row in table] == found(result)
    assert [float(row["score"]) for row in table] == [hit.score for hit in result.hits]
    assert "thumbnail" not in table[0]


def test_metadata_do_not_hide_what_a_hit_says(index):
    index.store.update_items({"c/red.png": {"region": "North Sea", "score": 7}})
    row = index.search(Query.vector(fake_vector(255, 0, 0)), 1).rows()[0]
    assert (row["region"], row["score"]) == (None, 0)
    assert (row["item_region"], row["item_score"]) == ("North Sea", 7)


def test_an_empty_index(tmp_path, fake_family):
    store = IndexStore.create(tmp_path / "i", Manifest(name="i", encoders=(FakeEncoder().spec,)))
    with Index.open(tmp_path / "i") as index:
        result = index.search(Query.vector(fake_vector(0, 0, 0)), 3)
        assert (list(result.hits), result.rows()) == ([], [])
        assert result.to_csv() == "rank,id,score\n"
    store.add_items(
        [Item(path="one.png", kind="image")], {"vector_fake": fake_vector(9, 9, 9)[None]}
    )
    with Index.open(tmp_path / "i") as index:
        hit = index.search(Query.vector(fake_vector(9, 9, 9)), 3).hits[0]
        assert (hit.id, hit.percentile) == ("one.png", None)


def test_an_index_without_any_encoder(tmp_path):
    IndexStore.create(tmp_path / "i", Manifest(name="i"))
    with Index.open(tmp_path / "i") as index, pytest.raises(StoreError, match="no encoder yet"):
        index.search(Query.vector(np.ones(3, np.float32)))


def test_pictures_of_parts(index, folder):
    item = index.picture(QueryItem("c/red.png", -2.0))
    assert (item.image, item.label, item.weight) == (b"c/red.png", "o'brien", -2.0)
    image = index.picture(QueryImage(folder / "c/red.png"))
    assert image.image.getpixel((0, 0)) == (255, 0, 0)
    with pytest.raises(StoreError, match="no picture"):
        index.picture(QueryVector(fake_vector(0, 0, 0)))
