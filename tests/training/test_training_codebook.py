"""Fitting a codebook to folders of images."""

import numpy as np
import pytest
from PIL import Image

from georetrieve.errors import EncoderError
from georetrieve.training.codebook import fit_codebook


class Told:
    def __init__(self):
        self.lines = []

    def start(self, stage, total, unit="items"):
        self.lines.append(stage)

    def advance(self, steps=1):
        pass

    def grow(self, steps):
        pass

    def say(self, message):
        self.lines.append(message)

    def finish(self):
        pass


@pytest.fixture
def folders(tmp_path):
    rng = np.random.default_rng(0)
    for folder, count, side in (("small", 30, 96), ("large", 2, 1280)):
        (tmp_path / folder).mkdir()
        for number in range(count):
            coarse = rng.integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8)
            image = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
            image.save(tmp_path / folder / f"{number}.png")
    (tmp_path / "small" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    return [tmp_path / "small", tmp_path / "large"]


@pytest.mark.slow
def test_small_images_are_taken_whole_large_ones_in_tiles_and_broken_ones_named(folders):
    told = Told()
    encoder = fit_codebook(folders, progress=told)
    assert not encoder.spec.adapted
    # 30 whole, and 2 × 5×5 tiles of 256 px.
    assert "Fitting to 80 images" in told.lines
    assert any(line.startswith("broken.png is left out") for line in told.lines)


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(EncoderError, match="no image to fit to"):
        fit_codebook([tmp_path])
