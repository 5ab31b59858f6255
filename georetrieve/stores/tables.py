"""A Lance table by the index's rules: a version that stays, errors in a line, wider columns."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import lance
import pyarrow as pa
import pyarrow.compute as pc

from georetrieve.errors import StoreError
from georetrieve.stores.in_place import overwrite, stamp_of
from georetrieve.stores.lance_errors import LANCE_ERRORS, first_sentence, in_one_line
from georetrieve.stores.schema import bad_condition, quoted_where, sql_in
from georetrieve.types import FloatArray, Metric

__all__ = ["LanceTable", "in_order"]

MAX_SQL_NAMES = 5000  # names in one condition; more are asked for in turn
ROWS_PER_FRAGMENT = 65_536
MAX_FRAGMENTS_UNTIDY = 8
KEEP_VERSIONS = timedelta(days=1)
_WIDENED = "_widened_"


class LanceTable:
    """One Lance table, read at the version it had when opened or last changed through this object.

    Every method that changes something makes exactly one commit, except where it says otherwise.
    """

    def __init__(self, dataset: lance.LanceDataset) -> None:
        self._dataset = dataset

    @classmethod
    def create(cls, path: Path, schema: pa.Schema) -> LanceTable:
        """Make an empty table, in place of any that is there."""
        mode = "overwrite" if path.exists() else "create"
        with in_one_line(path, "be created"):
            return cls(lance.write_dataset(schema.empty_table(), str(path), mode=mode))

    @classmethod
    def open(cls, path: Path) -> LanceTable:
        """Open the newest version."""
        with in_one_line(
            path, "be opened; restore it from a backup, or delete the index and make it again"
        ):
            return cls(lance.dataset(str(path)))

    @staticmethod
    def exists(path: Path) -> bool:
        """Whether a folder holds a table; what a run killed while making one left is none."""
        return any((path / "_versions").glob("*.manifest"))

    @property
    def path(self) -> Path:
        """Folder of the table."""
        return Path(self._dataset.uri)

    @property
    def schema(self) -> pa.Schema:
        """Its columns."""
        return self._dataset.schema

    @property
    def version(self) -> int:
        """The version that is read."""
        return int(self._dataset.version)

    @property
    def is_newest(self) -> bool:
        """Whether nobody has changed the table since."""
        with in_one_line(self.path, "be read"):
            return bool(self._dataset.latest_version == self._dataset.version)

    def stamp(self, columns: Collection[str]) -> str:
        """64 hex digits that stay while rows and these columns do; see :func:`stamp_of`."""
        return stamp_of(self._dataset, columns)

    def __len__(self) -> int:
        return self.count()

    # --- reading ------------------------------------------------------------------------------

    def count(self, where: str | None = None) -> int:
        """Number of rows, those that meet a condition if one is given."""
        with self._asking(where):
            return int(self._dataset.count_rows(self._filter(where)))

    def scan(
        self,
        columns: Sequence[str],
        where: str | None = None,
        *,
        limit: int | None = None,
        row_ids: bool = False,
    ) -> pa.Table:
        """Columns of the rows that meet a condition, in the order of the table.

        Raises:
            StoreError: A column is unknown or the condition is not valid.
        """
        with self._asking(where):
            scanner = self._dataset.scanner(
                columns=list(columns), filter=self._filter(where), limit=limit, with_row_id=row_ids
            )
            return scanner.to_table()

    def batches(
        self, columns: Sequence[str], where: str | None = None, *, rows: int, row_ids: bool = False
    ) -> Iterator[pa.RecordBatch]:
        """The same as :meth:`scan`, ``rows`` rows at a time."""
        with self._asking(where):
            scanner = self._dataset.scanner(
                columns=list(columns),
                filter=self._filter(where),
                batch_size=rows,
                batch_readahead=4,
                with_row_id=row_ids,
            )
            yield from scanner.to_batches()

    def rows_with(self, column: str, values: Sequence[str], columns: Sequence[str]) -> pa.Table:
        """Columns of the rows whose text ``column`` has one of some values, in any order."""
        wanted = list(dict.fromkeys(values))
        parts = [
            self.scan(columns, sql_in(column, wanted[start : start + MAX_SQL_NAMES]))
            for start in range(0, len(wanted), MAX_SQL_NAMES)
        ]
        return pa.concat_tables(parts) if parts else self.scan(columns, limit=0)

    def nearest(
        self,
        column: str,
        query: FloatArray,
        k: int,
        metric: Metric,
        where: str | None = None,
    ) -> pa.Table:
        """Lance's own search, without an index: ``_distance`` and ``_rowid`` of the k nearest.

        The distances are squared Euclidean ones, or 1 - cosine. The condition holds before.
        """
        nearest = {
            "column": column,
            "q": query,
            "k": k,
            "metric": "l2" if metric == "euclidean" else "cosine",
            "use_index": False,
        }
        with self._asking(where):
            scanner = self._dataset.scanner(
                columns=["_distance"],
                nearest=nearest,
                filter=self._filter(where),
                prefilter=True,
                with_row_id=True,
            )
            return scanner.to_table()

    def take(self, places: Sequence[int], columns: Sequence[str]) -> pa.Table:
        """Columns of rows by their place in the table (0 is the first), in the order asked for."""
        with self._asking(None):
            return self._dataset.take(list(places), columns=list(columns))

    # --- writing ------------------------------------------------------------------------------

    def append(self, rows: pa.Table) -> None:
        """Add rows; columns they lack become null."""
        with self._writing():
            self._dataset = lance.write_dataset(rows, self._dataset, mode="append")

    def upsert(self, rows: pa.Table, on: Sequence[str]) -> None:
        """Add rows, replacing those with the same key."""
        with self._writing():
            merge = self._dataset.merge_insert(list(on))
            merge.when_matched_update_all().when_not_matched_insert_all().execute(rows)

    def update(self, rows: pa.Table, on: str) -> None:
        """Overwrite some columns of the rows with the same key; see :func:`overwrite`.

        What others wrote since the table was opened stays.
        """
        with self._writing():
            newest = self._dataset if self.is_newest else lance.dataset(str(self.path))
            self._dataset = overwrite(newest, rows, on)

    def replace(self, rows: pa.Table, on: str, gone: Sequence[str]) -> None:
        """Add rows and delete those whose key is in ``gone``, in the same commit."""
        with self._writing():
            merge = self._dataset.merge_insert([on])
            merge.when_matched_update_all().when_not_matched_insert_all()
            merge.when_not_matched_by_source_delete(sql_in(on, gone)).execute(rows)

    def delete(self, where: str) -> None:
        """Delete the rows that meet a condition."""
        with self._writing():
            self._dataset.delete(where)

    def delete_with(self, column: str, values: Iterable[str]) -> None:
        """Delete the rows whose text ``column`` has one of some values; a commit per 5,000."""
        wanted = list(dict.fromkeys(values))
        for start in range(0, len(wanted), MAX_SQL_NAMES):
            self.delete(sql_in(column, wanted[start : start + MAX_SQL_NAMES]))

    def add_columns(self, fields: Sequence[pa.Field]) -> None:
        """Add columns, null in every row; those that exist already are left alone."""
        new = [field for field in fields if field.name not in self.schema.names]
        if new:
            with self._writing():
                self._dataset.add_columns(pa.schema(new))

    def join_column(self, rows: pa.RecordBatchReader, on: str) -> None:
        """Add the further columns of ``rows``, matched by a key; null where there is no match."""
        with self._writing():
            self._dataset.merge(rows, left_on=on)

    def drop_column(self, name: str) -> None:
        """Remove a column."""
        with self._writing():
            self._dataset.drop_columns([name])

    def widen_column(self, name: str, kind: pa.DataType) -> None:
        """Change the type of a column to a wider one, in three commits.

        Lance changes no number into text in place. A run killed in between leaves a column with
        another name, which :meth:`repair` puts right.
        """
        with self._writing():
            sql = {pa.float64(): "DOUBLE", pa.string(): "STRING"}[kind]
            self._dataset.add_columns({_WIDENED + name: f"CAST(`{name}` AS {sql})"})
            self._dataset.drop_columns([name])
            self._rename(_WIDENED + name, name)

    def repair(self) -> None:
        """Finish what a killed :meth:`widen_column` left undone."""
        for widened in [name for name in self.schema.names if name.startswith(_WIDENED)]:
            name = widened.removeprefix(_WIDENED)
            with self._writing():
                if name in self.schema.names:
                    self._dataset.drop_columns([widened])
                else:
                    self._rename(widened, name)

    def _rename(self, old: str, new: str) -> None:
        self._dataset.alter_columns({"path": old, "name": new})  # type: ignore[dict-item]  # theirs

    def tidy(self) -> None:
        """Join small pieces, and drop versions that nobody reads since a day."""
        with self._writing():
            pieces = self._dataset.get_fragments()
            small = sum(piece.count_rows() < ROWS_PER_FRAGMENT // 2 for piece in pieces)
            if small > MAX_FRAGMENTS_UNTIDY:
                self._dataset.optimize.compact_files(target_rows_per_fragment=ROWS_PER_FRAGMENT)
            self._dataset.cleanup_old_versions(KEEP_VERSIONS)

    # --- errors -------------------------------------------------------------------------------

    def _filter(self, where: str | None) -> str | None:
        return None if where is None else quoted_where(where, self.schema)

    @contextlib.contextmanager
    def _asking(self, where: str | None) -> Iterator[None]:
        try:
            yield
        except LANCE_ERRORS as error:
            text = first_sentence(error)
            if "Not found" in text:
                raise StoreError(
                    f"Version {self.version} of {self.path} is no longer there: the index was "
                    "changed since it was opened. Open it again."
                ) from error
            if where is None:
                raise StoreError(f"{self.path} cannot be read: {text}") from error
            raise bad_condition(where, text, self.schema.names) from error

    def _writing(self) -> contextlib.AbstractContextManager[None]:
        return in_one_line(self.path, "be written; make room or mend access, then run again")


def in_order(table: pa.Table, column: str, values: Sequence[str]) -> pa.Table:
    """The rows of a table whose ``column`` has the given values, in their order.

    Raises:
        StoreError: A value is missing.
    """
    where = pc.index_in(pa.array(values, pa.string()), table.column(column).combine_chunks())
    if where.null_count:
        missing = values[where.to_pylist().index(None)]
        raise StoreError(f"There is no item {missing!r} in this index.")
    return table.take(where)
