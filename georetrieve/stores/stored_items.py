"""The items of an index, read at the version that is open."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from georetrieve.stores.items import Key
from georetrieve.stores.schema import VECTOR_PREFIX
from georetrieve.stores.tables import LanceTable, in_order
from georetrieve.types import IntArray

__all__ = ["StoredItems"]


class StoredItems:
    """Reads a table of items by condition, id or place.

    Args:
        items: The table.
    """

    def __init__(self, items: LanceTable) -> None:
        self._items = items

    @property
    def version(self) -> int:
        """The version of the items that is read."""
        return self._items.version

    @property
    def is_newest(self) -> bool:
        """Whether the items are as they were when the index was opened."""
        return self._items.is_newest

    def stamp(self, columns: Sequence[str]) -> str:
        """64 hex digits that stay while the items, their order and these columns do."""
        return self._items.stamp(columns)

    def __len__(self) -> int:
        return len(self._items)

    @property
    def columns(self) -> list[str]:
        """Names of the columns of an item, vectors left out."""
        hidden = (VECTOR_PREFIX, "_")
        return [name for name in self._items.schema.names if not name.startswith(hidden)]

    def count(self, where: str | None = None) -> int:
        """Number of items, those that meet a condition if one is given."""
        return self._items.count(where)

    def item_counts(self) -> dict[Key, int]:
        """Number of items by (source, path)."""
        table = self._items.scan(["source", "path"])
        counts = table.group_by(["source", "path"]).aggregate([([], "count_all")])
        sources, paths, numbers = (
            counts.column(name).to_pylist() for name in ("source", "path", "count_all")
        )
        return dict(zip(zip(sources, paths, strict=True), numbers, strict=True))

    def scan(
        self,
        columns: Sequence[str] | None = None,
        where: str | None = None,
        *,
        without: Sequence[str] = (),
        order_by_id: bool = False,
        limit: int | None = None,
    ) -> pa.Table:
        """Items as a table.

        Args:
            columns: Which; all but the vectors by default.
            where: SQL condition; ``group`` needs no quotes.
            without: Columns to leave out.
            order_by_id: Sorted by id rather than as they were written.
            limit: At most so many rows (the first by id if sorted).

        Raises:
            StoreError: A column is unknown, or the condition is not valid.
        """
        wanted = [name for name in columns or self.columns if name not in without]
        if not order_by_id:
            return self._items.scan(wanted, where, limit=limit)
        table = self._items.scan(list(dict.fromkeys([*wanted, "id"])), where)
        return table.sort_by("id").slice(0, limit).select(wanted)

    def take(self, ids: Sequence[str], columns: Sequence[str] | None = None) -> pa.Table:
        """Rows by id, in the order asked for.

        Raises:
            StoreError: An id is unknown.
        """
        wanted = list(columns or self.columns)
        table = self._items.rows_with("id", ids, list(dict.fromkeys([*wanted, "id"])))
        return in_order(table, "id", ids).select(wanted)

    def places(self, columns: Sequence[str], where: str | None = None) -> tuple[pa.Table, IntArray]:
        """Columns of the items that meet a condition, and the places of these in the table.

        By its place an item is found in a tenth of the time it takes by its id.

        Returns:
            M rows, and their (M,) places, which :meth:`at` takes.

        Raises:
            StoreError: A column is unknown, or the condition is not valid.
        """
        table = self._items.scan(columns, where, row_ids=True)
        rows = table.column("_rowid").to_numpy().astype(np.int64)
        places = np.arange(len(rows))
        if where is not None:
            every = self._items.scan([], row_ids=True).column("_rowid").to_numpy().astype(np.int64)
            order = np.argsort(every)
            places = order[np.searchsorted(every[order], rows)]
        return table.drop_columns("_rowid"), places

    def at(self, places: Sequence[int], columns: Sequence[str] | None = None) -> pa.Table:
        """Rows by their places in the table at the version that is open, in the order asked for."""
        return self._items.take(places, list(columns or self.columns))
