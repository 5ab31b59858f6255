"""How rows of the items table are inserted, renamed and changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import pyarrow as pa

from georetrieve.errors import StoreError
from georetrieve.stores.schema import (
    items_table,
    metadata_array,
    metadata_type,
    sql_in,
    sql_literal,
    wider,
)
from georetrieve.stores.tables import MAX_SQL_NAMES, LanceTable
from georetrieve.types import FloatArray, Item, Scalar, item_id

__all__ = ["Key", "change_items", "insert_items", "key_conditions", "rename_items"]

Key: TypeAlias = tuple[str, str]  # (source, path) of a file

MOVED_FILES = 1000  # in one commit


def key_conditions(keys: Iterable[Key]) -> Iterator[str]:
    """Conditions that together hold for the rows of some files, one per source and 5,000 paths."""
    by_source: dict[str, list[str]] = defaultdict(list)
    for source, path in dict.fromkeys(keys):
        by_source[source].append(path)
    for source, paths in by_source.items():
        for start in range(0, len(paths), MAX_SQL_NAMES):
            some = sql_in("path", paths[start : start + MAX_SQL_NAMES])
            yield f"source = {sql_literal(source)} AND {some}"


def insert_items(
    table: LanceTable, items: Sequence[Item], vectors: Mapping[str, FloatArray]
) -> None:
    """Add items with their (N, D) vectors by column; rows of the same id are replaced."""
    names = dict.fromkeys(name for item in items for name in item.metadata)
    metadata = _make_room(
        table, {name: [item.metadata.get(name) for item in items] for name in names}
    )
    rows = items_table(items, vectors, metadata)
    if table.rows_with("id", [item.id for item in items], ["id"]).num_rows:
        # All columns, so that nothing of what is replaced shines through.
        left = [field for field in table.schema if field.name not in rows.schema.names]
        rows = pa.concat_tables(
            [rows, pa.schema([*rows.schema, *left]).empty_table()], promote_options="default"
        )
        table.upsert(rows, on=["id"])
    else:
        table.append(rows)


def rename_items(table: LanceTable, renames: Mapping[Key, Key]) -> None:
    """Give the items of files their new source, path and id; see ``IndexStore.move_items``."""
    chained = set(renames) & set(renames.values())
    if chained:
        raise StoreError(f"{chained.pop()[1]!r} cannot be both an old and a new name.")
    keys = list(renames)
    for start in range(0, len(keys), MOVED_FILES):
        conditions = key_conditions(keys[start : start + MOVED_FILES])
        rows = pa.concat_tables([table.scan(table.schema.names, where) for where in conditions])
        if rows.num_rows:
            table.replace(_renamed(rows, renames), "id", rows.column("id").to_pylist())


def _renamed(rows: pa.Table, renames: Mapping[Key, Key]) -> pa.Table:
    ids, sources, paths = (rows.column(name).to_pylist() for name in ("id", "source", "path"))
    new = [renames[key] for key in zip(sources, paths, strict=True)]
    tails = [
        one[len(item_id(path, None, source=source)) :]
        for one, source, path in zip(ids, sources, paths, strict=True)
    ]
    values = {
        "id": [
            item_id(path, None, source=source) + tail
            for (source, path), tail in zip(new, tails, strict=True)
        ],
        "source": [source for source, _ in new],
        "path": [path for _, path in new],
    }
    for name, column in values.items():
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, rows.schema.field(name), pa.array(column, pa.string()))
    return rows


def change_items(table: LanceTable, changes: Mapping[str, Mapping[str, Scalar]]) -> None:
    """Set labels, groups and metadata by id; see ``IndexStore.update_items``."""
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for one, values in changes.items():
        alike[tuple(sorted(values))].append(one)
    for names, ids in alike.items():
        columns = {name: [changes[one][name] for one in ids] for name in names}
        own = [name for name in names if name in ("label", "group")]
        kinds = dict.fromkeys(own, pa.string()) | _make_room(
            table, {name: values for name, values in columns.items() if name not in own}
        )
        arrays = {name: metadata_array(columns[name], kind) for name, kind in kinds.items()}
        if arrays:
            table.update(pa.table({"id": pa.array(ids, pa.string()), **arrays}), on="id")


def _make_room(table: LanceTable, values: Mapping[str, Sequence[Scalar]]) -> dict[str, pa.DataType]:
    """Add or widen metadata columns until they hold some values; return their types."""
    table.repair()
    kinds: dict[str, pa.DataType] = {}
    for name, new in values.items():
        kind = metadata_type(name, new)
        if name in table.schema.names:
            old = table.schema.field(name).type
            kind = wider(old, kind)
            if kind != old:
                table.widen_column(name, kind)
        if kind is not None:
            kinds[name] = kind
    table.add_columns([pa.field(name, kind) for name, kind in kinds.items()])
    return kinds
