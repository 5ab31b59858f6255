"""A small slide of three discs, and an index of them, without an encoder."""

import numpy as np
from PIL import Image
from scipy import ndimage

from georetrieve.sources.cut import CutOptions, plan_cuts
from georetrieve.sources.opening import open_raster
from georetrieve.sources.options import ReadOptions
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest, SourceRoot
from georetrieve.types import Item

DISCS = ((100, 80, 30), (300, 200, 40), (500, 310, 36))
"""x, y and radius, from the top down; half a micrometre a pixel."""


def glass(discs, size=(600, 400)):
    """Amber discs on glass, as an RGB array."""
    rows, columns = np.mgrid[: size[1], : size[0]]
    share = np.zeros((size[1], size[0]))
    for x, y, radius in discs:
        share = np.maximum(share, np.hypot(rows - y, columns - x) < radius)
    share = ndimage.gaussian_filter(share, 0.8)[..., None]
    pixels = 225 * (1 - share * (1 - np.array([200, 150, 60]) / 225))
    pixels += np.random.default_rng(0).normal(0, 2, pixels.shape)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def outlined_index(folder):
    """Its first disc is labelled, the second named by a probe, the third both."""
    slide = folder / "slides" / "slide.png"
    slide.parent.mkdir()
    Image.fromarray(glass(DISCS)).save(slide, compress_level=1)  # noise shrinks no further
    reading, cutting = ReadOptions(um_per_px=0.5), CutOptions(items="specimens")
    manifest = Manifest(
        name="index",
        sources=(SourceRoot(key="", root=str(slide.parent)),),
        reading=reading.to_json(),
        cutting=cutting.to_json(),
    )
    with open_raster(slide, reading) as raster:
        cuts = list(plan_cuts(raster, cutting))
    named = [("azolla", None, 707.5), (None, "azolla", None), ("pyrite", "azolla", None)]
    items = [
        Item(
            path="slide.png",
            kind="specimen",
            region=cut.region,
            label=label,
            metadata={"predicted_label": predicted, "area_um2": area},
        )
        for cut, (label, predicted, area) in zip(cuts, named, strict=True)
    ]
    store = IndexStore.create(folder / "index", manifest)
    store.add_items(items, {})
    return store
