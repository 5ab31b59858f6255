"""Fitting the bundled encoder to a new collection, without labels, from a sample of its images."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy.typing as npt

from georetrieve.errors import SourceError
from georetrieve.indexing.pipeline import FileJob
from georetrieve.protocols import AdaptableEncoder, Progress
from georetrieve.sources.cut import CutOptions, plan_cuts, read_cut
from georetrieve.sources.opening import open_raster
from georetrieve.sources.options import ReadOptions

__all__ = ["adapt_encoder", "sample_jobs"]

SAMPLE_IMAGES = 1000


def adapt_encoder(
    encoder: AdaptableEncoder,
    jobs: Sequence[FileJob],
    reading: ReadOptions,
    cutting: CutOptions,
    *,
    workers: int,
    progress: Progress,
) -> tuple[AdaptableEncoder, str]:
    """Adapt an encoder to the items of some files.

    The sample depends on the names of the files alone, so an interrupted first run that is started
    again fits the same codebook.

    Returns:
        The adapted encoder, or the one given when the files have too few items; and a sentence that
        says which.
    """
    chosen, per_file = sample_jobs(jobs)
    progress.start("Looking at a sample to adapt the encoder", len(chosen), "files")
    prepared: list[npt.NDArray[Any]] = []

    def look(job: FileJob) -> list[npt.NDArray[Any]]:
        return _sample_file(encoder, job, reading, cutting, per_file)

    with ThreadPoolExecutor(workers, thread_name_prefix="sample") as pool:
        for arrays in pool.map(look, chosen):
            prepared.extend(arrays)
            progress.advance()
    progress.finish()
    prepared = prepared[:SAMPLE_IMAGES]
    least = encoder.min_images_to_adapt
    if len(prepared) < least:
        return encoder, (
            f"encoder {encoder.spec.name}: as shipped, since {len(prepared)} images are too few to "
            f"adapt it to ({least} are needed)"
        )
    progress.start(f"Adapting the encoder to {len(prepared)} images", None, "steps")
    adapted = encoder.adapt(prepared)
    progress.finish()
    return adapted, (
        f"encoder {encoder.spec.name}: adapted, without labels, to {len(prepared)} of these images"
    )


def sample_jobs(jobs: Sequence[FileJob]) -> tuple[list[FileJob], int]:
    """Choose at most 1,000 files, spread evenly, and the number of items to take of each."""
    spread = sorted(jobs, key=lambda job: hashlib.sha256(job.file.path.encode()).digest())
    chosen = spread[:SAMPLE_IMAGES]
    return chosen, math.ceil(SAMPLE_IMAGES / max(1, len(chosen)))


def _sample_file(
    encoder: AdaptableEncoder,
    job: FileJob,
    reading: ReadOptions,
    cutting: CutOptions,
    count: int,
) -> list[npt.NDArray[Any]]:
    """Prepare up to ``count`` items of a file; what fails is the indexing run's to report."""
    arrays: list[npt.NDArray[Any]] = []
    try:
        with open_raster(job.file.files, reading) as raster:
            cuts = list(plan_cuts(raster, cutting))
            step = max(1, len(cuts) // count)
            arrays.extend(encoder.prepare(read_cut(raster, cut)) for cut in cuts[::step][:count])
    except (SourceError, OSError):
        return arrays
    return arrays
