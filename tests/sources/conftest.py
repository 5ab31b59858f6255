"""Small files of every kind, made where they are needed."""

import os
from pathlib import Path

import numpy as np
import pytest

from georetrieve.sources.opening import ReadOptions, open_raster
from georetrieve.types import Region


@pytest.fixture
def testdata() -> Path:
    """The folder of real data; tests that need it are marked ``realdata``."""
    folder = os.environ.get("GEORETRIEVE_TESTDATA")
    if not folder:
        pytest.skip("GEORETRIEVE_TESTDATA names no folder of real data")
    return Path(folder)


@pytest.fixture
def whole():
    """Read all of an image or slide: (H, W, 3) uint8."""

    def read(path, size=None, **options):
        with open_raster(Path(path), ReadOptions(**options)) as raster:
            return np.asarray(raster.read(Region(0, 0, *raster.size), size))

    return read


@pytest.fixture
def ramp():
    """(H, W) array of a type, whose values differ at every place."""

    def make(height, width, dtype=np.uint8, start=0):
        return (start + np.arange(height * width)).reshape(height, width).astype(dtype)

    return make
