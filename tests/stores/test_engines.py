"""Which engine answers, that it does, and what is said about it."""

from dataclasses import replace
from threading import Thread

import numpy as np
import pytest
from contracts_store import expected, make_items, make_spec, make_vectors

from georetrieve.errors import StoreError
from georetrieve.stores import engine_choice, engines, faiss_index, finders
from georetrieve.stores.engine_choice import ENGINES, choose_engine, choose_faiss
from georetrieve.stores.engines import EngineVectors
from georetrieve.stores.faiss_index import FaissFacts
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest

COUNT, DIM = 400, 8
NAMED = [name for name in ENGINES if ":" in name] + ["lance"]


def facts(kind, recall=0.99):
    return FaissFacts(
        kind=kind,
        metric="euclidean",
        encoder="fake",
        fingerprint="",
        column="vector_fake",
        version=1,
        stamp="",
        vectors=1,
        dim=1,
        longest=1.0,
        recall_at_10=recall,
    )


@pytest.fixture(params=["euclidean", "cosine"])
def metric(request):
    return request.param


@pytest.fixture
def items():
    return make_items(COUNT)


@pytest.fixture
def vectors():
    return make_vectors(COUNT, DIM)


@pytest.fixture
def store(tmp_path, metric, items, vectors):
    spec = make_spec(DIM, metric)
    store = IndexStore.create(tmp_path / "index", Manifest(name="index", encoders=(spec,)))
    store.add_items(items, {spec.column: vectors})
    return store


def engine_of(store, name, **options):
    return EngineVectors(store.column(), store.path, engine=name, device="cpu", **options)


@pytest.fixture
def slow_everything(monkeypatch):
    """Every column counts as large."""
    monkeypatch.setattr(engine_choice, "SLOW_VALUES", 0)
    monkeypatch.setattr(engines, "SLOW_VALUES", 0)


@pytest.fixture
def exact_kernel(monkeypatch):
    """Numbers of queries the exact kernel answered."""
    asked = []
    for module in (engines, finders):
        real = module.find_nearest
        monkeypatch.setattr(
            module,
            "find_nearest",
            lambda *given, real=real, **more: asked.append(len(given[2])) or real(*given, **more),
        )
    return asked


SMALL, LARGE = {"vectors": 600_000, "dim": 384}, {"vectors": 800_000, "dim": 384}


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        (SMALL | {"queries": 1}, "exact"),
        (SMALL | {"queries": 1, "built": [facts("hnsw")]}, "exact"),
        (LARGE | {"queries": 1}, "exact"),
        (LARGE | {"queries": 1, "built": [facts("ivf")]}, "faiss:ivf"),
        (LARGE | {"queries": 63, "built": [facts("ivf"), facts("hnsw")]}, "faiss:hnsw"),
        (LARGE | {"queries": 1, "built": [facts("ivf"), facts("hnsw", 0.9)]}, "faiss:ivf"),
        (LARGE | {"queries": 1, "built": [facts("ivf", 0.9)]}, "exact"),
        # Numbers a benchmark reports are exact.
        (LARGE | {"queries": 64, "built": [facts("ivf"), facts("hnsw")]}, "exact"),
        (LARGE | {"queries": 64, "gpus": 1}, "exact"),
        (LARGE | {"queries": 1000, "gpus": 1}, "faiss:flat"),
        (LARGE | {"queries": 1000, "gpus": 0}, "exact"),
        (SMALL | {"queries": 1, "gpus": 1}, "exact"),
    ],
)
def test_the_rule_of_auto(asked, chosen):
    assert choose_engine(**asked) == chosen


def test_plain_faiss_is_what_is_there_or_suits_the_size():
    assert choose_faiss(**SMALL) == "faiss:flat"
    assert choose_faiss(**LARGE) == "faiss:ivf"
    assert choose_faiss(**SMALL, built=[facts("ivf")]) == "faiss:ivf"
    assert choose_faiss(**SMALL, built=[facts("ivf"), facts("hnsw")]) == "faiss:hnsw"


