"""What the commands of ``georetrieve segment`` print."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from georetrieve.cli.output import Format, emit, file_line, remark
from georetrieve.sources.label_table import counted

if TYPE_CHECKING:
    from georetrieve.reports.maps.run import MapRun

__all__ = ["print_maps", "print_remarks", "short"]

SHOWN_FAILURES = 10
SHOWN_MAPS = 50
SHOWN_CLASSES = 12


def short(value: object) -> str:
    """A value on one line: names of classes, settings."""
    if isinstance(value, list) and all(isinstance(one, dict) and "code" in one for one in value):
        return ", ".join(f"{one['name']} ({one['code']})" for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}: {short(one)}" for name, one in value.items() if one != {})
    if isinstance(value, list):
        return ", ".join(short(one) or "one" for one in value)
    return str(value)


def print_remarks(remarks: Sequence[str], failed: Sequence[tuple[str, str]]) -> None:
    """What is to be known, and what failed, to stderr."""
    for line in remarks:
        remark(f"  {line}")
    for path, reason in failed[:SHOWN_FAILURES]:
        remark(f"  failed: {file_line(path, reason)}")
    if len(failed) > SHOWN_FAILURES:
        remark(f"  … and {len(failed) - SHOWN_FAILURES} more failed")


def print_maps(
    run: MapRun,
    failed: Sequence[tuple[str, str]],
    remarks: Sequence[str],
    out: Path,
    form: Format,
) -> None:
    """Percentages to stdout; what else is to be said to stderr."""
    from georetrieve.reports.maps.run import total_rows

    said = [f"{one.name}: {line}" for one in run.maps for line in one.remarks]
    print_remarks([*remarks, *said[:SHOWN_FAILURES]], failed)
    rows: list[dict[str, Any]]
    columns = ["class", "percent", "pixels", "area_mm2", "uncertainty"]
    if form is not Format.table:
        rows = [{"image": one.name, **row} for one in run.maps for row in one.rows]
        emit(rows, form, ["image", "class", "code", *columns[1:]])
    elif len(run.maps) == 1:
        emit(run.maps[0].rows, form, columns)
    elif run.maps:
        rows = total_rows(run.maps)
        shown = [*rows[: SHOWN_MAPS - 1], rows[-1]] if len(rows) > SHOWN_MAPS else rows
        emit(shown, form, list(rows[-1])[: SHOWN_CLASSES + 1])
    for one in run.maps if len(run.maps) == 1 else ():
        remark("\n".join(str(path) for path in one.files))
    done = f"{counted(len(run.maps), 'map')} in {out}"
    if run.unchanged:
        done += f", {run.unchanged} of them from before"
    remark(done + (f"; {len(failed)} failed" if failed else ""))
