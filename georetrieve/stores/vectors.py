"""The vectors of one encoder in an index: held in memory, or streamed when they are too many."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from georetrieve.stores.checks import check_queries
from georetrieve.stores.column_galleries import SoonHeldVectors, StreamedVectors, with_vector
from georetrieve.stores.exact import find_nearest
from georetrieve.stores.gallery import Directory, Gallery
from georetrieve.stores.schema import matrix_of
from georetrieve.stores.tables import LanceTable
from georetrieve.types import EncoderSpec, FloatArray, Hits, IntArray, Item

__all__ = [
    "HELD_BYTES",
    "ItemWriter",
    "LanceVectors",
    "Snapshot",
    "read_vectors",
    "vector_batches",
]

HELD_BYTES = 1 << 30  # columns up to this size are held in memory once they are searched


def vector_batches(
    table: LanceTable, spec: EncoderSpec, where: str | None = None, *, rows: int = 8192
) -> Iterator[tuple[list[str], FloatArray]]:
    """Ids and (B, D) vectors in the order of the table; items without a vector are left out."""
    for batch in table.batches(["id", spec.column], where, rows=rows):
        whole = batch.filter(pc.is_valid(batch.column(1)))
        yield whole.column(0).to_pylist(), matrix_of(whole.column(1), spec.dim)


def read_vectors(
    table: LanceTable, spec: EncoderSpec, where: str | None = None
) -> tuple[list[str], FloatArray]:
    """All ids, sorted, and their (N, D) vectors."""
    parts = list(vector_batches(table, spec, where))
    ids = [one for part, _ in parts for one in part]
    matrix = np.concatenate([np.empty((0, spec.dim), np.float32), *(part for _, part in parts)])
    order = pc.sort_indices(pa.array(ids, pa.string())).to_numpy()
    return [ids[place] for place in order], matrix[order]


class ItemWriter(Protocol):
    """What of an index can take and remove items."""

    def add_items(self, items: Sequence[Item], vectors: Mapping[str, FloatArray]) -> None:
        """Insert items."""
        ...

    def remove_ids(self, ids: Sequence[str]) -> None:
        """Remove items."""
        ...


class LanceVectors:
    """A vector column as a :class:`~georetrieve.protocols.VectorStore`.

    Searches, exactly, the version of the index that is open; the first search of a version reads
    ids and groups, and the vectors too if they fit ``held_bytes`` and have changed since the
    snapshot ``before``.
    """

    def __init__(
        self,
        spec: EncoderSpec,
        table: LanceTable,
        writer: ItemWriter,
        *,
        held_bytes: int = HELD_BYTES,
        before: Snapshot | None = None,
    ) -> None:
        self._spec, self._table, self._writer = spec, table, writer
        self._held_bytes = held_bytes
        self._snapshot: Snapshot | None = None
        self._before = before
        self._opening = threading.Lock()

    @property
    def spec(self) -> EncoderSpec:
        """The encoder whose vectors are held."""
        return self._spec

    def __len__(self) -> int:
        snapshot = self._snapshot
        if snapshot is not None and snapshot.version == self._table.version:
            return len(snapshot)
        return self._table.count(with_vector(self._spec))

    def add(self, items: Sequence[Item], vectors: FloatArray) -> None:
        """See :meth:`georetrieve.protocols.VectorStore.add`; other encoders' columns stay empty."""
        self._writer.add_items(items, {self._spec.column: vectors})

    def remove(self, ids: Sequence[str]) -> None:
        """See :meth:`georetrieve.protocols.VectorStore.remove`; the items go, not only vectors."""
        self._writer.remove_ids(ids)

    def search(
        self,
        queries: FloatArray,
        k: int,
        *,
        where: str | None = None,
        exclude_groups: Sequence[str | None] | None = None,
        exclude_ids: Sequence[str | None] | None = None,
    ) -> Hits:
        """See :meth:`georetrieve.protocols.VectorStore.search`."""
        queries = check_queries(self._spec, queries, k)
        snapshot = self.snapshot()
        return find_nearest(
            snapshot.gallery,
            snapshot.directory,
            queries,
            k,
            self._spec.metric,
            chosen=None if where is None else snapshot.places_where(where),
            exclude_groups=exclude_groups,
            exclude_ids=exclude_ids,
        )

    def sample(self, count: int, *, seed: int = 0) -> FloatArray:
        """(M, D) vectors of at most ``count`` items drawn at random; the same items every time."""
        snapshot = self.snapshot()
        by_id = pc.sort_indices(snapshot.directory.ids).to_numpy().astype(np.int64)
        rng = np.random.default_rng(seed)
        chosen = rng.choice(len(by_id), min(count, len(by_id)), replace=False)
        return snapshot.gallery.take(by_id[np.sort(chosen)])

    def snapshot(self) -> Snapshot:
        """The column at the version that is open, as search engines see it."""
        with self._opening:
            snapshot = self._snapshot
            if snapshot is None or snapshot.version != self._table.version:
                snapshot = Snapshot.of(self._table, self._spec, self._held_bytes, self.last)
                self._snapshot, self._before = snapshot, None
            return snapshot

    @property
    def last(self) -> Snapshot | None:
        """The newest snapshot there is, which may be of an earlier version."""
        return self._snapshot or self._before


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A column at one version.

    Attributes:
        table: Of the index's items.
        version: Of the table.
        stamp: Of the vectors and the order of their rows: as long as it stays, so do they, whatever
            else of the items changes.
        directory: Ids and groups of the N items that have a vector.
        rows: (N,) Lance's ids of their rows, rising.
        gallery: The vectors.
    """

    table: LanceTable
    version: int
    stamp: str
    directory: Directory
    rows: IntArray
    gallery: Gallery

    @classmethod
    def of(
        cls, table: LanceTable, spec: EncoderSpec, held_bytes: int, before: Snapshot | None = None
    ) -> Snapshot:
        """Read ids and groups; the vectors are read when they are needed.

        Args:
            table: At the version it is of.
            spec: Of the column.
            held_bytes: Size up to which the vectors are held in memory.
            before: What is held already is taken from, where it is still the same.
        """
        stamp = table.stamp([spec.column])
        same = before if before is not None and before.stamp == stamp else None
        named = table.scan(["id", "group"], row_ids=True).combine_chunks()
        all_rows = named.column("_rowid").to_numpy().astype(np.int64)
        having = same.rows if same else np.sort(_row_ids(table, with_vector(spec)), kind="stable")
        # A place counts the rows with a vector; an ordinal counts all rows, as Lance does.
        ordinals = np.flatnonzero(_found(having, all_rows)[1])
        ordinals = ordinals[np.argsort(all_rows[ordinals])]
        named, rows = named.take(pa.array(ordinals)), all_rows[ordinals]
        directory = Directory(
            named.column("id").combine_chunks(), named.column("group").combine_chunks()
        )
        streamed = StreamedVectors(table, spec, rows, ordinals)
        fits = len(rows) * spec.dim * 4 <= held_bytes
        held = same.gallery if same and isinstance(same.gallery, SoonHeldVectors) else None
        gallery = SoonHeldVectors(streamed, held) if fits else streamed
        return cls(table, table.version, stamp, directory, rows, gallery)

    def __len__(self) -> int:
        return len(self.rows)

    def hold(self) -> None:
        """Read the vectors into memory, unless they are too many to be held."""
        if isinstance(self.gallery, SoonHeldVectors):
            self.gallery.hold()

    def places_where(self, where: str) -> IntArray:
        """Places of the items that meet a condition, rising."""
        places, there = _found(self.rows, _row_ids(self.table, where))
        return np.sort(places[there], kind="stable")  # quick, for they hardly are out of order

    def places_of(self, rows: IntArray) -> IntArray:
        """Places of Lance's rows, all of which have a vector."""
        return np.searchsorted(self.rows, rows)


def _found(rows: IntArray, wanted: IntArray) -> tuple[IntArray, npt.NDArray[np.bool_]]:
    """Where each wanted number would stand among N rising ones, and whether it is there."""
    places: IntArray = np.searchsorted(rows, wanted)
    there = np.append(rows, -1)[places] == wanted
    return places, there


def _row_ids(table: LanceTable, where: str) -> IntArray:
    found = table.scan([], where, row_ids=True).column("_rowid")
    rows: IntArray = found.to_numpy().astype(np.int64)
    return rows
