"""Features of some patches are those of all, and only what shows them is read."""

import numpy as np
import pytest
from PIL import Image

from georetrieve.encoders.windows import window_cells, window_patches

PX = 4


class Edges:
    """Features: mean red of a patch, and its place in its window."""

    patch_px, patch_dim = PX, 2

    def patch_grids(self, windows):
        count, height, width, _ = windows.shape
        rows, columns = height // PX, width // PX
        cells = windows[..., 0].reshape(count, rows, PX, columns, PX).mean((2, 4))
        places = np.broadcast_to(np.arange(rows * columns).reshape(rows, columns), cells.shape)
        return np.stack([cells, places], axis=-1).astype(np.float32)


@pytest.mark.parametrize("size", [(64, 48), (61, 50), (130, 17), (16, 16), (3, 2)])
def test_some_are_as_of_all(size):
    rng = np.random.default_rng(1)
    image = Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    options = {"window_px": 16, "stride_px": 8, "batch_size": 2}
    whole = window_patches(Edges(), image, **options).reshape(-1, 2)
    cells = np.flatnonzero(rng.random(len(whole)) < 0.2)
    if not len(cells):
        cells = np.array([0])
    found = list(
        window_cells(Edges(), lambda region: image.crop(region.box), size, cells, **options)
    )
    np.testing.assert_array_equal(np.concatenate([where for where, _ in found]), range(len(cells)))
    np.testing.assert_array_equal(np.concatenate([part for _, part in found]), whole[cells])


def test_what_shows_none_of_them_is_not_read():
    read = []

    def reader(region):
        read.append(region.box)
        return Image.new("RGB", (region.width, region.height))

    size = (100_000, 100_000)
    cells = np.array([0, (size[0] // PX) * (size[1] // PX) - 1])
    found = list(window_cells(Edges(), reader, size, cells, window_px=16, stride_px=16))
    assert len(found) == 2
    assert read == [(0, 0, 16, 16), (99_984, 99_984, 100_000, 100_000)]