def test_an_unknown_engine_suggests_the_nearest(store):
    with pytest.raises(StoreError, match=r"'fais:ivf'.*Did you mean 'faiss:ivf'"):
        engine_of(store, "fais:ivf")


@pytest.mark.parametrize("name", NAMED)
def test_a_named_engine_answers_itself_and_as_the_oracle(store, items, vectors, name, exact_kernel):
    engine = engine_of(store, name)
    engine.choose()
    exact_kernel.clear()  # recall is measured with it
    hits = engine.search(vectors[1:9], 5, exclude_ids=[item.id for item in items[1:9]])
    assert exact_kernel == []
    own = [item.id for item in items[1:9]]
    wanted = expected(items, vectors, vectors[1:9], 5, store.column().spec.metric, ids=own)
    np.testing.assert_array_equal(hits.ids, wanted[0])
    np.testing.assert_array_equal(hits.scores, wanted[1])


@pytest.mark.parametrize("name", NAMED)
def test_what_an_engine_cannot_answer_the_exact_kernel_does(store, vectors, name, exact_kernel):
    engine = engine_of(store, name)
    engine.choose()
    exact_kernel.clear()
    hits = engine.search(vectors[:2], COUNT)
    assert exact_kernel == [2]
    assert (hits.ids != "").all()


@pytest.mark.parametrize("name", NAMED)
def test_a_condition_is_kept_whatever_it_leaves(store, items, vectors, name, exact_kernel):
    engine = engine_of(store, name)
    engine.choose()
    for where, by_kernel in (("depth >= 20", False), ("depth < 60", name != "lance")):
        exact_kernel.clear()
        hits = engine.search(vectors[50:53], 5, where=where)
        assert bool(exact_kernel) is by_kernel
        wanted = expected(items, vectors, vectors[50:53], 5, store.column().spec.metric, where)
        np.testing.assert_array_equal(hits.ids, wanted[0])


def test_an_answer_that_cannot_be_proven_is_for_the_exact_kernel(tmp_path, metric, exact_kernel):
    spec = make_spec(4, metric)
    store = IndexStore.create(tmp_path / "index", Manifest(name="index", encoders=(spec,)))
    items = make_items(300)
    store.add_items(items, {spec.column: np.tile(np.float32([1, 2, 3, 4]), (300, 1))})
    hits = engine_of(store, "faiss:flat").search(np.float32([[1, 2, 3, 5]]), 20)
    assert exact_kernel == [1]
    assert hits.ids[0].tolist() == sorted(item.id for item in items)[:20]


def test_too_few_found_by_an_index_that_skips_are_filled_up(store, vectors, exact_kernel):
    engine = engine_of(store, "faiss:ivf")
    index, _ = engine._faiss(store.column().snapshot(), "ivf")
    index.facts = replace(index.facts, effort=1)
    exact_kernel.clear()
    hits = engine.search(vectors[:3], 80)
    assert exact_kernel == [3]  # a list holds 20
    assert (hits.ids != "").all()


def test_auto_is_exact_and_says_what_would_be_quicker(store, slow_everything):
    choice = engine_of(store, "auto").choose()
    assert (choice.name, choice.recall_at_10) == ("exact", 1.0)
    assert choice.remarks == (
        "Searched exactly among 400 vectors; georetrieve engine INDEX --build ivf makes single "
        "searches faster.",
    )
    assert engine_of(store, "auto").choose(queries=64).remarks == ()


def test_auto_takes_the_index_that_was_built_until_the_version_moves_on(
    store, items, vectors, slow_everything
):
    engine_of(store, "faiss:ivf").choose()
    auto = engine_of(store, "auto")
    assert auto.choose().name == "faiss:ivf"
    assert auto.choose(queries=64).name == "exact"
    assert engine_of(store, "faiss").choose().name == "faiss:ivf"
    auto.add(items[:1], -vectors[:1])
    assert auto.choose().name == "exact"
    assert auto.search(-vectors[:1], 1).ids[0, 0] == items[0].id


