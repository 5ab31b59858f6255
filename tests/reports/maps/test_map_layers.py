"""Maps as layers over their images, and as archives."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from georetrieve.errors import SourceError
from georetrieve.reports.maps import layers
from georetrieve.reports.maps.layers import UNSURE, class_layer, uncertainty_layer, zip_files
from georetrieve.reports.maps.writing import write_map

NUMBERS = np.array([[0, 0, 1], [2, -1, 1]])


@pytest.fixture
def files(field, bands, table, tmp_path):
    return write_map(
        field((3, 2)), bands(NUMBERS, 1, sure=0.9), table, tmp_path / "a", made_by={}
    ).files


def rgba(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def test_classes_are_in_their_colours_and_void_is_clear(files, table):
    seen = rgba(class_layer(files, table.recoloured({"clay": (1, 2, 3)})))
    assert seen.shape == (2, 3, 4)
    assert seen[0, 0].tolist() == [0, 114, 178, 255]
    assert seen[0, 2].tolist() == [230, 159, 0, 255]
    assert seen[1, 0].tolist() == [1, 2, 3, 255]
    assert seen[1, 1, 3] == 0


def test_the_less_sure_the_stronger(files):
    seen = rgba(uncertainty_layer(files))
    assert (seen[..., :3] == UNSURE).all()
    assert seen[1, 1, 3] == 255  # of void nothing is known
    assert 0 < seen[0, 0, 3] < 255


def test_a_large_map_is_shown_small(files, table, monkeypatch):
    monkeypatch.setattr(layers, "MOST_PIXELS", 2)
    assert rgba(class_layer(files, table)).shape[:2] == (1, 2)


def test_an_archive_of_all(files):
    with zipfile.ZipFile(io.BytesIO(zip_files(files, {"clicks.csv": "path,x,y,class\n"}))) as found:
        assert sorted(found.namelist()) == sorted(["clicks.csv", *(path.name for path in files)])
        assert found.read("clicks.csv") == b"path,x,y,class\n"
        mask = next(path for path in files if path.name.endswith("mask.png"))
        assert found.read(mask.name) == mask.read_bytes()


def test_maps_that_are_gone(files, table):
    for path in files:
        path.unlink()
    for act in (
        lambda: class_layer(files, table),
        lambda: class_layer([], table),
        lambda: uncertainty_layer(files),
        lambda: zip_files(files, {}),
    ):
        with pytest.raises(SourceError, match="make"):
            act()
