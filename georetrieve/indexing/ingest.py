"""Encode prepared items and commit them: items first, then the ledger rows that vouch for them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from georetrieve.errors import StoreError
from georetrieve.indexing.options import IndexOptions
from georetrieve.indexing.pipeline import (
    Chunk,
    FileJob,
    Opened,
    PreparedItem,
    Preparer,
    prepare_files,
)
from georetrieve.protocols import Progress
from georetrieve.sources.folder import has_changed
from georetrieve.stores.lance import IndexStore
from georetrieve.types import FileRecord, FloatArray, Item

__all__ = ["Ingest", "unusable"]

COMMIT_SECONDS = 30.0


def unusable(vectors: FloatArray) -> npt.NDArray[np.bool_]:
    """(N,) mask of vectors that are zero or not finite and must never be stored."""
    usable = np.logical_and(np.isfinite(vectors).all(axis=1), vectors.any(axis=1))
    return np.asarray(~usable, dtype=np.bool_)


@dataclass(slots=True)
class _FileState:
    """How far a file is."""

    opened: Opened
    good: int = 0
    bad: list[tuple[str, str]] = field(default_factory=list)


class Ingest:
    """Writes files to an index.

    Rows are written in commits of ``options.commit_items``; the ledger is written after the items
    it counts, so that a run killed between the two finds items without a row and takes them over
    or replaces them, and never believes a file done that is not.
    """

    def __init__(
        self, store: IndexStore, preparer: Preparer, options: IndexOptions, progress: Progress
    ) -> None:
        self.store, self.preparer, self.options, self.progress = store, preparer, options, progress
        self.files_done = 0
        self.encoded = 0
        self._remarks: Counter[str] = Counter()
        self._batch: list[tuple[_FileState, PreparedItem]] = []
        self._items: list[Item] = []
        self._vectors: list[list[FloatArray]] = [[] for _ in preparer.encoders]
        self._finished: list[_FileState] = []
        self._committed = time.monotonic()
        self._attempts: dict[tuple[str, str], int] = {}

    @property
    def remarks(self) -> list[str]:
        """What readers and cutters had to say, with the number of files it was said of."""
        return [
            f"{count} {'file' if count == 1 else 'files'}: {remark}"
            for remark, count in self._remarks.most_common()
        ]

    def run(self, jobs: Sequence[FileJob], *, workers: int) -> None:
        """Read, encode and commit files."""
        self._attempts = {key: record.attempts for key, record in self.store.files().items()}
        jobs = self._take_over(jobs)
        self.progress.start("Indexing", len(jobs))
        ahead = 2 * self.options.batch_size
        for opened, chunks in prepare_files(jobs, self.preparer, workers=workers, ahead=ahead):
            self._one_file(opened, chunks)
        self._commit()
        self.progress.finish()

    def _take_over(self, jobs: Sequence[FileJob]) -> list[FileJob]:
        """Keep what an interrupted run wrote of these files; remove items of older content."""
        counts = self.store.item_counts()
        touched = {(job.source, job.file.path): job for job in jobs}
        touched = {key: job for key, job in touched.items() if key in counts}
        if not touched:
            return list(jobs)
        known: dict[tuple[str, str], set[str]] = {key: set() for key in touched}
        stale: list[str] = []
        table = self.store.scan(["id", "source", "path", "content_hash"])
        for row in table.to_pylist():
            key = (row["source"], row["path"])
            if key not in touched:
                continue
            if row["content_hash"] == touched[key].content_hash:
                known[key].add(row["id"])
            else:
                stale.append(row["id"])
        self.store.remove_ids(stale)
        return [
            replace(job, known=known.get((job.source, job.file.path), frozenset())) for job in jobs
        ]

    def _one_file(self, opened: Opened, chunks: Iterator[Chunk]) -> None:
        state = _FileState(opened, good=len(opened.job.known))
        left = len(opened.first.items) + len(opened.first.failed) + len(opened.cuts)
        self.progress.grow(left - 1)
        for chunk in chunks:
            state.bad += chunk.failed
            self.progress.advance(len(chunk.failed))
            for prepared in chunk.items:
                self._batch.append((state, prepared))
                if len(self._batch) >= self.options.batch_size:
                    self._encode()
            if self._due():
                self._commit()
        self._remarks.update(opened.remarks)
        self._finished.append(state)

    def _due(self) -> bool:
        if len(self._items) >= self.options.commit_items:
            return True
        return bool(self._items) and time.monotonic() - self._committed > COMMIT_SECONDS

    def _encode(self) -> None:
        """Encode the waiting batch; items whose vector is unusable are left out and counted."""
        if not self._batch:
            return
        batch, self._batch = self._batch, []
        found = []
        for number, encoder in enumerate(self.preparer.encoders):
            found.append(encoder.encode_prepared([item.arrays[number] for _, item in batch]))
        bad = np.logical_or.reduce([unusable(vectors) for vectors in found])
        for (state, prepared), is_bad in zip(batch, bad, strict=True):
            if is_bad:
                reason = "the encoder gave a zero or non-finite vector"
                state.bad.append((prepared.item.id, reason))
            else:
                state.good += 1
                self._items.append(prepared.item)
        for kept, vectors in zip(self._vectors, found, strict=True):
            kept.append(vectors[~bad])
        self.encoded += int((~bad).sum()) * len(found)
        self.progress.advance(len(batch))

    def _commit(self) -> None:
        """Write the encoded items, then the ledger rows of the files they complete."""
        self._encode()
        try:
            if self._items:
                columns = [encoder.spec.column for encoder in self.preparer.encoders]
                vectors = [np.concatenate(parts) for parts in self._vectors]
                self.store.add_items(self._items, dict(zip(columns, vectors, strict=True)))
            if self._finished:
                self.store.write_files([self._record(state) for state in self._finished])
        except OSError as error:
            raise StoreError(
                f"Index {self.store.path} cannot be written ({error.strerror or error}); make room "
                "or mend access, then run the same command: what was committed is kept."
            ) from error
        self._items, self._finished = [], []
        self._vectors = [[] for _ in self.preparer.encoders]
        self._committed = time.monotonic()

    def _record(self, state: _FileState) -> FileRecord:
        """The ledger row of a file whose items are all encoded."""
        job = state.opened.job
        key = (job.source, job.file.path)
        status: Literal["done", "failed", "skipped"] = "done"
        reason = ""
        if state.opened.error:
            status, reason = "failed", state.opened.error
        elif state.bad:
            status, reason = "failed", state.bad[0][1]
            if state.good:
                some = f"{len(state.bad)} of {len(state.opened.plan.cuts)} items left out"
                status, reason = "done", f"{some}: {reason}"
        elif not state.opened.plan.cuts:
            status, reason = "skipped", "opened, but nothing in it to index (blank, or no particle)"
        if has_changed(job.file):
            # Its recorded time is the one seen before reading, so the next run reads it again.
            status, reason = "failed", "changed while it was read; run the command again"
        if status == "failed" and state.good:
            self.store.remove_items([key])
        self.files_done += status == "done"
        return FileRecord(
            source=job.source,
            path=job.file.path,
            size=job.file.size,
            mtime_ns=job.file.mtime_ns,
            content_hash=job.content_hash,
            status=status,
            reason=reason,
            items=0 if status == "failed" else state.good,
            attempts=self._attempts.get(key, 0) + 1,
            kind=state.opened.kind,
            um_per_px=state.opened.um_per_px,
        )
