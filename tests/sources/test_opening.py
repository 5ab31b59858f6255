"""What opens as what, and options."""

import json
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from georetrieve.errors import SourceError
from georetrieve.protocols import Raster
from georetrieve.sources.opening import ReadOptions, open_raster
from georetrieve.types import Region


def test_options_survive_json():
    options = ReadOptions(
        um_per_px=0.5, intensity="percentile", raw_shape=(1, 2, 3), raw_dtype="<u2", volumes="never"
    )
    assert ReadOptions.from_json(json.loads(json.dumps(options.to_json()))) == options
    assert ReadOptions.from_json(json.loads(json.dumps(ReadOptions().to_json()))) == ReadOptions()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"um_per_px": 0.0}, "more than 0"),
        ({"um_per_px": float("nan")}, "more than 0"),
        ({"intensity": "percentil"}, "Did you mean 'percentile'"),
        ({"volumes": "sometimes"}, "Unknown volumes 'sometimes'"),
        ({"raw_shape": (1, 2)}, "three whole numbers"),
        ({"raw_shape": (1, 2, 0)}, "three whole numbers"),
        ({"max_pixels": 0}, "starts at 1"),
    ],
)
def test_impossible_options_are_refused(values, message):
    with pytest.raises(SourceError, match=message):
        ReadOptions(**values)


def test_paths_that_cannot_be_opened(tmp_path):
    with pytest.raises(SourceError, match="does not exist"):
        open_raster(tmp_path / "none.png")
    with pytest.raises(SourceError, match="is a folder"):
        open_raster(tmp_path)
    with pytest.raises(SourceError, match="No file"):
        open_raster([])


@pytest.mark.parametrize("suffix", ["czi", "vsi", "lif", "nd2"])
def test_formats_that_need_converting_say_how(tmp_path, suffix):
    (tmp_path / f"a.{suffix}").write_bytes(b"ZISRAWFILE" + bytes(100))
    with pytest.raises(SourceError, match="convert it to OME-TIFF"):
        open_raster(tmp_path / f"a.{suffix}")


def test_dicom_that_is_no_slide_says_so(tmp_path):
    (tmp_path / "a.dcm").write_bytes(bytes(128) + b"DICM" + bytes(100))
    with pytest.raises(SourceError, match="DICOM but no whole slide"):
        open_raster(tmp_path / "a.dcm")


def test_a_path_and_a_sequence_of_one_are_the_same(tmp_path):
    Image.new("RGB", (3, 2), (1, 2, 3)).save(tmp_path / "a.png")
    for path in (tmp_path / "a.png", [tmp_path / "a.png"], (tmp_path / "a.png",)):
        with open_raster(path) as raster:
            assert raster.read(Region(0, 0, 3, 2)).getpixel((0, 0)) == (1, 2, 3)


def members_of(protocol):
    return [name for name in dir(protocol) if not name.startswith("_")]


@pytest.mark.parametrize("suffix", ["png", "tif", "npy"])
def test_every_raster_keeps_the_contract(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    pixels = np.arange(9 * 8 * 7, dtype=np.uint8).reshape(9, 8, 7)
    if suffix == "npy":
        np.save(path, pixels)
    else:
        Image.fromarray(pixels[0]).save(path)
    with open_raster(path) as raster:
        for name in members_of(Raster):
            assert hasattr(raster, name), name
        assert raster.levels[0] == raster.size
        assert isinstance(raster.remarks, tuple)
    raster.close()


def test_random_bytes_behind_a_good_head_never_escape_as_something_else(tmp_path):
    """Whatever is damaged, a reader raises SourceError or gives pixels."""
    rng = np.random.default_rng(3)
    source = Image.fromarray(rng.integers(0, 255, (40, 50, 3), np.uint8))
    for suffix in ("png", "jpg", "tif", "gif", "bmp", "webp", "jp2", "npy"):
        path = tmp_path / f"a.{suffix}"
        if suffix == "npy":
            np.save(path, rng.integers(0, 255, (5, 6, 7), np.uint8))
        else:
            source.save(path)
        sound = path.read_bytes()
        for _ in range(25):
            content = bytearray(sound)
            for place in rng.integers(0, len(content), 8):
                content[place] = rng.integers(256)
            path.write_bytes(content)
            read_or_refuse(path)


def read_or_refuse(path):
    with suppress(SourceError), open_raster(path, ReadOptions(max_pixels=1_000_000)) as raster:
        slice_of = (0, "z") if raster.kind == "volume" else ()
        width, height = raster.size
        image = raster.read(Region(0, 0, min(width, 64), min(height, 64), *slice_of))
        assert image.mode == "RGB"