def test_recall_is_measured_kept_and_told(store):
    choice = engine_of(store, "faiss:hnsw").choose()
    assert choice.name == "faiss:hnsw"
    assert 0.98 <= choice.recall_at_10 <= 1
    (told,) = choice.remarks
    share = f"{100 * choice.recall_at_10:.1f} %"
    assert told.startswith(f"faiss:hnsw found {share} of the true ten neighbours of 256 items")


def test_looking_farther_finds_more(store):
    index, _ = engine_of(store, "faiss:ivf")._faiss(store.column().snapshot(), "ivf")
    spec, snapshot = store.column().spec, store.column().snapshot()
    rows = np.arange(0, COUNT, 7)
    truth = store.column().search(snapshot.gallery.take(rows), 10)

    def recall(effort):
        found = finders.propose(
            index.with_effort(effort),
            snapshot.gallery,
            snapshot.directory,
            snapshot.gallery.take(rows),
            10,
            spec.metric,
        )
        return np.mean(found.ids == truth.ids)

    assert recall(1) < recall(20) == 1


def test_threads_share_an_engine(store, vectors):
    engine = engine_of(store, "faiss:ivf")
    wanted = store.column().search(vectors[1:33], 1).ids
    found = {}
    threads = [
        Thread(target=lambda n=n: found.update({n: engine.search(vectors[n : n + 1], 1)}))
        for n in range(1, 33)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[n].ids[0, 0] for n in range(1, 33)] == wanted[:, 0].tolist()


def test_an_empty_index_and_one_item_can_be_searched_by_all(tmp_path):
    spec = make_spec(3)
    store = IndexStore.create(tmp_path / "index", Manifest(name="index", encoders=(spec,)))
    for name in ENGINES:
        assert (engine_of(store, name).search(np.ones((1, 3), np.float32), 2).ids == "").all()
    store.add_items(make_items(1), {spec.column: np.ones((1, 3), np.float32)})
    for name in ENGINES:
        hits = engine_of(store, name).search(np.ones((1, 3), np.float32), 2)
        assert hits.ids[0].tolist() == [make_items(1)[0].id, ""]


def test_a_gpu_that_is_not_there_is_refused_only_when_it_was_asked_for(store, monkeypatch):
    monkeypatch.setattr(engines, "gpu_count", lambda: 0)
    named = EngineVectors(store.column(), store.path, engine="faiss:flat", device="cuda:1")
    with pytest.raises(StoreError, match=r"no GPU 1 \(it finds 0\), so 'cuda:1'.*--device cpu"):
        named.choose()
    with pytest.raises(StoreError, match="'cuda:x': name auto, cpu"):
        EngineVectors(store.column(), store.path, device="cuda:x")
    auto = EngineVectors(store.column(), store.path, engine="faiss:flat", device="auto")
    assert not auto.choose().gpu


def test_a_failure_of_faiss_is_one_line(store, vectors):
    engine = engine_of(store, "faiss:flat")
    index, _ = engine._faiss(store.column().snapshot(), "flat")

    class Broken:
        def search(self, *_, **__):
            raise RuntimeError("Error in void faiss::gpu:\n out of memory")

    index._index = Broken()
    with pytest.raises(StoreError, match=r"FAISS cannot search: .*out of memory.*--engine exact"):
        engine.search(vectors[:1], 1)


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["faiss:flat", "faiss:ivf"])
def test_a_gpu_finds_the_same(store, vectors, name):
    if not faiss_index.gpu_count():
        pytest.skip("FAISS has no GPU here")
    engine = EngineVectors(store.column(), store.path, engine=name, device="cuda")
    assert engine.choose().gpu
    wanted = store.column().search(vectors, 5)
    found = engine.search(vectors, 5)
    assert np.mean(found.scores == wanted.scores) >= (1 if name == "faiss:flat" else 0.95)
    where = store.column().search(vectors, 5, where="label = 'a'")
    np.testing.assert_array_equal(engine.search(vectors, 5, where="label = 'a'").ids, where.ids)
