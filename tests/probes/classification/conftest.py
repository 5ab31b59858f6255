"""Indexes of one-coloured images, opened; images on disk."""

import pytest
from classify_index import GREYS, write_index
from fakes import solid

from georetrieve.encoders.runtime import Runtime
from georetrieve.search import Index


@pytest.fixture
def make_index(tmp_path, fake_family):
    """Write an index and open it."""

    def make(greys, name="slides", encoder=None):
        write_index(tmp_path / name, greys, tmp_path / "images", encoder)
        return Index.open(tmp_path / name, runtime=Runtime(device="cpu"))

    return make


@pytest.fixture
def index(make_index):
    """Four labelled items and three without."""
    with make_index(GREYS) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path):
    """Images on disk: two that can be read, one that cannot."""
    root = tmp_path / "images"
    for name, level in {"new/soot.png": 3, "new/milk.png": 250, "a/black.png": 0}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        solid(level, level, level).save(root / name)
    (root / "new/torn.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    return root
