"""Fitting the codebook that the bundled encoder ships with, to folders of varied images.

No folder outweighs another by much, and large images and slides are cut, so that the codebook sees
things at the size at which they will be looked up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from georetrieve.encoders.bundled import BundledEncoder, prepare_image
from georetrieve.errors import EncoderError, SourceError
from georetrieve.protocols import Progress
from georetrieve.sources.cut import CutOptions, plan_cuts, read_cut
from georetrieve.sources.folder import SourceFile, walk
from georetrieve.sources.opening import open_raster

__all__ = ["fit_codebook"]

IMAGES_A_FOLDER = 300
# Images longer than this show many things at once, and are cut into tiles.
WHOLE_PX = 768
TILE_PX = 256


def fit_codebook(
    folders: Sequence[Path], *, seed: int = 0, progress: Progress | None = None
) -> BundledEncoder:
    """Fit codebook and projection, without labels, to the images in folders.

    The same files and seed give the same encoder.

    Args:
        folders: Each gives at most 300 images, tiles, slices or specimens, chosen at random.
        seed: Of the choice and of the fit.
        progress: Told about it; a file that cannot be read is named there and left out.

    Raises:
        SourceError: A folder is not there.
        EncoderError: There are too few images.
    """
    generator = np.random.default_rng(seed)
    prepared: list[npt.NDArray[np.uint8]] = []
    if progress:
        progress.start("Reading images to fit to", len(folders), "folders")
    for folder in folders:
        images = list(_images(folder, progress))
        if not images:
            raise EncoderError(f"There is no image to fit to in {folder}; leave it out.")
        chosen = generator.permutation(len(images))[:IMAGES_A_FOLDER]
        prepared += [images[position] for position in sorted(chosen)]
        if progress:
            progress.advance()
    if progress:
        progress.finish()
        progress.start(f"Fitting to {len(prepared)} images", None, "steps")
    encoder = BundledEncoder.fit(prepared, seed=seed)
    if progress:
        progress.finish()
    return encoder


def _images(folder: Path, progress: Progress | None) -> Iterator[npt.NDArray[Any]]:
    for file in walk(folder).files:
        try:
            yield from (prepare_image(image) for image in _pieces(file))
        except (SourceError, OSError) as error:
            if progress:
                progress.say(f"{file.path} is left out: {error}")


def _pieces(file: SourceFile) -> Iterator[Image.Image]:
    with open_raster(file.files) as raster:
        large = raster.kind == "image" and max(raster.size) > WHOLE_PX
        options = CutOptions(items="tiles", tile_px=TILE_PX) if large else CutOptions()
        for cut in plan_cuts(raster, options):
            yield read_cut(raster, cut)
