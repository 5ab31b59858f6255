"""Leafing through an index: what meets a condition, sorted, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from georetrieve.errors import StoreError, did_you_mean
from georetrieve.stores.lance import IndexStore
from georetrieve.types import IntArray

__all__ = ["Listing", "Page", "list_items"]


@dataclass(frozen=True, slots=True)
class Page:
    """Some items.

    Attributes:
        number: Of the page, from 0.
        pages: How many there are; 1 where nothing was found.
        total: Items in all.
        rows: Plain values of each item, metadata and ``thumbnail`` (WebP) among them.
    """

    number: int
    pages: int
    total: int
    rows: list[dict[str, Any]]


class Listing:
    """Ids of the items that meet a condition, in an order; pages of them are read when asked for.

    Args:
        store: At the version it was opened; a listing does not see what changes later.
        ids: In order.
        places: Of the items in the table, likewise.
    """

    def __init__(self, store: IndexStore, ids: pa.Array, places: IntArray) -> None:
        self._store, self._ids, self._places = store, ids, places

    def __len__(self) -> int:
        return len(self._ids)

    def ids(self, start: int = 0, count: int | None = None) -> list[str]:
        """Ids, all or some."""
        found: list[str] = self._ids.slice(start, count).to_pylist()
        return found

    def page(self, number: int, size: int) -> Page:
        """A page; beyond the last it is the last.

        Raises:
            StoreError: ``size`` < 1.
        """
        if size < 1:
            raise StoreError(f"A page of {size} items cannot be shown; ask for 1 or more.")
        pages = max(1, -(-len(self) // size))
        number = min(max(number, 0), pages - 1)
        places = self._places[number * size : (number + 1) * size].tolist()
        rows = self._store.at(places).to_pylist() if places else []
        return Page(number, pages, len(self), rows)


def list_items(
    store: IndexStore,
    where: str | None = None,
    *,
    sort: str = "id",
    descending: bool = False,
    ids: Sequence[str] | None = None,
) -> Listing:
    """List the items that meet a condition.

    Args:
        store: The index.
        where: SQL condition on the columns of items.
        sort: Column; items that have nothing there come last, of equal ones the first by id.
        descending: Largest first.
        ids: Only these, where given.

    Raises:
        StoreError: The condition is not valid, or there is no such column.
    """
    known = [name for name in store.columns if name != "thumbnail"]
    if sort not in known:
        raise StoreError(f"There is no column {sort!r} to sort by.{did_you_mean(sort, known)}")
    table, places = store.places(list(dict.fromkeys(["id", sort])), where)
    if ids is not None:
        chosen = pc.is_in(table.column("id"), pa.array(list(ids), pa.string()))
        table, places = table.filter(chosen), places[chosen.to_numpy()]
    keys = [(sort, "descending" if descending else "ascending")]
    if sort != "id":
        keys.append(("id", "ascending"))
    order = pc.sort_indices(table, keys)
    return Listing(store, table.column("id").take(order).combine_chunks(), places[order.to_numpy()])
