"""The benchmark of the page does what it says; its times are not judged here."""

import json

import pytest
import typer
from typer.testing import CliRunner

from georetrieve.benchmarks import browser, page_process, page_speed
from georetrieve.benchmarks.browser import find_chromium, open_browser
from georetrieve.cli.bench_page import page
from georetrieve.errors import MissingExtraError, ServiceError

app = typer.Typer()
app.command("page")(page)


@pytest.mark.slow
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine")
def test_a_round_times_every_step(monkeypatch):
    pytest.importorskip("playwright", reason="playwright is not installed")
    monkeypatch.setattr(page_speed, "TURNS", 1)
    monkeypatch.setattr(page_speed, "QUERIES", 1)
    words = ["--items", "300", "--dim", "8", "--rounds", "1", "--format", "json"]
    answer = CliRunner().invoke(app, words, catch_exceptions=False)
    values = json.loads(answer.stdout)
    steps = {row["step"]: row for row in values["steps"]}
    assert set(page_speed.TARGETS) < set(steps)
    assert all(row["worst_seconds"] >= row["median_seconds"] > 0 for row in steps.values())
    assert values["items"] == 300


def test_medians_are_held_against_targets_and_bare_pages():
    waited = {"first page": [1.0, 3.0, 1.5], "page turn": [0.6, 0.7], "query": [0.4], "filter": [9]}
    bare = {page_speed.BARE_PAGE: [0.5], page_speed.BARE_AGAIN: [0.1], page_speed.BARE_SEARCH: [4]}
    facts = page_speed._facts(waited | bare)
    rows = {row["step"]: row for row in facts["steps"]}
    first = rows["first page"]
    assert (first["median_seconds"], first["worst_seconds"], first["met"]) == (1.5, 3.0, True)
    assert (rows["page turn"]["met"], rows["filter"]["met"]) == (False, None)
    assert facts["page_over_bare"] == 3
    assert facts["turn_over_bare"] == pytest.approx(6.5)
    assert facts["query_over_bare"] == 0.1


def test_without_a_browser_it_is_said_what_to_install(monkeypatch):
    pytest.importorskip("playwright", reason="playwright is not installed")
    monkeypatch.setattr(browser, "find_chromium", lambda: None)
    with pytest.raises(MissingExtraError, match="apt-get install chromium"), open_browser():
        pass
    monkeypatch.setattr(browser.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="pip install playwright"), open_browser():
        pass


def test_a_page_that_does_not_start_is_an_error(tmp_path):
    with (
        pytest.raises(ServiceError, match=r"did not start.*no index"),
        page_process.page_of(tmp_path / "nothing", tmp_path),
    ):
        pass
