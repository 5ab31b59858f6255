"""What is said of many items, held as arrays and written one item a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TextIO, TypeVar

import numpy as np

__all__ = ["join_items", "write_items"]

T = TypeVar("T")


def join_items(parts: Sequence[T]) -> T:
    """Several of one dataclass, one after the other; one at least.

    Args:
        parts: Each with ``ids``, a list, and arrays whose first axis may be joined.
    """
    first = parts[0]
    names = [one.name for one in fields(first) if one.name != "ids"]  # type: ignore[arg-type]
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    ids = [one for part in parts for one in part.ids]  # type: ignore[attr-defined]
    return type(first)(ids=ids, **arrays)  # type: ignore[call-arg]


def write_items(stream: TextIO, head: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON: a head, and ``items``, one a line, so that nothing of all items is held twice."""
    text = json.dumps(head, indent=2, ensure_ascii=False)
    stream.write(text.removesuffix("\n}") + ',\n  "items": [')
    for number, row in enumerate(rows):
        comma = "," if number else ""
        stream.write(f"{comma}\n    {json.dumps(row, ensure_ascii=False)}")
    stream.write("\n  ]\n}\n")
