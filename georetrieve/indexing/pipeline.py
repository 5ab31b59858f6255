"""Files become prepared items: open, cut, read, shrink, in threads beside the encoder.

Threads, not processes: decoding, resampling and hashing release the interpreter lock, and Lance
does not survive a fork. Results come in the order of the files, whatever finishes first, so that a
run writes the same rows in the same order every time; the window of work in flight is bounded, so
memory does not grow with the number of files or with the size of one.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy.typing as npt

from georetrieve.errors import SourceError
from georetrieve.indexing.drawn_cuts import with_drawn
from georetrieve.indexing.plans import Plan, make_plan
from georetrieve.protocols import ImageEncoder, Raster
from georetrieve.sources.cut import Cut, CutOptions, read_cut
from georetrieve.sources.folder import SourceFile
from georetrieve.sources.labels import Annotator
from georetrieve.sources.opening import open_raster
from georetrieve.sources.options import ReadOptions
from georetrieve.sources.thumbnails import thumbnail
from georetrieve.stores.drawn import DrawnOutlines
from georetrieve.types import Item, item_id

__all__ = [
    "Chunk",
    "FileJob",
    "Opened",
    "PreparedItem",
    "Preparer",
    "prepare_files",
]

T = TypeVar("T")
R = TypeVar("R")

CHUNK_ITEMS = 16


@dataclass(frozen=True, slots=True)
class FileJob:
    """A file to be read.

    Attributes:
        file: The file.
        source: Key of its source folder.
        content_hash: Digest of its content.
        known: Ids of its items that are in the index already (an interrupted run's) and not read.
    """

    file: SourceFile
    source: str
    content_hash: str
    known: Collection[str] = frozenset()


@dataclass(slots=True)
class PreparedItem:
    """An item and, for each encoder in turn, its prepared array."""

    item: Item
    arrays: list[npt.NDArray[Any]]


@dataclass(slots=True)
class Chunk:
    """Some prepared items of one file, and what could not be read of it: (item id, reason)."""

    items: list[PreparedItem] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Opened:
    """A file that has been opened and cut.

    Attributes:
        job: The file.
        raster: Open until the last chunk has been read; None when nothing is left to read.
        kind: ``image``, ``slide`` or ``volume``; "" when it could not be opened.
        um_per_px: Its scale, µm; None when unknown.
        remarks: What the user should know; complete when the file has been closed, since some
            remarks come with the pixels.
        plan: How it is cut.
        cuts: What is left to read after ``first``.
        first: The first chunk, read by the thread that opened the file.
        error: Why the file cannot be used; "" when it can.
    """

    job: FileJob
    raster: Raster | None = None
    kind: str = ""
    um_per_px: float | None = None
    remarks: tuple[str, ...] = ()
    plan: Plan = field(default_factory=Plan)
    cuts: Sequence[Cut] = ()
    first: Chunk = field(default_factory=Chunk)
    error: str = ""

    def close(self) -> None:
        """Let the file go; closing twice is harmless."""
        if self.raster is not None:
            self.remarks = (*self.raster.remarks, self.plan.choice)
            self.raster.close()
            self.raster = None


@dataclass(frozen=True, slots=True)
class Preparer:
    """Everything a reading thread needs.

    Attributes:
        encoders: Whose inputs are prepared.
        annotator: Gives labels, groups and metadata; None when only vectors are wanted, for items
            that are in the index already (no thumbnail is made then either).
        reading: How files are read.
        cutting: How items are cut.
        plans: Plans of files that were made before, by (source, path); each is used once.
        drawn: What people drew on files, which is cut as well; None where nothing is looked for.
    """

    encoders: Sequence[ImageEncoder]
    annotator: Annotator | None
    reading: ReadOptions
    cutting: CutOptions
    plans: dict[tuple[str, str], Plan] = field(default_factory=dict)
    drawn: DrawnOutlines | None = None

    def open(self, job: FileJob) -> Opened:
        """Open a file, cut it, and read its first chunk."""
        opened = Opened(job)
        try:
            raster = open_raster(job.file.files, self.reading)
        except (SourceError, OSError) as error:
            opened.error = _reason(error)
            return opened
        try:
            opened.plan = self._plan(job, raster)
            left = [cut for cut in opened.plan.cuts if self._id(job, cut) not in job.known]
            opened.raster, opened.kind, opened.um_per_px = raster, raster.kind, raster.um_per_px
            opened.first = self.read(opened, left[:CHUNK_ITEMS])
            opened.cuts = left[CHUNK_ITEMS:]
        except (SourceError, OSError) as error:
            opened.error = _reason(error)
        finally:
            if opened.error or not opened.cuts:
                opened.close()
                raster.close()
        return opened

    def _plan(self, job: FileJob, raster: Raster) -> Plan:
        key = (job.source, job.file.path)
        plan = self.plans.pop(key, None) or make_plan(raster, self.cutting)
        drawn = [] if self.drawn is None else self.drawn.of(key)
        return with_drawn(plan, raster, self.cutting, drawn)

    def read(self, opened: Opened, cuts: Sequence[Cut]) -> Chunk:
        """Read and prepare some cuts; one that cannot be read does not stop the others."""
        chunk = Chunk()
        for cut in cuts:
            try:
                chunk.items.append(self._prepare(opened, cut))
            except (SourceError, OSError) as error:
                chunk.failed.append((self._id(opened.job, cut), _reason(error)))
        return chunk

    @staticmethod
    def _id(job: FileJob, cut: Cut) -> str:
        return item_id(job.file.path, cut.region, source=job.source)

    def _prepare(self, opened: Opened, cut: Cut) -> PreparedItem:
        raster, job = opened.raster, opened.job
        if raster is None:
            raise SourceError(f"{job.file.path} is no longer open.")
        image = read_cut(raster, cut)
        item = Item(path=job.file.path, kind=cut.kind, region=cut.region, source=job.source)
        if self.annotator is not None:
            note = self.annotator.annotate(job.file.path, raster.kind, cut.region)
            item = replace(
                item,
                um_per_px=raster.um_per_px,
                group=note.group,
                label=note.label,
                metadata={**note.metadata, **cut.metadata},
                content_hash=job.content_hash,
                thumbnail=thumbnail(image),
            )
        return PreparedItem(item, [encoder.prepare(image) for encoder in self.encoders])


def prepare_files(
    jobs: Iterable[FileJob], preparer: Preparer, *, workers: int, ahead: int = 0
) -> Iterator[tuple[Opened, Iterator[Chunk]]]:
    """Open, cut and read files in threads; yield them in the order of ``jobs``.

    Each file comes with an iterator over its chunks, which must be exhausted before the next file
    is asked for, and which closes the file.

    Args:
        jobs: The files.
        preparer: How they are prepared.
        workers: Threads that open files, and as many that read further chunks of an open one.
        ahead: Files that may wait, prepared, while the encoder is busy with others. However many
            these are, no more than two a thread stay open because they have more than one chunk.
    """
    window = 2 * workers
    gate = _Gate(window)
    opening = ThreadPoolExecutor(workers, thread_name_prefix="open")
    reading = ThreadPoolExecutor(workers, thread_name_prefix="read")

    def open_file(job: FileJob) -> Opened:
        gate.enter()
        opened = Opened(job, error="interrupted") if gate.closed else preparer.open(job)
        if opened.raster is None:
            gate.leave()
        return opened

    def chunks(opened: Opened) -> Iterator[Chunk]:
        held = opened.raster is not None
        try:
            if not opened.error:
                yield opened.first
            starts = range(0, len(opened.cuts), CHUNK_ITEMS)
            pieces = (opened.cuts[start : start + CHUNK_ITEMS] for start in starts)
            yield from _ahead(reading, lambda cuts: preparer.read(opened, cuts), pieces, window)
        finally:
            opened.close()
            if held:
                gate.leave()

    try:
        for opened in _ahead(opening, open_file, jobs, max(window, ahead)):
            yield opened, chunks(opened)
    finally:
        # On an interrupt nobody waits for what was merely queued.
        gate.shut()
        opening.shutdown(wait=True, cancel_futures=True)
        reading.shutdown(wait=True, cancel_futures=True)


class _Gate:
    """Lets at most so many files be open at a time.

    Threads pass it in the order of the files, so the file that is waited for is always inside.
    There are no more threads than places.
    """

    def __init__(self, files: int) -> None:
        self._files = files
        self._room = threading.Semaphore(files)
        self.closed = False

    def enter(self) -> None:
        self._room.acquire()

    def leave(self) -> None:
        self._room.release()

    def shut(self) -> None:
        """Let everybody through, to find that there is nothing more to do."""
        self.closed = True
        # A place for each that may wait is enough, for whoever enters now leaves at once.
        self._room.release(self._files)


def _ahead(
    pool: ThreadPoolExecutor, work: Callable[[T], R], tasks: Iterable[T], window: int
) -> Iterator[R]:
    """``map`` in a pool with at most ``window`` results waiting."""
    waiting: deque[Future[R]] = deque()
    try:
        for task in tasks:
            waiting.append(pool.submit(work, task))
            if len(waiting) >= window:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            if not future.cancel():
                future.add_done_callback(_close_late)


def _close_late(future: Future[Any]) -> None:
    """Close a raster that was opened though nobody will read it any more."""
    if future.exception() is None and isinstance(future.result(), Opened):
        future.result().close()


def _reason(error: Exception) -> str:
    """One line without the traceback."""
    if isinstance(error, OSError) and not isinstance(error, SourceError) and error.strerror:
        return f"{error.strerror} (while reading the file)."
    return " ".join(str(error).split()) or type(error).__name__
