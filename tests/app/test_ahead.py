"""What the next click needs is read while the first page is looked at."""

from pathlib import Path
from threading import Event

import pytest

pytest.importorskip("streamlit", reason="streamlit is not installed")

from streamlit.testing.v1 import AppTest

import georetrieve.search
from app import ahead
from georetrieve.errors import StoreError

MAIN = Path(__file__).resolve().parents[2] / "app" / "main.py"


@pytest.fixture
def script(sample_slides, monkeypatch):
    """The whole page over the sample slides; what is read ahead is read at once."""
    monkeypatch.setenv("GEORETRIEVE_APP_INDEX", str(sample_slides))
    monkeypatch.chdir(sample_slides.parent)
    monkeypatch.setattr(ahead, "PAUSE", 0)
    ahead._begun.clear()
    return AppTest.from_file(str(MAIN), default_timeout=60)


def test_vectors_and_modules_are_read_once(script, monkeypatch):
    read, imported = [], []
    done = Event()
    monkeypatch.setattr(
        georetrieve.search.Index, "read_ahead", lambda self, name: read.append(name)
    )

    def remember(module):
        imported.append(module)
        if module.endswith("benchmarks"):
            done.set()

    monkeypatch.setattr(ahead, "import_module", remember)
    assert not script.run().exception
    assert not script.run().exception
    assert done.wait(30)
    assert read == ["bundled"]
    assert len(imported) == 7


def test_what_cannot_be_read_ahead_is_no_trouble_yet(script, monkeypatch):
    done = Event()
    monkeypatch.setattr(ahead, "import_module", lambda module: done.set())

    def fail(self, name):
        raise StoreError("gone")

    monkeypatch.setattr(georetrieve.search.Index, "read_ahead", fail)
    tested = script.run()
    assert done.wait(30)
    assert not tested.error
