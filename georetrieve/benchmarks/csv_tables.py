"""Tables as CSV files."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from georetrieve.types import Scalar

__all__ = ["write_rows"]


def write_rows(path: Path, rows: Sequence[Mapping[str, Scalar]]) -> Path:
    """Write rows, all their columns; folders are made, a file of that name is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=names)
        writer.writeheader()
        writer.writerows(rows)
    return path
