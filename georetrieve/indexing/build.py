"""Source → encode → store: make an index, bring it up to date, go on where a run was cut off."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import georetrieve
from georetrieve.encoders.options import canonical_name
from georetrieve.encoders.registry import load_encoder, load_for_spec
from georetrieve.errors import SourceError, SpecMismatchError
from georetrieve.indexing.adapt import adapt_encoder
from georetrieve.indexing.annotate import (
    forget_annotations,
    refresh_annotations,
    restore_given_labels,
)
from georetrieve.indexing.changes import Changes, find_changes
from georetrieve.indexing.columns import fill_column
from georetrieve.indexing.effort import runtime_for
from georetrieve.indexing.ingest import Ingest
from georetrieve.indexing.options import IndexOptions, IndexReport, Silent
from georetrieve.indexing.pipeline import FileJob, Preparer
from georetrieve.indexing.plans import Plan
from georetrieve.indexing.terms import findable, refuse_other, register_source, with_wider_reading
from georetrieve.protocols import AdaptableEncoder, ImageEncoder, Progress
from georetrieve.sources.cut import CutOptions
from georetrieve.sources.folder import Walk, walk
from georetrieve.sources.labels import Annotator
from georetrieve.sources.options import ReadOptions
from georetrieve.stores.drawn import DrawnOutlines
from georetrieve.stores.label_journal import LabelJournal
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.lock import write_lock
from georetrieve.stores.manifest import Manifest

__all__ = ["index_folder"]

DEFAULT_ENCODER = "bundled"


def index_folder(
    source: Path,
    index: Path,
    options: IndexOptions | None = None,
    *,
    progress: Progress | None = None,
) -> IndexReport:
    """Bring the images below ``source`` into the index at ``index``, making it if need be.

    Unchanged files are not read, moved ones keep their vectors, changed ones are replaced, and a
    run that was killed goes on where it stopped, with the result of one that was not.

    Args:
        source: Folder of images, slides or volumes, or a single file.
        index: Folder of the index.
        options: Choices; see :class:`IndexOptions`.
        progress: Told how far the run is.

    Returns:
        What was done. Files that could not be indexed are in its ``failed``; they do not raise.

    Raises:
        SourceError: ``source`` or the labels cannot be used at all.
        EncoderError: The encoder is unknown or its weights cannot be used.
        StoreError: The index is locked by another process, damaged, or was made with other options.
    """
    options = options or IndexOptions()
    source = source.expanduser().resolve()
    if not source.exists():
        raise SourceError(f"{source} does not exist; name a folder of images or an image file.")
    progress = progress or Silent()
    loaded = None
    if not IndexStore.exists(index):
        # Before anything is made: a mistyped folder or encoder should leave nothing behind.
        found = walk(source, volumes=ReadOptions(**options.reading).volumes)
        _refuse_empty(found, source)
        runtime = runtime_for(options.runtime, [file.size for file in found.files])
        name = options.encoder or DEFAULT_ENCODER
        loaded = load_encoder(name, runtime=runtime, progress=progress)
    index.mkdir(parents=True, exist_ok=True)
    with write_lock(index, f"index {source}"):
        store = _open_or_create(index, options)
        return _Run(source, store, options, progress, loaded).run()


def _open_or_create(index: Path, options: IndexOptions) -> IndexStore:
    if IndexStore.exists(index):
        return IndexStore.open(index)
    manifest = Manifest(
        name=index.name,
        sources=(),
        encoders=(),
        cutting=CutOptions(**options.cutting).to_json(),
        reading=ReadOptions(**options.reading).to_json(),
        annotation={},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        georetrieve_version=georetrieve.__version__,
    )
    return IndexStore.create(index, manifest)


class _Run:
    """One call of :func:`index_folder`; holds what its steps share."""

    def __init__(
        self,
        source: Path,
        store: IndexStore,
        options: IndexOptions,
        progress: Progress,
        loaded: ImageEncoder | None,
    ) -> None:
        self.started, self.loaded = time.perf_counter(), loaded
        self.source, self.store, self.options, self.progress = source, store, options, progress
        self.report = IndexReport(index=str(store.path))
        self.workers = options.workers or os.cpu_count() or 1
        manifest = store.manifest
        refuse_other(options.cutting, manifest.cutting, "cut", manifest.name)
        manifest, self.retry = with_wider_reading(options, store), options.retry
        if manifest is not store.manifest:
            store.update_manifest(manifest)
            self.retry = True
        refuse_other(options.reading, manifest.reading, "read", manifest.name)
        self.cutting = CutOptions.from_json(manifest.cutting)
        self.reading = ReadOptions.from_json(manifest.reading)
        self.key = register_source(source, store, self.report)
        self.annotator = self._annotator()
        self.plans: dict[tuple[str, str], Plan] = {}
        self.drawn = DrawnOutlines(store.path)

    def run(self) -> IndexReport:
        """Do it all."""
        changes = self._find_changes()
        self._move(changes)
        encoders = self._encoders(changes.jobs)
        if changes.jobs:
            preparer = Preparer(
                encoders, self.annotator, self.reading, self.cutting, self.plans, self.drawn
            )
            ingest = Ingest(self.store, preparer, self.options, self.progress)
            started = time.perf_counter()
            ingest.run(changes.jobs, workers=self.workers)
            self.report.encode_seconds = time.perf_counter() - started
            self.report.indexed, self.report.encoded = ingest.files_done, ingest.encoded
            self.report.remarks += ingest.remarks
        self._add_column(encoders)
        self.report.relabelled = refresh_annotations(self.store, self.key, self.annotator)
        restore_given_labels(self.store)
        self.report.remarks += self.annotator.report()
        self._close(changes)
        return self.report

    def _annotator(self) -> Annotator:
        kept = self.store.manifest.annotation.get(self.key, {})
        labels = findable(self.options.labels) or kept.get("labels")
        groups = findable(self.options.groups) or kept.get("groups")
        annotator = Annotator.from_options(
            labels, groups, self.source, volumes=self.reading.volumes
        )
        if (labels, groups) != (kept.get("labels"), kept.get("groups")):
            kept = {"labels": labels, "groups": groups}
            annotation = {**self.store.manifest.annotation, self.key: kept}
            self.store.update_manifest(replace(self.store.manifest, annotation=annotation))
        return annotator

    def _find_changes(self) -> Changes:
        found = walk(self.source, volumes=self.reading.volumes)
        changes = find_changes(
            found.files,
            self.key,
            self.store.files(),
            self.store.item_counts(),
            retry=self.retry,
            progress=self.progress,
        )
        self.report.files = len(found.files)
        self.report.ignored = found.ignored
        self.report.remarks += found.remarks
        self.report.unchanged = changes.unchanged
        self.report.missing = len(changes.missing)
        return changes

    def _move(self, changes: Changes) -> None:
        if changes.moved:
            renames = {old: record.key for old, record in changes.moved.items()}
            forget_annotations(self.store, self.key)  # a folder's name may be a label
            LabelJournal(self.store.path).rename(renames)
            self.drawn.rename(renames)
            self.store.move_items(renames)
            self.store.write_files(list(changes.moved.values()))
            self.store.remove_files(list(changes.moved))
            self.report.moved = len(changes.moved)
        if changes.records:
            self.store.write_files(changes.records)

    def _encoders(self, jobs: Sequence[FileJob]) -> list[ImageEncoder]:
        """Load the encoders of the index, if there is anything to encode; a new index gets one."""
        specs = self.store.manifest.encoders
        if not specs:
            return [self._new_encoder(jobs)]
        if not jobs:
            return []
        runtime = runtime_for(self.options.runtime, [job.file.size for job in jobs])
        loaded = [load_for_spec(spec, self.store.path, runtime=runtime) for spec in specs]
        for encoder in loaded:
            self._say_how_it_runs(encoder)
        return loaded

    def _say_how_it_runs(self, encoder: ImageEncoder) -> None:
        """What was chosen where that was left open; vectors of all ways are comparable."""
        how = getattr(encoder, "runs_as", "")  # networks have it
        if how:
            self.report.remarks.append(f"{encoder.spec.name} runs on {how}")

    def _new_encoder(self, jobs: Sequence[FileJob]) -> ImageEncoder:
        name = self.options.encoder or DEFAULT_ENCODER
        encoder = self.loaded or load_encoder(
            name, runtime=self.options.runtime, progress=self.progress
        )
        if isinstance(encoder, AdaptableEncoder) and self.options.adapt:
            adaptation = adapt_encoder(
                encoder,
                jobs,
                self.reading,
                self.cutting,
                workers=self.workers,
                progress=self.progress,
            )
            encoder, self.plans = adaptation.encoder, adaptation.plans
            self.report.remarks.append(adaptation.remark)
        if isinstance(encoder, AdaptableEncoder):
            # The codebook in use is part of the index, adapted or not: a later version of the
            # package may ship another one.
            folder = self.store.path / "encoders"
            folder.mkdir(exist_ok=True)
            encoder.save(folder / f"{encoder.spec.column}.safetensors")
        self._say_how_it_runs(encoder)
        manifest = self.store.manifest
        self.store.update_manifest(replace(manifest, encoders=(*manifest.encoders, encoder.spec)))
        return encoder

    def _add_column(self, loaded: list[ImageEncoder]) -> None:
        """Fill the column of an encoder the index does not have yet."""
        name = self.options.encoder and canonical_name(self.options.encoder)
        specs = self.store.manifest.encoders
        if name is None or any(name in (spec.name, spec.column) for spec in specs):
            return
        sizes = [record.size for record in self.store.files().values()]
        runtime = runtime_for(self.options.runtime, sizes)
        encoder = load_encoder(name, runtime=runtime, progress=self.progress)
        for spec in specs:
            if spec.column != encoder.spec.column:
                continue
            if spec.fingerprint != encoder.spec.fingerprint:
                raise SpecMismatchError(
                    f"The index has a column {spec.column!r} made with other weights "
                    f"({spec.weights}); rename the file of the new weights to keep both."
                )
            return
        self._say_how_it_runs(encoder)
        count, remarks = fill_column(
            self.store,
            encoder,
            self.reading,
            self.cutting,
            batch_size=self.options.batch_size,
            workers=self.workers,
            progress=self.progress,
        )
        self.report.encoded += count
        self.report.remarks += remarks

    def _close(self, changes: Changes) -> None:
        if changes.jobs or changes.moved or self.report.encoded:
            self.store.compact()
        self.report.failed = sorted(
            (record.path, record.reason)
            for record in self.store.files().values()
            if record.status == "failed"
        )
        labels = Counter(self.store.scan(["label"]).column("label").to_pylist())
        self.report.items = labels.total()
        self.report.labels = len([label for label in labels if label is not None])
        self.report.seconds = time.perf_counter() - self.started


def _refuse_empty(found: Walk, source: Path) -> None:
    if not found.files:
        others = "1 other file" if found.ignored == 1 else f"{found.ignored} other files"
        raise SourceError(
            f"{source} holds no image, slide or volume that georetrieve reads ({others} there). "
            "Name the folder the images are in."
        )
