"""``--engine`` of commands, ``georetrieve engine`` and what ``info`` says of engines."""

import json

import pytest
import typer
from contracts_store import make_items, make_spec, make_vectors
from typer.testing import CliRunner

from georetrieve.cli import bench, engines, search, upkeep
from georetrieve.search import Index
from georetrieve.stores.engine_choice import ENGINES
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest

app = typer.Typer()
app.command("search")(search.search)
app.command("engine")(engines.engine)
app.command("info")(upkeep.info)
app.add_typer(bench.app, name="bench")

ITEMS, VECTORS = make_items(150), make_vectors(150, 8)
OWN = ITEMS[2].id


@pytest.fixture
def index(tmp_path):
    spec = make_spec(8)
    store = IndexStore.create(tmp_path / "slides", Manifest(name="slides", encoders=(spec,)))
    store.add_items(ITEMS, {spec.column: VECTORS})
    return str(store.path)


def run(*words):
    answer = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return answer


def test_the_options_are_the_engines():
    assert tuple(one.value for one in engines.Engine) == ENGINES


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_finds_the_same_and_is_named(index, name):
    with Index.open(index) as opened:
        wanted = opened.search(opened.parse([OWN]), 4)
    found = json.loads(
        run("search", index, OWN, "-k", "4", "--engine", name, "--format", "json").stdout
    )
    assert [hit["id"] for hit in found["hits"]] == [hit.id for hit in wanted.hits]
    assert [hit["score"] for hit in found["hits"]] == [hit.score for hit in wanted.hits]
    names = {"auto": "exact", "faiss": "faiss:flat"}
    assert found["engine"] == names.get(name, name)
    skips = name in ("faiss:ivf", "faiss:hnsw")
    assert bool(found["remarks"]) is skips
    assert found["recall_at_10"] == 1 or skips


def test_recall_is_a_remark_of_a_search(index):
    answer = run("search", index, OWN, "--engine", "faiss:ivf")
    assert "of the true ten neighbours of 150 items" in answer.stderr
    assert "neighbours" not in answer.stdout


def test_an_index_is_built_ahead_and_shown(index):
    none = run("engine", index, "--format", "json")
    assert json.loads(none.stdout) == []
    assert "No FAISS index is kept; every search is exact." in none.stderr
    run("engine", index, "--build", "hnsw")
    (row,) = json.loads(run("engine", index, "--format", "json").stdout)
    assert (row["engine"], row["encoder"], row["vectors"]) == ("faiss:hnsw", "fake", 150)
    assert row["current"] is True
    facts = json.loads(run("info", index, "--format", "json").stdout)
    assert facts["engines"] == [row]
    assert "faiss:hnsw" in run("info", index).stdout
    IndexStore.open(Index.open(index).path).remove_ids([OWN])
    assert json.loads(run("engine", index, "--format", "json").stdout)[0]["current"] is False


@pytest.mark.parametrize(("name", "recall"), [("lance", 1.0), ("faiss:ivf", 0.9)])
def test_the_benchmark_judges_an_engine_beside_exact_numbers(index, tmp_path, name, recall):
    records = []
    for engine in ("auto", name):
        out = tmp_path / engine.replace(":", "-")
        run("bench", "retrieval", index, "--protocol", "scampi", "--engine", engine, "-o", str(out))
        (path,) = out.glob("*.json")
        records.append(json.loads(path.read_text()))
    exact, named = records
    assert exact["settings"]["engine"] == "exact"
    assert not [metric for metric in exact["metrics"] if metric.startswith("engine/")]
    assert named["settings"]["engine"] == name
    for metric, estimate in exact["metrics"].items():
        assert named["metrics"][metric] == estimate
    assert named["metrics"]["engine/recall_at_10_of_exact"]["value"] >= recall
    if name == "lance":
        for k in (1, 10):
            judged = named["metrics"][f"engine/precision_at_{k}"]["value"]
            assert judged == pytest.approx(named["metrics"][f"precision_at_{k}"]["value"])
    assert f"searched by {name}" in " ".join(named["notes"])


def test_the_benchmark_of_search_prints_every_engine():
    answer = run(
        "bench", "search", "--count", "300", "--dim", "8", "--queries", "4", "--rounds", "1"
    )
    for name in ("exact", "FAISS IndexFlat", "faiss:ivf", "faiss:hnsw", "lance"):
        assert name in answer.stdout
