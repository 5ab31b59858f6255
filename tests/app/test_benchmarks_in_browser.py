"""A person measures the index from the page, and compares with a run made before."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from georetrieve.cli.app import app
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.lock import write_lock

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
expect.set_options(timeout=20_000)


def _keep_few(index):
    store = IndexStore.open(index)
    with write_lock(index, "a test"):
        rest = "label IS NULL OR label NOT IN ('massula', 'acanthomorph', 'phytoclast')"
        store.remove_ids(store.scan(["id"], rest).column("id").to_pylist())


@pytest.mark.slow
def test_measured_from_the_page_and_compared(tab, served_own):
    _keep_few(served_own.index)
    before = served_own.index / "reports" / "before"
    words = ["bench", "retrieval", str(served_own.index), "--out", str(before)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    tab.goto(f"{served_own.url}/benchmarks")
    expect(tab.get_by_text("bundled · before", exact=True).first).to_be_visible()
    tab.get_by_role("button", name="Measure this index now").click()
    expect(tab.get_by_text(re.compile(r"Measuring … \d+ s"))).to_be_visible()
    expect(tab.get_by_role("button", name=re.compile("Remove bundled · retrieval-"))).to_be_visible(
        timeout=60_000
    )
    expect(tab.locator("canvas").first).to_be_visible()  # the chart
    expect(tab.get_by_text("Grey tick: what chance would give.")).to_be_visible()
    tab.get_by_text("About the runs", exact=True).click()
    expect(tab).to_have_url(re.compile("view=About"))
    with tab.expect_download() as taken:
        tab.get_by_role("button", name="These runs side by side").click()
    page = Path(taken.value.path()).read_text(encoding="utf-8")
    assert "Differences to before" in page
    tab.get_by_text("Confusions", exact=True).click()
    expect(tab.get_by_text(re.compile("Most often confused|No class was taken"))).to_be_visible()
