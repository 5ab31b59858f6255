import numpy as np
import pytest

from georetrieve.labelling import give_labels
from georetrieve.probes.item_map import making
from georetrieve.probes.item_map.kept import items_mapped, kept_map, map_file
from georetrieve.probes.item_map.layout import MapOptions
from georetrieve.probes.item_map.making import make_map
from georetrieve.search import Index
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.lock import write_lock

QUICK = MapOptions(perplexity=5)


@pytest.fixture
def laid_out(monkeypatch):
    """How many maps were laid out."""
    calls = []
    real = making.lay_out
    monkeypatch.setattr(
        making, "lay_out", lambda *args, **named: calls.append(1) or real(*args, **named)
    )
    return calls


def test_made_once_and_kept(make_index, laid_out):
    index = make_index(40)
    made = make_map(index, options=QUICK)
    again = make_map(index)
    assert len(laid_out) == 1
    assert made.ids == again.ids == sorted(made.ids)
    np.testing.assert_array_equal(made.places, again.places)
    assert (again.options, again.quality, again.encoder) == (QUICK, made.quality, "fake")
    make_map(index, options=MapOptions(perplexity=6))
    assert len(laid_out) == 2
    assert kept_map(index.store, index.manifest.encoders[0]).options.perplexity == 6
    make_map(index, again=True)
    assert len(laid_out) == 3


def test_labels_do_not_make_it_stale(make_index, laid_out):
    index = make_index(40)
    made = make_map(index, options=QUICK)
    give_labels(index.path, {made.ids[0]: "new"})
    newer = Index.open(index.path)
    assert newer.store.version > index.store.version
    np.testing.assert_array_equal(make_map(newer).places, made.places)
    assert len(laid_out) == 1


def test_new_items_join_and_old_keep_their_place(make_index, add_items, laid_out):
    index = make_index(60)
    made = make_map(index, options=QUICK)
    newer = add_items(index, 6)
    items = items_mapped(newer.store, newer.manifest.encoders[0])
    kept = kept_map(newer.store, newer.manifest.encoders[0])
    assert kept.of_now(items).missing(items) == [f"{n:05d}.png" for n in range(60, 66)]
    joined = make_map(newer)
    assert len(laid_out) == 1
    assert (len(joined), joined.beside) == (66, 6)
    np.testing.assert_array_equal(joined.places[:60], made.places)
    for one in range(60, 66):  # item n is of group n % 6
        nearest = np.linalg.norm(joined.places[:60] - joined.places[one], axis=1).argmin()
        assert nearest % 6 == one % 6
    assert len(make_map(add_items(newer, 30))) == 96
    assert len(laid_out) == 2  # so many change the map


def test_items_that_went_or_changed_lose_their_place(make_index):
    index = make_index(40)
    spec = index.manifest.encoders[0]
    made = make_map(index, options=QUICK)
    with write_lock(index.path, "test"):
        store = IndexStore.open(index.path)
        store.remove_ids(["00003.png"])
    items = items_mapped(store, spec)
    now = made.of_now(items)
    assert len(now) == 39
    assert "00003.png" not in now.ids
    assert now.missing(items) == []
    place = items.column_names.index("content_hash")
    digests = ["changed", *items.column("content_hash").to_pylist()[1:]]
    other = items.set_column(place, "content_hash", [digests])
    assert made.of_now(other).missing(other) == ["00000.png"]


def test_another_encoder_of_the_name_is_another_map(make_index):
    index = make_index(20)
    spec = index.manifest.encoders[0]
    make_map(index, options=QUICK)
    from dataclasses import replace

    assert kept_map(index.store, spec) is not None
    assert kept_map(index.store, replace(spec, sha256="1" * 64)) is None
    assert kept_map(index.store, replace(spec, metric="cosine")) is None


@pytest.mark.parametrize("damage", [b"", b"no map", None])
def test_a_damaged_file_counts_as_none(make_index, laid_out, damage):
    index = make_index(20)
    make_map(index, options=QUICK)
    path = map_file(index.store, index.manifest.encoders[0])
    path.write_bytes(path.read_bytes()[:500] if damage is None else damage)
    assert kept_map(index.store, index.manifest.encoders[0]) is None
    make_map(index)
    assert len(laid_out) == 2


def test_where_the_index_cannot_be_written_the_user_keeps_it(make_index, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    monkeypatch.setattr("sys.platform", "linux")
    index = make_index(20)
    (index.path / "cache").write_text("in the way")
    make_map(index, options=QUICK)
    path = map_file(index.store, index.manifest.encoders[0])
    assert path.is_relative_to(tmp_path / "user" / "georetrieve" / "maps")
    assert kept_map(index.store, index.manifest.encoders[0]).options == QUICK


@pytest.mark.parametrize("count", [0, 1, 3])
def test_small_indexes(make_index, count):
    made = make_map(make_index(count))
    assert len(made) == count
    assert np.isfinite(made.places).all()
