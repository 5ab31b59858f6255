"""Vectors of a further encoder, put aside until there is one for every item."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from georetrieve.errors import StoreError
from georetrieve.stores.checks import check_vectors
from georetrieve.stores.schema import vector_array, vector_field
from georetrieve.stores.tables import LanceTable
from georetrieve.types import EncoderSpec, FloatArray

__all__ = ["Staging"]

_SPEC = b"georetrieve.encoder"


class Staging:
    """A table of ids and vectors beside the index, from which one column is made."""

    def __init__(self, index: Path, column: str) -> None:
        self._path = index / f"staging_{column}.lance"
        self._column = column

    def begin(self, spec: EncoderSpec) -> None:
        """Make the table, or go on with it if it holds vectors of the same encoder."""
        if LanceTable.exists(self._path) and self._spec().fingerprint == spec.fingerprint:
            return
        self.discard()
        schema = pa.schema(
            [pa.field("id", pa.string(), nullable=False), vector_field(self._column, spec.dim)],
            metadata={_SPEC: json.dumps(spec.to_json()).encode()},
        )
        LanceTable.create(self._path, schema)

    def ids(self) -> set[str]:
        """Ids that have a vector."""
        return set(self._open().scan(["id"]).column("id").to_pylist())

    def add(self, ids: Sequence[str], vectors: FloatArray) -> None:
        """Put (N, D) vectors aside; an id that has one gets the new one."""
        check_vectors(self._spec(), ids, vectors)
        rows = pa.table({"id": pa.array(ids, pa.string()), self._column: vector_array(vectors)})
        self._open().upsert(rows, on=["id"])

    def reader(self) -> pa.RecordBatchReader:
        """Everything, in batches."""
        table = self._open()
        batches = table.batches(table.schema.names, rows=8192)
        return pa.RecordBatchReader.from_batches(table.schema.remove_metadata(), batches)

    def discard(self) -> None:
        """Delete the table."""
        shutil.rmtree(self._path, ignore_errors=True)

    def _spec(self) -> EncoderSpec:
        return EncoderSpec.from_json(json.loads(self._open().schema.metadata[_SPEC]))

    def _open(self) -> LanceTable:
        if not LanceTable.exists(self._path):
            raise StoreError(f"Nothing is put aside for column {self._column!r}; begin it first.")
        return LanceTable.open(self._path)
