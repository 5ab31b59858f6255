"""The segmentation benchmark: methods and encoders side by side on the same split of images."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from georetrieve.baselines.methods import PATCH_METHOD, fit_segmenter
from georetrieve.benchmarks.record import EncoderFacts, RunRecord, encoder_facts
from georetrieve.benchmarks.run import BenchmarkRun
from georetrieve.benchmarks.segmentation.data import Contender, MappedData
from georetrieve.benchmarks.segmentation.measure import Measured, class_pixels, measure_method
from georetrieve.benchmarks.segmentation.pictures import draw_patches, draw_pictures
from georetrieve.benchmarks.segmentation.report import make_failure, make_record
from georetrieve.benchmarks.segmentation.settings import TaskSettings, task_settings
from georetrieve.benchmarks.segmentation.splits import SplitPlan, plan_splits
from georetrieve.benchmarks.tasks import Task
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import EncoderError, GeoRetrieveError
from georetrieve.probes.segmentation.interface import Segmenter
from georetrieve.probes.segmentation.settings import PatchSettings
from georetrieve.protocols import DensePatchEncoder, Progress
from georetrieve.sources.fields import LabelledField
from georetrieve.sources.masks.classes import ClassTable
from georetrieve.sources.masks.pairing import label_fields
from georetrieve.sources.masks.rule import MaskRule
from georetrieve.sources.views import open_fields

__all__ = ["PICTURED", "run_segmentation", "run_segmentation_folder"]

PICTURED = 3
"""Methods, the best of each split, whose maps are drawn."""

_MISHAPS = (GeoRetrieveError, OSError, ValueError, RuntimeError, MemoryError)
"""What one method may stumble over, a library's errors included, without spoiling the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """What all measurements of one call share."""

    task: Task
    data: MappedData
    settings: TaskSettings
    runtime: Runtime | None = None
    progress: Progress | None = None
    encoders: Mapping[str, DensePatchEncoder] = field(default_factory=dict)

    @property
    def patch_settings(self) -> PatchSettings:
        return PatchSettings(seed=self.settings.probe.seed)


def run_segmentation(
    task: Task,
    fields: Sequence[LabelledField],
    classes: ClassTable,
    *,
    name: str = "",
    offered: int | None = None,
    excluded: Mapping[str, int] | None = None,
    encoders: Mapping[str, DensePatchEncoder] | None = None,
    runtime: Runtime | None = None,
    keep: Callable[[RunRecord], object] | None = None,
    progress: Progress | None = None,
) -> list[BenchmarkRun]:
    """Measure every method, with every encoder where it has one, on every split.

    A method that fails gives a record that says why, and the others go on.

    Args:
        task: What is measured; a task of kind ``segmentation``.
        fields: Images and what is known of their pixels.
        classes: The C classes.
        name: What the images are called, for the record.
        offered: Images offered, for the record; by default those of ``fields``.
        excluded: Why images were left out, for the record.
        encoders: By name, where they are at hand; others are loaded.
        runtime: How encoders run.
        keep: Given each record as soon as it is there, so that an interruption costs only one.
        progress: Told about it.

    Returns:
        A run for each split, method and encoder; the best of each split have pictures.

    Raises:
        StoreError: The task is not usable, or there are too few images for its split.
        SourceError: A mask cannot be read.
    """
    settings = task_settings(task)
    plans = plan_splits(
        [one.field.name for one in fields],
        [one.field.group for one in fields],
        settings.split.kind,
        train=settings.split.train,
        folds=settings.split.folds,
    )
    pixels = class_pixels(fields, len(classes))
    data = MappedData(name, fields, classes, pixels, offered or len(fields), excluded or {})
    bench = _Bench(
        task=task,
        data=data,
        settings=settings,
        runtime=runtime,
        progress=progress,
        encoders=encoders or {},
    )
    entries = _entries(bench)
    return [run for plan in plans for run in _run_plan(bench, plan, entries, keep)]


