"""FAISS files are a cache: of one content, whole or not at all, and built again when in doubt."""

import json
from multiprocessing import get_context
from threading import Thread

import numpy as np
import pytest
from contracts_store import make_items, make_spec, make_vectors

from georetrieve.stores import faiss_cache
from georetrieve.stores.faiss_cache import FaissCache
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest

COUNT, DIM = 200, 6


@pytest.fixture
def store(tmp_path):
    spec = make_spec(DIM)
    store = IndexStore.create(tmp_path / "index", Manifest(name="index", encoders=(spec,)))
    store.add_items(make_items(COUNT), {spec.column: make_vectors(COUNT, DIM)})
    return store


@pytest.fixture
def cache(store):
    return FaissCache(store.path)


@pytest.fixture
def builds(monkeypatch):
    """Kinds that were built."""
    built, real = [], faiss_cache.build_faiss
    monkeypatch.setattr(
        faiss_cache,
        "build_faiss",
        lambda snapshot, spec, kind, **more: (
            built.append(kind) or real(snapshot, spec, kind, **more)
        ),
    )
    return built


def obtain(cache, store, kind="ivf"):
    column = store.column()
    return cache.obtain(column.snapshot(), column.spec, kind)


def file_name(store):
    return f"vector_fake-{store.stamp(['vector_fake'])[:16]}-ivf"


def names(cache):
    return sorted(path.name for path in cache.folder.iterdir() if path.name != ".lock")


def test_an_index_is_built_once_and_read_after(cache, store, builds):
    first = obtain(cache, store)
    again = obtain(FaissCache(store.path), IndexStore.open(store.path))
    assert builds == ["ivf"]
    assert again.index.facts == first.index.facts
    assert first.remarks == again.remarks == ()
    asked = make_vectors(5, DIM, seed=9)
    for one, other in zip(
        first.index.find(asked, 4, None), again.index.find(asked, 4, None), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_the_facts_are_beside_the_file(cache, store):
    obtain(cache, store)
    name = file_name(store)
    assert names(cache) == [f"{name}.faiss", f"{name}.json"]
    values = json.loads((cache.folder / f"{name}.json").read_text())
    assert values["vectors"] == COUNT
    assert values["parameters"] == {"lists": 14, "bits": 8, "trained_on": 200}
    assert values["recall_at_10"] >= 0.98
    assert values["recall_queries"] == COUNT
    assert 1 <= values["effort"] <= 14
    assert values["fingerprint"] == make_spec(DIM).fingerprint
    assert [one.kind for one in cache.facts()] == ["ivf"]


def test_another_version_is_built_anew_and_the_old_one_deleted(cache, store, builds):
    obtain(cache, store)
    obtain(cache, store, "hnsw")
    store.remove_ids([make_items(1)[0].id])
    assert cache.known(store.column().snapshot(), make_spec(DIM)) == []
    assert obtain(cache, store).index.facts.vectors == COUNT - 1
    assert builds == ["ivf", "hnsw", "ivf"]
    assert names(cache) == [f"{file_name(store)}.{end}" for end in ("faiss", "json")]


def test_labels_and_other_columns_do_not_make_it_stale(cache, store, builds):
    first = obtain(cache, store)
    ids = [item.id for item in make_items(5)]
    store.update_items({one: {"label": "checked", "remark": "x"} for one in ids})
    opened = IndexStore.open(store.path)
    assert opened.version == store.version > first.index.facts.version
    assert obtain(FaissCache(store.path), opened).index.facts == first.index.facts
    assert builds == ["ivf"]
    assert [row["current"] for row in cache.rows(opened)] == [True]


def test_files_of_a_column_whose_name_goes_on_are_left_alone(cache, store):
    obtain(cache, store)
    name = file_name(store)
    values = json.loads((cache.folder / f"{name}.json").read_text())
    other = cache.folder / "vector_fake-large-0-ivf.json"
    other.write_text(json.dumps(values | {"column": "vector_fake-large", "stamp": "0"}))
    store.remove_ids([make_items(1)[0].id])
    obtain(cache, store)
    assert other.exists()


def test_the_same_version_of_another_content_is_not_taken(cache, store, tmp_path, builds):
    obtain(cache, store)
    spec = make_spec(DIM)
    other = IndexStore.create(tmp_path / "other", Manifest(name="other", encoders=(spec,)))
    other.add_items(make_items(COUNT), {spec.column: make_vectors(COUNT, DIM, seed=1)})
    assert other.version == store.version
    cache.folder.parent.rename(tmp_path / "other" / "cache")
    assert obtain(FaissCache(other.path), other).remarks == ()
    assert builds == ["ivf", "ivf"]


@pytest.mark.parametrize("damage", ["shorter", "other bytes", "gone", "no json", "not facts"])
def test_what_is_damaged_is_built_again_and_said(cache, store, builds, damage):
    obtain(cache, store)
    path = cache.folder / f"{file_name(store)}.faiss"
    content = path.read_bytes()
    if damage == "shorter":
        path.write_bytes(content[:-9])
    elif damage == "other bytes":
        path.write_bytes(content[:-9] + bytes(9))
    elif damage == "gone":
        path.unlink()
    else:
        path.with_suffix(".json").write_text("{" if damage == "no json" else '{"kind": "ivf"}')
    (remark,) = obtain(cache, store).remarks
    assert "is damaged" in remark
    assert remark.endswith("It was built again.")
    assert builds == ["ivf", "ivf"]
    assert obtain(cache, store).remarks == ()
    assert builds == ["ivf", "ivf"]


def test_a_folder_that_cannot_be_written_keeps_the_index_in_memory(cache, store):
    cache.folder.parent.write_text("in the way")
    obtained = obtain(cache, store)
    (remark,) = obtained.remarks
    assert "held in memory and not kept" in remark
    assert obtained.index.facts.vectors == COUNT


def test_a_full_disk_keeps_the_index_in_memory(cache, store, monkeypatch):
    def fail(*_):
        raise RuntimeError("Error in fwrite: No space left on device")

    monkeypatch.setattr("faiss.write_index", fail)
    obtained = obtain(cache, store)
    assert "No space left" in obtained.remarks[0]
    assert obtained.index.facts.vectors == COUNT
    assert names(cache) == []


def test_what_a_killed_builder_left_is_swept(cache, store):
    cache.folder.mkdir(parents=True)
    (cache.folder / ".vector_fake-0-ivf.faiss.7.x.tmp").write_bytes(b"half")
    (cache.folder / "vector_fake-0-ivf.faiss").write_bytes(b"no facts beside it")
    obtain(cache, store)
    assert names(cache) == [f"{file_name(store)}.{end}" for end in ("faiss", "json")]


def test_two_threads_build_once(cache, store, builds):
    column = store.column()
    column.snapshot()
    threads = [Thread(target=obtain, args=(FaissCache(store.path), store)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert builds == ["ivf"]


def _build_elsewhere(path, answers):
    store = IndexStore.open(path)
    got = obtain(FaissCache(path), store, "hnsw")
    answers.put((got.index.facts.build_seconds, got.remarks))


def test_two_processes_build_once(store, tmp_path):
    context = get_context("spawn")  # Lance does not survive a fork
    answers = context.Queue()
    workers = [
        context.Process(target=_build_elsewhere, args=(store.path, answers)) for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    got = [answers.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    assert got[0] == got[1]  # seconds of the one build
    assert got[0][1] == ()
