"""What commands print: tables, JSON and CSV to stdout; bars and remarks to stderr."""

from __future__ import annotations

import csv
import itertools
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

__all__ = [
    "Bars",
    "Format",
    "emit",
    "emit_first",
    "file_line",
    "remark",
    "remark_all",
    "rows_table",
]

SHOWN_ITEMS = 50
"""Rows of a table on the screen, where there may be a hundred thousand."""


class Format(StrEnum):
    """How data are printed."""

    table = "table"
    json = "json"
    csv = "csv"


def remark(text: str) -> None:
    """Print a line that is not data."""
    print(text, file=sys.stderr)


def emit(rows: Sequence[Mapping[str, Any]], form: Format, columns: Sequence[str]) -> None:
    """Print rows; a table and CSV show ``columns``, JSON everything."""
    if form is Format.json:
        print(json.dumps([dict(row) for row in rows], indent=2, ensure_ascii=False, default=str))
    elif form is Format.csv:
        writer = csv.DictWriter(sys.stdout, fieldnames=list(columns), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    else:
        rows_table(rows, columns)


def rows_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str = "") -> None:
    """Print rows as a table for people."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    for name in columns:
        numeric = any(isinstance(row.get(name), int | float) for row in rows)
        table.add_column(name.replace("_", " "), justify="right" if numeric else "left")
    for row in rows:
        # Text, not markup: a label may hold brackets.
        table.add_row(*(Text(_cell(row.get(name))) for name in columns))
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    console.print(table)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
    return str(value)


def emit_first(
    rows: Iterable[Mapping[str, Any]], total: int, form: Format, columns: Sequence[str]
) -> None:
    """Print the first of many rows as a table, and say how many more there are."""
    emit(list(itertools.islice(rows, SHOWN_ITEMS)), form, columns)
    if total > SHOWN_ITEMS:
        remark(f"… and {total - SHOWN_ITEMS:,} more items: --format csv or json lists all")


def remark_all(remarks: Iterable[str], failed: Iterable[tuple[str, str]]) -> None:
    """Print what a user should know of a result, and the files that could not be read."""
    for line in remarks:
        remark(line)
    for path, reason in failed:
        remark(f"failed: {file_line(path, reason)}")


def file_line(path: str, reason: str) -> str:
    """A file and what is said of it, without naming it twice."""
    name = path.rpartition("/")[2]
    return f"{path}: {reason.removeprefix(name).lstrip(': ')}"


class Bars:
    """Progress bars on stderr, only on a terminal; see :class:`~georetrieve.protocols.Progress`."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._unit = "items"

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._progress.stop()

    def start(self, stage: str, total: int | None, unit: str = "items") -> None:
        """Begin a bar."""
        self._unit = unit
        self._task = self._progress.add_task(stage, total=total, rate="")

    def advance(self, steps: int = 1) -> None:
        """Move the bar and its rate."""
        self._progress.advance(self._task, steps)
        speed = self._progress.tasks[-1].speed
        if speed:
            self._progress.update(self._task, rate=f"{speed:,.1f} {self._unit}/s")

    def grow(self, steps: int) -> None:
        """Lengthen the bar."""
        total = self._progress.tasks[-1].total or 0
        self._progress.update(self._task, total=total + steps)

    def say(self, message: str) -> None:
        """Print a line above the bar."""
        remark(message)

    def finish(self) -> None:
        """Take the bar away."""
        self._progress.remove_task(self._task)