def run_segmentation_folder(
    task: Task,
    images: Path,
    masks: Path,
    *,
    runtime: Runtime | None = None,
    keep: Callable[[RunRecord], object] | None = None,
    progress: Progress | None = None,
) -> list[BenchmarkRun]:
    """The same of images and masks on disk; the task says what they are.

    Args:
        task: What is measured.
        images: Folder of images, or a volume.
        masks: Folder of masks, or whatever else ``georetrieve segment fit`` takes for them.
        runtime: See :func:`run_segmentation`.
        keep: Likewise.
        progress: Likewise; told which files are left out and why.

    Raises:
        SourceError: There are no images with masks, or a mask cannot be read.
        StoreError: The task is not usable, or there are too few images for its split.
    """
    how = task_settings(task).data
    with (
        open_fields(images, views=how.views, groups=how.groups) as opened,
        label_fields(
            opened.fields, masks, classes=how.table, rule=MaskRule(void=how.void)
        ) as labelled,
    ):
        failed = dict((*opened.failed, *labelled.failed))
        if progress:
            for line in (*opened.remarks, *labelled.remarks):
                progress.say(line)
            for path, reason in failed.items():
                progress.say(f"{path} is left out: {reason}")
        return run_segmentation(
            task,
            labelled.fields,
            labelled.classes,
            name=images.name,
            offered=len(opened.fields) + len(opened.failed),
            excluded={"no usable image or mask": len(failed)} if failed else {},
            runtime=runtime,
            keep=keep,
            progress=progress,
        )


@dataclass(frozen=True, slots=True)
class _Entry:
    """Who is measured, with the encoder at hand; or why it cannot be."""

    contender: Contender
    encoder: DensePatchEncoder | None = None
    trouble: str = ""


def _entries(bench: _Bench) -> list[_Entry]:
    """Methods with their encoders, loaded once so that no fit pays for it."""
    entries = []
    for method in bench.settings.probe.methods:
        if method == PATCH_METHOD:
            entries += [_patch_entry(bench, name) for name in bench.settings.probe.encoders]
        else:
            entries.append(_Entry(Contender(method)))
    return entries


def _patch_entry(bench: _Bench, name: str) -> _Entry:
    # Imported here: the baselines need no network library.
    from georetrieve.encoders.registry import load_encoder

    try:
        encoder = bench.encoders.get(name) or load_encoder(
            name, runtime=bench.runtime, progress=bench.progress
        )
    except _MISHAPS as error:
        return _Entry(Contender(PATCH_METHOD, EncoderFacts(name=name)), trouble=str(error))
    contender = Contender(PATCH_METHOD, encoder_facts(encoder.spec))
    if isinstance(encoder, DensePatchEncoder):
        return _Entry(contender, encoder)
    return _Entry(
        contender, trouble=f"{name} does not describe patches of images of any size; use another."
    )


def _run_plan(
    bench: _Bench,
    plan: SplitPlan,
    entries: Sequence[_Entry],
    keep: Callable[[RunRecord], object] | None,
) -> list[BenchmarkRun]:
    runs: list[tuple[RunRecord, Measured | None]] = []
    for entry in entries:
        if bench.progress:
            bench.progress.say(f"{plan.name}: {entry.contender.name}")
        record, measured = _measure(bench, plan, entry)
        if keep:
            keep(record)
        runs.append((record, measured))
    values = [record.metrics["mean_iou"].value or 0.0 for record, _ in runs]
    best = sorted(range(len(runs)), key=lambda place: -values[place])[:PICTURED]
    return [
        BenchmarkRun(
            record,
            (
                *(
                    draw_pictures(bench.data, measured, method=entry.contender.name)
                    if place in best
                    else ()
                ),
                *(
                    draw_patches(entry.encoder, bench.data.fields[measured.places[0]])
                    if entry.encoder
                    else ()
                ),
            )
            if measured
            else (),
        )
        for place, ((record, measured), entry) in enumerate(zip(runs, entries, strict=True))
    ]


def _measure(bench: _Bench, plan: SplitPlan, entry: _Entry) -> tuple[RunRecord, Measured | None]:
    contender = entry.contender
    facts: dict[str, Any] = {"draws": bench.settings.probe.draws, "seed": bench.settings.probe.seed}
    if contender.method == PATCH_METHOD:
        facts |= {"patches": asdict(bench.patch_settings)}

    def fit(training: Sequence[LabelledField]) -> Segmenter:
        if entry.trouble:
            raise EncoderError(entry.trouble)
        return fit_segmenter(
            contender.method,
            training,
            bench.data.classes,
            encoder=entry.encoder or "",
            settings=bench.patch_settings,
            runtime=bench.runtime,
            progress=bench.progress,
        )

    start = time.perf_counter()
    try:
        measured = measure_method(
            fit, plan, bench.data.fields, len(bench.data.classes), progress=bench.progress
        )
    except _MISHAPS as error:
        reason = str(error) or type(error).__name__
        if bench.progress:
            bench.progress.say(f"{contender.name} failed: {reason}")
        return make_failure(bench.task, bench.data, contender, plan, facts, reason), None
    seconds = time.perf_counter() - start
    record = make_record(bench.task, bench.data, contender, plan, measured, facts, seconds=seconds)
    return record, measured
