"""A further encoder's vectors for every item of an index."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from georetrieve.indexing.ingest import unusable
from georetrieve.indexing.pipeline import FileJob, PreparedItem, Preparer, prepare_files
from georetrieve.protocols import ImageEncoder, Progress
from georetrieve.sources.cut import CutOptions
from georetrieve.sources.folder import SourceFile, walk
from georetrieve.sources.options import ReadOptions
from georetrieve.stores.drawn import DrawnOutlines
from georetrieve.stores.lance import IndexStore
from georetrieve.types import FileRecord

__all__ = ["fill_column"]

STAGE_ITEMS = 512


def fill_column(
    store: IndexStore,
    encoder: ImageEncoder,
    reading: ReadOptions,
    cutting: CutOptions,
    *,
    batch_size: int,
    workers: int,
    progress: Progress,
) -> tuple[int, list[str]]:
    """Encode every item of the index and add the vectors as one column, in one commit at the end.

    Vectors wait in a table beside the index meanwhile, where an interrupted run finds them again.

    Returns:
        How many vectors were computed, and remarks on items that stay without.
    """
    column = encoder.spec.column
    store.begin_column(encoder.spec)
    staged = store.staged_ids(column)
    wanted = set(store.scan(["id"]).column("id").to_pylist())
    jobs, lost = _jobs(store, staged, reading)
    filler = _Filler(store, encoder, wanted - staged, batch_size, progress)
    progress.start(f"Encoding with {encoder.spec.name}", len(wanted - staged))
    drawn = DrawnOutlines(store.path)
    preparer = Preparer([encoder], None, reading, cutting, drawn=drawn)
    remarks = [f"{path}: {reason}; no {encoder.spec.name} vector" for path, reason in lost]
    for opened, chunks in prepare_files(jobs, preparer, workers=workers, ahead=2 * batch_size):
        if opened.error:
            remarks.append(f"{opened.job.file.path}: {opened.error}")
        for chunk in chunks:
            filler.take(chunk.items)
            remarks += [f"{item}: {reason}" for item, reason in chunk.failed]
    filler.flush()
    progress.finish()
    store.finish_column(encoder.spec)
    left = len(wanted - staged) - filler.count
    if left:
        remarks.append(
            f"{left} items have no {encoder.spec.name} vector and are not found by a search with it"
        )
    return filler.count, remarks


class _Filler:
    """Encodes and stages."""

    def __init__(
        self,
        store: IndexStore,
        encoder: ImageEncoder,
        wanted: set[str],
        batch_size: int,
        progress: Progress,
    ) -> None:
        self.store, self.encoder, self.wanted = store, encoder, wanted
        self.batch_size, self.progress = batch_size, progress
        self.count = 0
        self._waiting: list[PreparedItem] = []
        self._ids: list[str] = []
        self._vectors: list[np.ndarray] = []

    def take(self, items: list[PreparedItem]) -> None:
        """Encode as soon as a batch is full."""
        self._waiting += [prepared for prepared in items if prepared.item.id in self.wanted]
        while len(self._waiting) >= self.batch_size:
            self._encode(self._waiting[: self.batch_size])
            del self._waiting[: self.batch_size]
        if len(self._ids) >= STAGE_ITEMS:
            self._stage()

    def flush(self) -> None:
        """Encode and stage what is left."""
        if self._waiting:
            self._encode(self._waiting)
            self._waiting = []
        self._stage()

    def _encode(self, batch: list[PreparedItem]) -> None:
        vectors = self.encoder.encode_prepared([prepared.arrays[0] for prepared in batch])
        good = ~unusable(vectors)
        self._ids += [prepared.item.id for prepared, ok in zip(batch, good, strict=True) if ok]
        self._vectors.append(vectors[good])
        self.progress.advance(len(batch))

    def _stage(self) -> None:
        if self._ids:
            vectors = np.concatenate(self._vectors)
            self.store.stage_vectors(self.encoder.spec.column, self._ids, vectors)
            self.count += len(self._ids)
        self._ids, self._vectors = [], []


def _jobs(
    store: IndexStore, staged: set[str], reading: ReadOptions
) -> tuple[list[FileJob], list[tuple[str, str]]]:
    """The files whose items lack a vector, and those that are no longer on disk."""
    ledger = store.files()
    on_disk: dict[tuple[str, str], SourceFile] = {}
    for root in store.manifest.sources:
        if Path(root.root).exists():
            files = walk(Path(root.root), volumes=reading.volumes).files
            on_disk |= {
                (root.key, file.path): file
                for file in files
                if _as_indexed(file, ledger.get((root.key, file.path)))
            }
    done: dict[tuple[str, str], set[str]] = defaultdict(set)
    todo: dict[tuple[str, str], str] = {}
    for row in store.scan(["id", "source", "path", "content_hash"]).to_pylist():
        key = (row["source"], row["path"])
        if row["id"] in staged:
            done[key].add(row["id"])
        else:
            todo[key] = row["content_hash"]
    jobs = [
        FileJob(on_disk[key], key[0], digest, done[key])
        for key, digest in sorted(todo.items())
        if key in on_disk
    ]
    lost = [(key[1], "no longer on disk, or changed there") for key in todo if key not in on_disk]
    return jobs, lost


def _as_indexed(file: SourceFile, record: FileRecord | None) -> bool:
    """Whether a file is still what its items were cut from."""
    if record is None:
        return False
    return (record.size, record.mtime_ns) == (file.size, file.mtime_ns)
