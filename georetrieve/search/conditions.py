"""Conditions on the columns of items, made from what was chosen instead of written by hand.

Each function gives SQL for ``where``; values and names are put so that none of them can be taken
for SQL.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence

from georetrieve.errors import StoreError
from georetrieve.stores.schema import sql_in, sql_literal

__all__ = ["all_of", "among", "begins_with", "between", "is_true", "one_of", "written"]


def one_of(column: str, values: Sequence[str], *, or_nothing: bool = False) -> str | None:
    """A text column has one of some values, or, where that is asked for, nothing.

    Returns:
        The condition; None where neither a value nor nothing is asked for.

    Raises:
        StoreError: The column's name cannot be put into a condition.
    """
    name = _quoted(column)
    parts = [sql_in(column, values)] if values else []
    if or_nothing:
        parts += [f"{name} IS NULL", f"{name} = ''"]
    return f"({' OR '.join(parts)})" if len(parts) > 1 else next(iter(parts), None)


def between(column: str, low: float | None, high: float | None) -> str | None:
    """A column of numbers lies from ``low`` to ``high``, both included; None is no bound.

    Raises:
        StoreError: A bound is not a number, or the column's name cannot be put into a condition.
    """
    name = _quoted(column)
    bounds = ((">=", low), ("<=", high))
    parts = [f"{name} {sign} {_number(value)}" for sign, value in bounds if value is not None]
    return " AND ".join(parts) or None


def among(ids: Collection[str]) -> str:
    """An item is one of some; where there are none, no item is."""
    return sql_in("id", ids) if ids else "false"


def begins_with(column: str, text: str) -> str | None:
    """A text column begins with a text; None where that is empty.

    Raises:
        StoreError: The column's name cannot be put into a condition.
    """
    return f"starts_with({_quoted(column)}, {sql_literal(text)})" if text else None


def is_true(column: str, *, true: bool) -> str:
    """A column of yes or no is yes, or is no.

    Raises:
        StoreError: The column's name cannot be put into a condition.
    """
    return f"{_quoted(column)} = {'true' if true else 'false'}"


def written(where: str) -> str | None:
    """A condition somebody wrote, to stand beside others; None where there is none."""
    # On a line of its own: it may end in a comment.
    return f"({where.strip()}\n)" if where.strip() else None


def all_of(conditions: Iterable[str | None]) -> str | None:
    """All of some conditions; None where there is none."""
    return " AND ".join(one for one in conditions if one) or None


def _quoted(column: str) -> str:
    if "`" in column:
        raise StoreError(
            f"Column {column!r} cannot be put into a condition: names have no backticks."
        )
    return f"`{column}`"


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise StoreError(f"{value} cannot bound a column: give a number.")
    return repr(value)
