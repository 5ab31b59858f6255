"""Columns of an index's tables, and how items, ledger rows and SQL conditions are put into them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields

import numpy as np
import pyarrow as pa

from georetrieve.errors import StoreError
from georetrieve.types import FileRecord, FloatArray, Item, Scalar

__all__ = [
    "FILES",
    "ITEMS",
    "VECTOR_PREFIX",
    "arrow_type",
    "bad_condition",
    "files_table",
    "items_table",
    "matrix_of",
    "metadata_array",
    "metadata_type",
    "quoted_where",
    "sql_in",
    "sql_literal",
    "vector_array",
    "vector_field",
    "wider",
]

VECTOR_PREFIX = "vector_"

ITEMS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("x", pa.int64()),
        pa.field("y", pa.int64()),
        pa.field("width", pa.int64()),
        pa.field("height", pa.int64()),
        pa.field("slice_index", pa.int64()),
        pa.field("axis", pa.string()),
        pa.field("um_per_px", pa.float64()),
        pa.field("group", pa.string()),
        pa.field("label", pa.string()),
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("thumbnail", pa.binary(), nullable=False),
    ]
)

FILES = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("mtime_ns", pa.int64(), nullable=False),
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("items", pa.int64(), nullable=False),
        pa.field("attempts", pa.int64(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("um_per_px", pa.float64()),
    ]
)

_REGION = {"slice_index": "index"}  # column -> attribute of a region, where the names differ


def items_table(
    items: Sequence[Item],
    vectors: Mapping[str, FloatArray],
    metadata: Mapping[str, pa.DataType],
) -> pa.Table:
    """Return N items as rows, with their (N, D) vectors by column and typed metadata columns."""
    arrays: dict[str, pa.Array] = {}
    for field in ITEMS:
        if field.name in ("x", "y", "width", "height", "slice_index", "axis"):
            name = _REGION.get(field.name, field.name)
            values = [item.region and getattr(item.region, name) for item in items]
        else:
            values = [getattr(item, field.name) for item in items]
        arrays[field.name] = pa.array(values, field.type)
    for name, kind in metadata.items():
        arrays[name] = metadata_array([item.metadata.get(name) for item in items], kind)
    for column, matrix in vectors.items():
        arrays[column] = vector_array(matrix)
    schema = [*ITEMS, *(pa.field(name, arrays[name].type) for name in arrays if name not in _FIXED)]
    return pa.table(arrays, schema=pa.schema(schema))


def files_table(records: Sequence[FileRecord]) -> pa.Table:
    """Return ledger rows as a table."""
    names = [field.name for field in fields(FileRecord)]
    return pa.table(
        {name: [getattr(record, name) for record in records] for name in names}, schema=FILES
    )


def vector_field(column: str, dim: int) -> pa.Field:
    """The field of a vector column."""
    return pa.field(column, pa.list_(pa.float32(), dim))


def vector_array(matrix: FloatArray) -> pa.FixedSizeListArray:
    """(N, D) vectors as one Arrow column; the values are not copied."""
    flat = pa.array(np.ascontiguousarray(matrix, dtype=np.float32).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, matrix.shape[1])


def matrix_of(column: pa.FixedSizeListArray, dim: int) -> FloatArray:
    """(N, D) vectors of a column without nulls; the values are not copied."""
    flat: FloatArray = column.flatten().to_numpy(zero_copy_only=True)
    return flat.reshape(-1, dim)


# --- metadata -------------------------------------------------------------------------------------

_FIXED = frozenset(ITEMS.names)
_RESERVED_PREFIXES = (VECTOR_PREFIX, "_")


def arrow_type(value: Scalar) -> pa.DataType | None:
    """The column type of a metadata value; None for a value that is missing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool | np.bool_):
        return pa.bool_()
    if isinstance(value, int | np.integer):
        # Beyond 64 bits a number is an identifier; as text it keeps its digits.
        return pa.int64() if -(2**63) <= value < 2**63 else pa.string()
    return pa.float64() if isinstance(value, float | np.floating) else pa.string()


def wider(one: pa.DataType | None, other: pa.DataType | None) -> pa.DataType | None:
    """The narrowest of bool, int, float and string that holds both; None is a missing value."""
    if one is None or other is None or one == other:
        return one or other
    numbers = (pa.int64(), pa.float64())
    return pa.float64() if one in numbers and other in numbers else pa.string()


