"""The benchmark of search runs and finds what FAISS finds; its figures are not judged here."""

import pytest

from georetrieve.benchmarks.search_speed import run_search_speed


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_ratios_are_of_the_times_and_neighbours_are_faisss(metric):
    values = run_search_speed(500, 16, 4, 5, metric=metric, rounds=1)
    assert values["same_neighbours"] == 1
    assert values["single_ratio"] == values["single_ms"] / values["faiss_single_ms"]
    assert values["batch_ratio"] == values["batch_ms"] / values["faiss_batch_ms"]
    assert (values["vectors"], values["batch_queries"]) == (500, 4)
