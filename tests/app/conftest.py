"""The page over an index of the sample slides: in Streamlit's AppTest, and in a real browser."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from georetrieve.benchmarks.browser import CHROMIUM_FLAGS, find_chromium

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def sample_slides(tmp_path_factory):
    """An index of sample slides that tests only read; copy it to write (``own_slides``).

    GEORETRIEVE_SAMPLES names one that is there already, which saves a minute.
    """
    if os.environ.get("GEORETRIEVE_SAMPLES"):
        return Path(os.environ["GEORETRIEVE_SAMPLES"])
    from typer.testing import CliRunner

    from georetrieve.cli.app import app

    folder = tmp_path_factory.mktemp("samples")
    place = folder / "indexes" / "samples"
    for words in (
        ["samples", str(folder / "slides")],
        ["index", str(folder / "slides"), "--index", str(place),
         "--labels", str(folder / "slides-truth" / "labels.csv")],
    ):  # fmt: skip
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
    return place


@pytest.fixture
def own_slides(sample_slides, tmp_path):
    """A copy of the index that a test may write to; the slides themselves are shared."""
    return Path(shutil.copytree(sample_slides, tmp_path / "indexes" / "samples"))


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium."""
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no Chromium on this machine: install it (Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    playwright.expect.set_options(timeout=15_000)  # a loaded machine is slow, not wrong
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=chromium, args=list(CHROMIUM_FLAGS))
        yield opened
        opened.close()


@pytest.fixture
def page_test(sample_slides, monkeypatch):
    """Run a page in Streamlit's AppTest: ``page_test("browse", where="…")``, as in a URL."""
    from streamlit.testing.v1 import AppTest

    def run(name, index=sample_slides, **parameters):
        monkeypatch.setenv("GEORETRIEVE_APP_INDEX", str(index))
        monkeypatch.chdir(Path(index).parent)
        script = (
            f"from app import opened\nfrom app.views import {name}\nopened.show_page({name}.show)\n"
        )
        tested = AppTest.from_string(script, default_timeout=60)
        for one, value in parameters.items():
            tested.query_params[one] = value
        return tested.run()

    return run


class Served:
    """A ``georetrieve app`` of its own process."""

    def __init__(self, index, folder, program=("-m", "georetrieve")):
        environment = {**os.environ, "HOME": str(folder)}
        environment.pop("GEORETRIEVE_APP_INDEX", None)
        self.log = folder / "app.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *program, "app", str(index), "--port", "0", "--no-browser"],
                cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self.url = self._ready()

    def _ready(self):
        import time

        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            lines = self.log.read_text(encoding="utf-8").splitlines()
            for line in lines:
                if line.startswith("http://"):
                    return line.split()[0]
            time.sleep(0.1)
        raise AssertionError(f"the page did not start:\n{self.log.read_text(encoding='utf-8')}")

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)


@pytest.fixture(scope="session")
def served(sample_slides, tmp_path_factory):
    """The page over a shared index; its tests change no label, but maps and clicks are kept."""
    folder = tmp_path_factory.mktemp("served")
    place = shutil.copytree(sample_slides, folder / "indexes" / sample_slides.name)
    running = Served(place, folder)
    yield running
    running.stop()


@pytest.fixture
def served_own(own_slides, tmp_path):
    """The page over an index of the test's own, to write to."""
    running = Served(own_slides, tmp_path)
    running.index = own_slides
    yield running
    running.stop()


@pytest.fixture
def serve(tmp_path):
    """The page over any index, by any program: ``serve(index, program=("-m", "georetrieve"))``."""
    started = []

    def start(index, **options):
        started.append(Served(index, tmp_path, **options))
        return started[-1]

    yield start
    for running in started:
        running.stop()


@pytest.fixture
def tab(browser):
    """A tab of 1280 × 720 that records what goes wrong in it, and any request to elsewhere."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, accept_downloads=True)
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.trouble = []
    page.on("pageerror", lambda error: page.trouble.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith(("http://127.0.0.1:", "data:", "blob:"))
            else page.trouble.append(f"asked {request.url}")
        ),
    )
    yield page
    trouble = list(page.trouble)
    context.close()
    assert not trouble, trouble