def metadata_type(name: str, values: Iterable[Scalar]) -> pa.DataType | None:
    """The type of a metadata column; None when it holds no value at all.

    Raises:
        StoreError: The name is one of the index's own, or not usable in a condition.
    """
    if name in _FIXED or name.startswith(_RESERVED_PREFIXES):
        raise StoreError(
            f"Metadata column {name!r} has a name the index needs for itself; rename it in the "
            "table it comes from."
        )
    if not name.strip() or any(sign in name for sign in ".`"):
        raise StoreError(
            f"Metadata column {name!r} cannot be a column of an index: names have "
            "neither dots nor backticks and are not empty. Rename it in the table it comes from."
        )
    kind: pa.DataType | None = None
    for value in values:
        kind = wider(kind, arrow_type(value))
    return kind


def metadata_array(values: Sequence[Scalar], kind: pa.DataType) -> pa.Array:
    """Metadata values as a column of a type that is wide enough for them."""
    present = [None if arrow_type(value) is None else value for value in values]
    if kind == pa.string():
        return pa.array([None if value is None else _text(value) for value in present], kind)
    return pa.array(present, kind)


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# --- SQL ------------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"'(?:[^']|'')*'|`[^`]*`|\"[^\"]*\"|[^\W\d]\w*|\d+\.?\d*(?:[eE][+-]?\d+)?|\s+|.", re.DOTALL
)
_FRACTION = re.compile(r"\d+(?:\.\d*|[eE].+|\.\d*[eE].+)")
# Words that stay what SQL makes of them even where a column has that name.
_OPERATORS = frozenset(
    {
        *("and", "or", "not", "in", "is", "null", "like", "ilike", "between", "escape", "similar"),
        *("true", "false", "case", "when", "then", "else", "end", "cast", "as", "to"),
    }
)
_TYPED = frozenset({"date", "timestamp", "interval"})


def sql_literal(text: str) -> str:
    """A string as SQL literal: in single quotes, with those inside it doubled."""
    return "'" + text.replace("'", "''") + "'"


def sql_in(column: str, values: Iterable[str]) -> str:
    """The condition that a text column has one of some values."""
    return f"`{column}` IN ({', '.join(map(sql_literal, values))})"


def quoted_where(where: str, schema: pa.Schema) -> str:
    """Put the column names of a condition so that Lance takes it as it was meant.

    ``group`` is a keyword of SQL and must be written `` `group` ``; users need not know. Names in
    double quotes, which Lance takes for text, are names too when there is such a column. Names are
    found whatever their case. Columns of whole numbers, which Lance does not compare with
    fractions, are cast where the condition has one.

    Raises:
        StoreError: A semicolon ends the condition; Lance would pass over what follows.
    """
    tokens = _TOKEN.findall(where)
    if ";" in tokens:
        raise bad_condition(where, "it is one condition, without a semicolon", schema.names)
    fractions = any(_FRACTION.fullmatch(token) for token in tokens if token[0].isdigit())
    quoted: dict[str, str] = {}
    for field in sorted(schema, key=lambda field: field.name):
        name = f"`{field.name}`"
        if fractions and pa.types.is_integer(field.type):
            name = f"CAST({name} AS DOUBLE)"
        quoted[field.name] = name
        quoted.setdefault(field.name.lower(), name)
    return "".join(
        # Of a list of ids most tokens are texts, commas and spaces.
        token if token[0] in "', " else _quoted(token, tokens[number + 1 : number + 3], quoted)
        for number, token in enumerate(tokens)
    )


def _quoted(token: str, rest: Sequence[str], names: Mapping[str, str]) -> str:
    if token[0] in '"`' and len(token) > 1:
        return names.get(token[1:-1], token)
    is_word = token[0].isalpha() or token[0] == "_"
    following = next((after for after in rest if not after.isspace()), "")
    typed = token.lower() in _TYPED and following[:1] == "'"  # DATE '2020-01-31'
    if not is_word or typed or token.lower() in _OPERATORS or following == "(":
        return token
    return names.get(token) or names.get(token.lower(), token)


def bad_condition(where: str, reason: str, columns: Iterable[str]) -> StoreError:
    """The error that says why a condition cannot be used, and which columns there are."""
    shown = where if len(where) <= 200 else where[:199] + "…"
    names = [name for name in columns if not name.startswith(_RESERVED_PREFIXES)]
    return StoreError(
        f"The condition {shown!r} cannot be used: {' '.join(reason.split())}. "
        f"Columns: {', '.join(names)}. Text is put in single quotes."
    )
