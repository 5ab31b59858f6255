"""Vectors in memory, without an index on disk: the plainest store, which others are tested with."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from georetrieve.errors import StoreError
from georetrieve.stores.checks import check_queries, check_vectors
from georetrieve.stores.exact import find_nearest
from georetrieve.stores.gallery import Directory, HeldVectors
from georetrieve.stores.schema import (
    bad_condition,
    items_table,
    metadata_type,
    quoted_where,
)
from georetrieve.types import EncoderSpec, FloatArray, Hits, IntArray, Item, Scalar

__all__ = ["ExactStore"]


class ExactStore:
    """Items and their vectors in memory; conditions are those of SQLite.

    Args:
        spec: The encoder of the vectors.
    """

    def __init__(self, spec: EncoderSpec) -> None:
        self._spec = spec
        self._rows: dict[str, tuple[Item, FloatArray]] = {}
        self._held: _Held | None = None

    @property
    def spec(self) -> EncoderSpec:
        """The encoder whose vectors are held."""
        return self._spec

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, items: Sequence[Item], vectors: FloatArray) -> None:
        """See :meth:`georetrieve.protocols.VectorStore.add`."""
        check_vectors(self._spec, [item.id for item in items], vectors)
        rows = {item.id: (item, vector) for item, vector in zip(items, vectors, strict=True)}
        if len(rows) < len(items):
            raise StoreError("An id comes twice in one batch; ids must be unique.")
        self._rows |= rows
        self._held = None

    def remove(self, ids: Sequence[str]) -> None:
        """See :meth:`georetrieve.protocols.VectorStore.remove`."""
        for one in ids:
            self._rows.pop(one, None)
        self._held = None

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
        if self._held is None:
            self._held = _Held.of(list(self._rows.values()), self._spec.dim)
        return find_nearest(
            self._held.gallery,
            self._held.directory,
            queries,
            k,
            self._spec.metric,
            chosen=None if where is None else self._held.places_where(where),
            exclude_groups=exclude_groups,
            exclude_ids=exclude_ids,
        )


@dataclass(frozen=True)
class _Held:
    """What is searched."""

    items: list[Item]
    gallery: HeldVectors
    directory: Directory

    @classmethod
    def of(cls, rows: list[tuple[Item, FloatArray]], dim: int) -> _Held:
        items = [item for item, _ in rows]
        matrix = np.array([vector for _, vector in rows], np.float32).reshape(-1, dim)
        ids = pa.array([item.id for item in items], pa.string())
        groups = pa.array([item.group for item in items], pa.string())
        return cls(items, HeldVectors(matrix), Directory(ids, groups))

    @cached_property
    def _table(self) -> tuple[sqlite3.Connection, pa.Schema]:
        values: dict[str, list[Scalar]] = {}
        for name in dict.fromkeys(name for item in self.items for name in item.metadata):
            values[name] = [item.metadata.get(name) for item in self.items]
        kinds = {name: metadata_type(name, column) for name, column in values.items()}
        metadata = {name: kind for name, kind in kinds.items() if kind is not None}
        rows = items_table(self.items, {}, metadata).drop_columns(["thumbnail"])
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        names = ", ".join(f"`{name}`" for name in rows.column_names)
        connection.execute(f"CREATE TABLE items (_place INTEGER PRIMARY KEY, {names})")
        marks = ", ".join("?" * (rows.num_columns + 1))
        columns = [column.to_pylist() for column in rows.columns]
        connection.executemany(
            f"INSERT INTO items VALUES ({marks})",
            zip(range(len(self.items)), *columns, strict=True),
        )
        return connection, rows.schema

    def places_where(self, where: str) -> IntArray:
        """Places of the items that meet a condition, sorted."""
        connection, schema = self._table
        condition = quoted_where(where, schema)
        try:
            found = connection.execute(
                f"SELECT _place FROM items WHERE ({condition}\n) ORDER BY _place"
            ).fetchall()
        except sqlite3.Error as error:
            raise bad_condition(where, str(error), schema.names) from error
        return np.array([place for (place,) in found], np.int64)
