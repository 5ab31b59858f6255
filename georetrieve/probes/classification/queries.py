"""What is to be classified: items of an index, an image, a folder of images; a batch at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from georetrieve.errors import IndexNotFoundError, SourceError, SpecMismatchError, StoreError
from georetrieve.indexing.ingest import unusable
from georetrieve.indexing.pipeline import FileJob, PreparedItem, Preparer, prepare_files
from georetrieve.search import Index, QueryImage, find_index
from georetrieve.search.asked import indexed_file
from georetrieve.sources.cut import CutOptions
from georetrieve.sources.folder import walk
from georetrieve.sources.options import ReadOptions
from georetrieve.stores.lance import IndexStore
from georetrieve.types import EncoderSpec, FloatArray

__all__ = ["UNLABELLED", "FileQueries", "ItemQueries", "Queries", "QueryBatch", "open_queries"]

UNLABELLED = "unlabelled"
WITHOUT_LABEL = "(label IS NULL OR label = '')"
ROWS = 8192
ENCODED_TOGETHER = 32


@dataclass(frozen=True, slots=True)
class QueryBatch:
    """Some of what is classified.

    Attributes:
        ids: Q ids.
        vectors: (Q, D).
        indexed_as: For each, the item of the labelled index that shows the same; None for none.
    """

    ids: list[str]
    vectors: FloatArray
    indexed_as: Sequence[str | None]


class Queries(Protocol):
    """What is classified."""

    @property
    def total(self) -> int:
        """How many items, of files how many files."""
        ...

    @property
    def failed(self) -> Sequence[tuple[str, str]]:
        """(path, reason) of what could not be read; complete when the batches are exhausted."""
        ...

    @property
    def remarks(self) -> Sequence[str]:
        """What a user should know; complete likewise."""
        ...

    def batches(self) -> Iterator[QueryBatch]:
        """All of it, in bounded memory."""
        ...


def open_queries(
    index: Index, asked: str = UNLABELLED, *, encoder: str | None = None, where: str | None = None
) -> Queries:
    """What a user asks to be classified.

    Args:
        index: The labelled items.
        asked: ``unlabelled`` (items of the index without a label), an image file, a folder of
            images, or another index (a path or a name) with vectors of the same encoder.
        encoder: Whose vectors are compared; the index's first by default.
        where: SQL condition on the items of an index.

    Raises:
        SpecMismatchError: The other index has no vectors of this encoder.
        SourceError: There is no image, or a condition is given for files.
        IndexNotFoundError: It is nothing that exists.
        StoreError: It is the index itself.
    """
    spec = index.manifest.encoder(encoder)
    if asked == UNLABELLED:
        condition = f"{WITHOUT_LABEL} AND {_checked(index.store, where)}"
        return ItemQueries(index.store, spec, condition)
    path = Path(asked).expanduser()
    if path.is_file() or (path.is_dir() and not IndexStore.exists(path)):
        if where is not None:
            raise SourceError(
                f"{asked} is no index, and a condition holds for items of one; leave --where out."
            )
        return FileQueries.of(index, path, spec)
    try:
        place = find_index(asked)
    except IndexNotFoundError as error:
        if os.sep in asked or path.suffix:
            raise SourceError(
                f"{asked} does not exist; name an image, a folder of images, an index, or "
                f"{UNLABELLED!r}."
            ) from error
        raise
    if place.resolve() == index.path.resolve():
        raise StoreError(
            f"{asked} is the index of the labelled items itself; ask for {UNLABELLED!r} to "
            "classify the others of it."
        )
    other = IndexStore.open(place)
    return ItemQueries(other, _same_encoder(other, spec, index), _checked(other, where))


def _checked(store: IndexStore, where: str | None) -> str:
    """A condition that can be joined to others; if it is not valid, the error shows it alone."""
    if where is None:
        return "true"
    store.count(where)
    return f"({where}\n)"


def _same_encoder(other: IndexStore, spec: EncoderSpec, index: Index) -> EncoderSpec:
    for one in other.manifest.encoders:
        if one.fingerprint == spec.fingerprint:
            return one
    held = ", ".join(f"{one.name} ({one.fingerprint})" for one in other.manifest.encoders)
    raise SpecMismatchError(
        f"Index {other.manifest.name!r} has no vectors of {spec.name} ({spec.fingerprint}), by "
        f"which index {index.manifest.name!r} would classify it; it has {held or 'none'}. Add them "
        "(georetrieve index … --encoder), or name an encoder both have with --encoder."
    )


@dataclass(frozen=True, slots=True)
class ItemQueries:
    """Items of an index.

    Attributes:
        store: The index.
        spec: The encoder, by the name it has there.
        where: SQL condition on the items.
    """

    store: IndexStore
    spec: EncoderSpec
    where: str
    failed: Sequence[tuple[str, str]] = ()

    @property
    def total(self) -> int:
        """See :class:`Queries`."""
        return self.store.count(f"`{self.spec.column}` IS NOT NULL AND {self.where}")

    @property
    def remarks(self) -> Sequence[str]:
        """See :class:`Queries`."""
        without = self.store.count(self.where) - self.total
        if not without:
            return ()
        return (f"{without:,} items have no {self.spec.name} vector and are not classified",)

    def batches(self) -> Iterator[QueryBatch]:
        """See :class:`Queries`."""
        found = self.store.vector_batches(self.spec.column, self.where, rows=ROWS)
        for ids, vectors in found:
            yield QueryBatch(ids, vectors, [None] * len(ids))


@dataclass(slots=True)
class FileQueries:
    """An image, or all below a folder, read and cut as the files of the index are.

    Attributes:
        index: Whose manifest and encoder are used.
        spec: The encoder.
        root: The image or folder.
        jobs: The files found.
        failed: See :class:`Queries`.
        remarks: See :class:`Queries`.
    """

    index: Index
    spec: EncoderSpec
    root: Path
    jobs: list[FileJob]
    failed: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, index: Index, root: Path, spec: EncoderSpec) -> FileQueries:
        """Look what there is; nothing is opened yet.

        Raises:
            SourceError: There is no image.
        """
        found = walk(root, volumes=ReadOptions.from_json(index.manifest.reading).volumes)
        if not found.files:
            raise SourceError(f"{root} holds no image; name an image, or a folder that holds some.")
        jobs = [FileJob(file, "", "") for file in found.files]
        return cls(index, spec, root, jobs, remarks=list(found.remarks))

    @property
    def total(self) -> int:
        """See :class:`Queries`."""
        return len(self.jobs)

    def batches(self) -> Iterator[QueryBatch]:
        """See :class:`Queries`.

        Raises:
            EncoderError: The encoder cannot be loaded.
        """
        manifest = self.index.manifest
        preparer = Preparer(
            [self.index.encoder(self.spec.name)],
            None,
            ReadOptions.from_json(manifest.reading),
            CutOptions.from_json(manifest.cutting),
        )
        waiting: list[PreparedItem] = []
        files = prepare_files(
            self.jobs, preparer, workers=os.cpu_count() or 1, ahead=2 * ENCODED_TOGETHER
        )
        for opened, chunks in files:
            path = opened.job.file.path
            if opened.error:
                self.failed.append((path, opened.error))
            for chunk in chunks:
                waiting += chunk.items
                self.failed += chunk.failed
                while len(waiting) >= ENCODED_TOGETHER:
                    yield self._encode(waiting[:ENCODED_TOGETHER])
                    del waiting[:ENCODED_TOGETHER]
            if not opened.error and not opened.plan.cuts:
                self.remarks.append(f"{path}: nothing in it to classify (blank, or no particle)")
        if waiting:
            yield self._encode(waiting)

    def _encode(self, batch: Sequence[PreparedItem]) -> QueryBatch:
        encoder = self.index.encoder(self.spec.name)
        vectors = encoder.encode_prepared([prepared.arrays[0] for prepared in batch])
        bad = unusable(vectors)
        items = [prepared.item for prepared in batch]
        self.failed += [
            (item.id, "the encoder gave a zero or non-finite vector")
            for item, is_bad in zip(items, bad, strict=True)
            if is_bad
        ]
        good = [item for item, is_bad in zip(items, bad, strict=True) if not is_bad]
        base = self.root if self.root.is_dir() else self.root.parent
        places = [indexed_file(QueryImage(base / item.path), self.index.manifest) for item in good]
        indexed_as = [
            None if place is None else replace(item, source=place[0], path=place[1]).id
            for item, place in zip(good, places, strict=True)
        ]
        return QueryBatch([item.id for item in good], vectors[~bad], indexed_as)
