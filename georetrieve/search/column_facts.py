"""What the columns of items hold: kinds, ranges, the values there are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from georetrieve.stores.lance import IndexStore

__all__ = ["ColumnFacts", "column_facts"]

Kind = Literal["text", "number", "truth"]

_OF_ONE_ITEM = ("id", "thumbnail", "content_hash")


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnFacts:
    """What a column holds.

    Attributes:
        name: Of the column.
        kind: ``text``, ``number`` or ``truth`` (yes or no).
        filled: Items that have something there; an empty text is nothing.
        distinct: How many values there are.
        counts: Items by value, the most frequent first; of text alone, and empty where there are
            more values than were asked for.
        low: Smallest number; None where there is none, or the column has no numbers.
        high: Largest number.
        whole: Whether its numbers are whole ones.
    """

    name: str
    kind: Kind
    filled: int
    distinct: int
    counts: Mapping[str, int] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None
    whole: bool = False


def column_facts(
    store: IndexStore, columns: Collection[str] | None = None, *, most: int = 1000
) -> dict[str, ColumnFacts]:
    """Facts of the columns that can tell items apart, in the order of the table.

    Args:
        store: The index.
        columns: Only of these, where given.
        most: Values of a text column that are counted one by one; of more there are no counts.
    """
    names = [
        name
        for name in store.columns
        if name not in _OF_ONE_ITEM and (columns is None or name in columns)
    ]
    facts = {}
    for name in names:  # one at a time: a text column of a large index takes room
        facts[name] = _facts_of(name, store.scan([name]).column(name), most)
    return facts


def _facts_of(name: str, column: pa.ChunkedArray, most: int) -> ColumnFacts:
    kind = _kind(column.type)
    if kind == "number":
        return _of_numbers(name, column)
    if kind == "text":
        column = column.filter(pc.not_equal(column, pa.scalar("", column.type)))
    values = column.drop_null()
    counted = pc.value_counts(values)
    counts: dict[str, int] = {}
    if kind == "text" and len(counted) <= most:
        pairs = zip(
            counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True
        )
        counts = dict(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))
    return ColumnFacts(
        name=name, kind=kind, filled=len(values), distinct=len(counted), counts=counts
    )


def _of_numbers(name: str, column: pa.ChunkedArray) -> ColumnFacts:
    if pa.types.is_floating(column.type):
        column = column.filter(pc.is_finite(column))
    values = column.drop_null()
    ends = pc.min_max(values).as_py()
    return ColumnFacts(
        name=name,
        kind="number",
        filled=len(values),
        distinct=pc.count_distinct(values).as_py(),
        low=ends["min"],
        high=ends["max"],
        whole=pa.types.is_integer(column.type),
    )


def _kind(kind: pa.DataType) -> Kind:
    if pa.types.is_boolean(kind):
        return "truth"
    return "number" if pa.types.is_integer(kind) or pa.types.is_floating(kind) else "text"
