"""The benchmark of search runs and finds what it says; its times are not judged here."""

import numpy as np
import pytest

from georetrieve.benchmarks.search_speed import SEARCHED, clustered_vectors, run_search_speed
from georetrieve.errors import StoreError


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_every_engine_is_timed_and_exact_ones_find_all(metric):
    values = run_search_speed(500, 16, 4, 5, metric=metric, rounds=1, device="cpu")
    rows = {row["engine"]: row for row in values["engines"]}
    assert tuple(rows) == SEARCHED
    for name in ("exact", "FAISS IndexFlat", "faiss:flat", "lance"):
        assert rows[name]["recall"] == 1
    assert rows["exact"]["single_ratio"] == rows["exact"]["batch_ratio"] == 1
    ivf = rows["faiss:ivf"]
    assert ivf["single_ratio"] == ivf["single_ms"] / rows["exact"]["single_ms"]
    assert ivf["recall"] > 0.8
    assert ivf["stored_recall_at_10"] >= 0.98
    assert rows["lance"]["batch_ms"] is None
    bare = rows["FAISS IndexFlat"]
    assert values["single_over_faiss_flat"] == rows["exact"]["single_ms"] / bare["single_ms"]
    assert (values["vectors"], values["batch_queries"]) == (500, 4)


def test_without_a_gpu_one_is_refused_in_a_line(monkeypatch):
    monkeypatch.setattr("georetrieve.stores.engines.gpu_count", lambda: 0)
    with pytest.raises(StoreError, match=r"finds no GPU 0 \(it finds 0\).*--device cpu"):
        run_search_speed(50, 4, 2, 3, rounds=1, engines=["exact"], device="cuda")


def test_clustered_vectors_vary_most_along_a_few_directions():
    vectors = clustered_vectors(4000, 64, np.random.default_rng(0))
    values = np.linalg.eigvalsh(np.cov(vectors.T))[::-1]
    # Variances 2, 2/2, 2/3 ...: the first of 64 holds 1 / (1 + 1/2 + ... + 1/64) = 21 %.
    assert values[0] / values.sum() == pytest.approx(0.21, abs=0.03)
    assert values[9] / values[0] == pytest.approx(0.1, abs=0.03)
