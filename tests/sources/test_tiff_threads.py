"""One TIFF stack read by several threads at once, as indexing does."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tifffile

from georetrieve.sources.opening import open_raster
from georetrieve.sources.options import ReadOptions
from georetrieve.types import Region


def test_slices_are_read_whole_by_many_threads(tmp_path):
    voxels = np.arange(64, dtype=np.uint8)[:, None, None].repeat(48, 1).repeat(40, 2)
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, voxels, photometric="minisblack", compression="zlib")
    for _ in range(3):
        with open_raster(path, ReadOptions()) as raster, ThreadPoolExecutor(4) as threads:
            regions = [Region(0, 0, 40, 48, index, "z") for index in range(64)]
            images = list(threads.map(raster.read, regions))
        means = [int(np.asarray(image)[..., 0].mean()) for image in images]
        assert means == list(range(64))
