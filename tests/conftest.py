"""Fixtures that every part's tests share."""

import os
from pathlib import Path

import pytest
from fakes import FAKE_FAMILY

from georetrieve.encoders import registry

pytest.register_assert_rewrite("contracts_encoder", "contracts_store")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With several workers (``make test``) a file stays with one, and so do all tests of the page.

    What they share is then made once.
    """
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid):
            page = "tests/app/"
            return page if nodeid.startswith(page) else super()._split_scope(nodeid)

    return ByFile(config, log)


@pytest.fixture
def fake_family(monkeypatch):
    """Make ``load_encoder("fake")`` and its sisters work; see ``fakes.py``."""
    monkeypatch.setattr(registry, "FAMILIES", (*registry.FAMILIES, FAKE_FAMILY))
    return FAKE_FAMILY


@pytest.fixture(scope="session")
def testdata():
    """Folder of real images, named by GEORETRIEVE_TESTDATA; mark the test ``realdata`` too."""
    place = os.environ.get("GEORETRIEVE_TESTDATA")
    if not place:
        pytest.skip("GEORETRIEVE_TESTDATA does not name a folder of real images")
    return Path(place)
