"""A raster in memory, for tests of what is done with rasters."""

import numpy as np
from PIL import Image

from georetrieve.errors import SourceError


class ArrayRaster:
    """Implements :class:`georetrieve.protocols.Raster` over an (H, W, 3) or (Z, H, W) array.

    ``reads`` lists the (region, size) of every read.
    """

    def __init__(self, pixels, kind="slide", um_per_px=0.5):
        self.pixels, self.kind, self.um_per_px = pixels, kind, um_per_px
        self.remarks = ()
        self.reads = []

    @property
    def size(self):
        height, width = self.pixels.shape[1:] if self.kind == "volume" else self.pixels.shape[:2]
        return width, height

    @property
    def depth(self):
        return self.pixels.shape[0] if self.kind == "volume" else 1

    @property
    def levels(self):
        return (self.size,)

    def read(self, region, size=None):
        self.reads.append((region, size))
        left, top, right, bottom = region.box
        if region.axis is not None:
            plane = np.take(self.pixels, region.index, "zyx".index(region.axis))
            image = Image.fromarray(plane[top:bottom, left:right]).convert("RGB")
        else:
            if right > self.size[0] or bottom > self.size[1]:
                raise SourceError(f"Region {region} lies outside.")
            image = Image.fromarray(self.pixels[top:bottom, left:right])
        return image if size in (None, image.size) else image.resize(size, Image.Resampling.BOX)

    def close(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
