"""A map with what is known of its items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from georetrieve.errors import StoreError, did_you_mean
from georetrieve.probes.item_map.kept import ItemMap
from georetrieve.stores.lance import IndexStore

__all__ = ["map_column", "map_rows"]


def map_column(store: IndexStore, made: ItemMap, name: str) -> pa.ChunkedArray:
    """(N,) values of a column of the items of a map; nothing for items that are gone.

    Raises:
        StoreError: There is no such column.
    """
    known = [one for one in store.columns if one != "thumbnail"]
    if name not in known:
        raise StoreError(f"There is no column {name!r} to colour by.{did_you_mean(name, known)}")
    table = store.scan(list(dict.fromkeys(["id", name])))
    rows = pc.index_in(made.items.column("id"), table.column("id").combine_chunks())
    found: pa.ChunkedArray = table.column(name).take(rows)
    return found


def map_rows(store: IndexStore, made: ItemMap) -> Iterator[dict[str, Any]]:
    """``id``, ``x``, ``y``, ``label`` and ``group`` of each item, by id."""
    table = made.items.select(["id", "x", "y"])
    for name in ("label", "group"):
        table = table.append_column(name, map_column(store, made, name))
    for batch in table.to_batches(max_chunksize=8192):
        yield from batch.to_pylist()
