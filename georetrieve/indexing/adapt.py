"""Fitting the bundled encoder to a new collection, without labels, from a sample of its images."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from georetrieve.errors import SourceError
from georetrieve.indexing.pipeline import FileJob
from georetrieve.indexing.plans import Plan, make_plan
from georetrieve.protocols import AdaptableEncoder, Progress
from georetrieve.sources.cut import CutOptions, read_cut
from georetrieve.sources.opening import open_raster
from georetrieve.sources.options import ReadOptions

__all__ = ["Adaptation", "adapt_encoder", "quotas"]

SAMPLE_IMAGES = 1000
# Plans are kept for the run that follows; beyond this many items it is cheaper to make them anew.
KEPT_CUTS = 200_000


@dataclass(frozen=True, slots=True)
class Adaptation:
    """What came of adapting an encoder.

    Attributes:
        encoder: The adapted encoder; the one that was given when there are too few images.
        remark: Says which, for the user.
        plans: How files that were looked at are cut, by (source, path).
    """

    encoder: AdaptableEncoder
    remark: str
    plans: dict[tuple[str, str], Plan] = field(default_factory=dict)


def adapt_encoder(
    encoder: AdaptableEncoder,
    jobs: Sequence[FileJob],
    reading: ReadOptions,
    cutting: CutOptions,
    *,
    workers: int,
    progress: Progress,
) -> Adaptation:
    """Adapt an encoder to at most 1,000 items, spread over at most 1,000 files.

    The sample depends on the names of the files alone, so an interrupted first run that is started
    again fits the same codebook.
    """
    spread = sorted(jobs, key=lambda job: hashlib.sha256(job.file.path.encode()).digest())
    sampler = _Sampler(encoder, reading, cutting)
    with ThreadPoolExecutor(workers, thread_name_prefix="sample") as pool:
        progress.start("Looking at what there is", len(spread[:SAMPLE_IMAGES]), "files")
        planned: list[tuple[FileJob, Plan]] = []
        for job, plan in zip(spread, pool.map(sampler.plan, spread[:SAMPLE_IMAGES]), strict=False):
            progress.advance()
            if plan.cuts:
                planned.append((job, plan))
        progress.finish()
        counts = quotas([len(plan.cuts) for _, plan in planned], SAMPLE_IMAGES)
        progress.start("Reading a sample to adapt the encoder", len(planned), "files")
        prepared: list[npt.NDArray[Any]] = []
        for arrays in pool.map(sampler.read, planned, counts):
            prepared += arrays
            progress.advance()
        progress.finish()
    plans = {(job.source, job.file.path): plan for job, plan in planned}
    if sum(len(plan.cuts) for plan in plans.values()) > KEPT_CUTS:
        plans = {}
    least = encoder.min_images_to_adapt
    if len(prepared) < least:
        few = f"{len(prepared)} images are too few to adapt it to ({least} are needed)"
        return Adaptation(encoder, f"encoder {encoder.spec.name}: as shipped, since {few}", plans)
    progress.start(f"Adapting the encoder to {len(prepared)} images", None, "steps")
    adapted = encoder.adapt(prepared)
    progress.finish()
    return Adaptation(
        adapted,
        f"encoder {encoder.spec.name}: adapted, without labels, to {len(prepared)} of these images",
        plans,
    )


def quotas(counts: Sequence[int], total: int) -> list[int]:
    """Share ``total`` among files that have ``counts`` items, as evenly as they allow."""
    shares = [0] * len(counts)
    left = min(total, sum(counts))
    for rank, place in enumerate(sorted(range(len(counts)), key=lambda place: counts[place])):
        shares[place] = min(counts[place], left // (len(counts) - rank))
        left -= shares[place]
    return shares


@dataclass(frozen=True, slots=True)
class _Sampler:
    """Opens, cuts and reads; what fails here is the indexing run's to report."""

    encoder: AdaptableEncoder
    reading: ReadOptions
    cutting: CutOptions

    def plan(self, job: FileJob) -> Plan:
        try:
            with open_raster(job.file.files, self.reading) as raster:
                return make_plan(raster, self.cutting)
        except (SourceError, OSError):
            return Plan()

    def read(self, planned: tuple[FileJob, Plan], count: int) -> list[npt.NDArray[Any]]:
        job, plan = planned
        places = np.linspace(0, len(plan.cuts) - 1, count).round().astype(int)
        arrays: list[npt.NDArray[Any]] = []
        try:
            with open_raster(job.file.files, self.reading) as raster:
                arrays.extend(
                    self.encoder.prepare(read_cut(raster, plan.cuts[place])) for place in places
                )
        except (SourceError, OSError):
            return arrays
        return arrays
