"""The classification benchmark on an index, or on a folder that is indexed for it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from georetrieve.benchmarks.classification.run import ClassificationRun, run_classification
from georetrieve.benchmarks.classification.settings import task_settings
from georetrieve.benchmarks.labelled import LabelledVectors, labelled_vectors
from georetrieve.benchmarks.tasks import Task
from georetrieve.encoders.options import index_name
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import IndexNotFoundError, StoreError
from georetrieve.indexing.build import index_folder
from georetrieve.indexing.options import IndexOptions, IndexReport
from georetrieve.protocols import Progress
from georetrieve.search import Index, find_index

__all__ = ["BenchData", "bench_data", "labelled_items", "measure_classification"]


@dataclass(frozen=True, slots=True)
class BenchData:
    """Where the vectors of a benchmark are.

    Attributes:
        index: Folder of the index.
        encoders: Names of its encoders that are measured.
        reports: What indexing did, one an encoder; none where an index was named.
    """

    index: Path
    encoders: tuple[str, ...]
    reports: tuple[IndexReport, ...] = ()


def bench_data(
    task: Task,
    data: str,
    encoders: Sequence[str] = (),
    *,
    cache: Path,
    runtime: Runtime | None = None,
    progress: Progress | None = None,
) -> BenchData:
    """Find the index that is named, or bring the index of a folder up to date.

    A folder's index is kept, so that a further run encodes only what is new, and one that was cut
    off goes on.

    Args:
        task: Says how a folder is cut and labelled.
        data: An index, or a folder of images.
        encoders: Which; none: all of an index, ``bundled`` for a new one.
        cache: Where indexes of folders are kept.
        runtime: How encoders run.
        progress: Told how far the run is.

    Raises:
        IndexNotFoundError: There is neither an index nor a folder of that name.
        StoreError: The index has no such encoder.
        SourceError: The folder has nothing to index.
        EncoderError: An encoder is unknown, or its weights cannot be used.
    """
    path, folder = _find(task, data, cache)
    made: tuple[IndexReport, ...] = ()
    if folder is not None:
        made = _index(task, folder, path, encoders or ("bundled",), runtime, progress)
    with Index.open(path) as opened:
        names = encoders or tuple(spec.name for spec in opened.manifest.encoders)
        found = tuple(opened.manifest.encoder(index_name(name)).name for name in names)
    return BenchData(path, tuple(dict.fromkeys(found)), made)


def measure_classification(
    task: Task,
    index: Index,
    encoders: Sequence[str] = (),
    *,
    where: str | None = None,
    draws: int = 1000,
) -> list[ClassificationRun]:
    """Measure how well the labelled items of an index are called, encoder by encoder.

    Args:
        task: What is measured.
        index: Opened.
        encoders: Whose vectors; none: all the index has.
        where: SQL condition on the items that take part.
        draws: Bootstrap samples of the intervals.

    Raises:
        StoreError: There is no such encoder, the condition is not valid, or nothing can be
            measured.
    """
    names = encoders or [spec.name for spec in index.manifest.encoders]
    specs = [index.manifest.encoder(name) for name in names]
    runs = [
        run_classification(
            task,
            labelled_items(index, spec.name, where=where),
            index=index.manifest.name,
            version=str(index.store.version),
            encoder=spec,
            draws=draws,
        )
        for spec in specs
    ]
    if not runs:
        raise StoreError(f"The index {index.manifest.name} has no encoder: index a folder into it.")
    return runs


def labelled_items(index: Index, encoder: str, *, where: str | None = None) -> LabelledVectors:
    """The labelled items of an index with an encoder's vectors.

    Raises:
        StoreError: There is no such encoder, the condition is not valid, or too few items carry a
            label.
    """
    ids, vectors = index.store.vectors(index.manifest.encoder(encoder).column, where)
    facts = index.store.take(ids, ["label", "group", "content_hash"])
    labels, groups, digests = (column.to_pylist() for column in facts.columns)
    return labelled_vectors(vectors, labels, ids, groups=groups, content_hashes=digests)


def _find(task: Task, data: str, cache: Path) -> tuple[Path, Path | None]:
    """Where the index is or will be, and the folder it has to be made of, if any."""
    try:
        return find_index(data), None
    except IndexNotFoundError as error:
        folder = Path(data).expanduser()
        if not folder.is_dir():
            raise IndexNotFoundError(f"{error} There is no folder {data} either.") from error
    return _place(cache, folder, task), folder


def _place(cache: Path, folder: Path, task: Task) -> Path:
    """A folder's index: by its name, its whole path, and how the task has it read."""
    facts = f"{folder.resolve()}\n{sorted(task.data.items())}"
    digest = hashlib.sha256(facts.encode()).hexdigest()[:8]
    return cache / f"{task.name}-{folder.resolve().name}-{digest}"


def _index(
    task: Task,
    folder: Path,
    path: Path,
    encoders: Sequence[str],
    runtime: Runtime | None,
    progress: Progress | None,
) -> tuple[IndexReport, ...]:
    reading = task_settings(task).data
    return tuple(
        index_folder(
            folder,
            path,
            IndexOptions(
                encoder=encoder,
                labels=reading.labels,
                groups=reading.groups,
                cutting={"items": reading.items, "step": reading.step},
                runtime=runtime or Runtime(),
            ),
            progress=progress,
        )
        for encoder in encoders
    )
