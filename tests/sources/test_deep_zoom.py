import numpy as np
import pytest
from PIL import Image

from georetrieve.errors import SourceError
from georetrieve.sources.deep_zoom import DeepZoom
from georetrieve.sources.opening import open_raster


@pytest.fixture
def picture(tmp_path):
    ramp = np.linspace(0, 255, 700)[None, :, None] * np.ones((300, 1, 3))
    path = tmp_path / "ramp.png"
    Image.fromarray(ramp.round().astype(np.uint8)).save(path)
    return path


def test_levels_halve_to_a_single_pixel(picture):
    with open_raster(picture) as raster:
        zoom = DeepZoom(raster)
        assert zoom.levels == 11
        assert zoom.size(10) == (700, 300)
        assert zoom.size(9) == (350, 150)
        assert zoom.size(1) == (2, 1)
        assert zoom.size(0) == (1, 1)


def test_tiles_of_the_last_level_are_the_image(picture):
    with open_raster(picture) as raster, Image.open(picture) as image:
        zoom = DeepZoom(raster)
        whole = Image.new("RGB", (700, 300))
        for column in range(3):
            for row in range(2):
                whole.paste(zoom.tile(10, column, row), (256 * column, 256 * row))
        np.testing.assert_array_equal(np.asarray(whole), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("level", range(11))
def test_every_level_has_its_size_and_the_same_ramp(picture, level):
    with open_raster(picture) as raster:
        zoom = DeepZoom(raster, tile_px=128)
        width, height = zoom.size(level)
        columns = [zoom.tile(level, column, 0) for column in range(-(-width // 128))]
        assert sum(tile.width for tile in columns) == width
        assert columns[0].height == min(height, 128)
        line = np.concatenate([np.asarray(tile)[0, :, 0].astype(float) for tile in columns])
        expected = (np.arange(width) + 0.5) / width * 255
        assert np.abs(line - expected).max() < max(3, 255 / width)


@pytest.mark.parametrize("place", [(10, 3, 0), (10, 0, 2), (10, -1, 0), (11, 0, 0), (-1, 0, 0)])
def test_tiles_that_are_not_there(picture, place):
    with open_raster(picture) as raster, pytest.raises(SourceError, match="There is no"):
        DeepZoom(raster).tile(*place)


def test_slices_of_a_volume(tmp_path):
    np.save(tmp_path / "v.npy", np.arange(4 * 8 * 8, dtype=np.uint8).reshape(4, 8, 8))
    with open_raster(tmp_path / "v.npy") as raster:
        tiles = [np.asarray(DeepZoom(raster, index=z, axis="z").tile(3, 0, 0)) for z in (0, 3)]
    assert tiles[0].mean() < tiles[1].mean()
