"""``georetrieve bench compare``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from georetrieve.cli.output import Format, emit, remark, rows_table

if TYPE_CHECKING:
    from georetrieve.benchmarks.comparison import Comparison

__all__ = ["EXAMPLES", "compare"]

EXAMPLES = """Examples:

georetrieve bench compare indexes/slides/reports

georetrieve bench compare reports --metric p_at_nr --baseline retrieval-20260101-1200

georetrieve bench compare one/record.json other/record.json --out side-by-side.html
"""
_COLUMNS = (
    *("measure", "record", "value", "low", "high", "chance", "n", "difference"),
    *("difference_low", "difference_high", "pairs", "intervals"),
)


def compare(
    places: Annotated[
        list[Path], typer.Argument(metavar="FOLDER|RECORD...", help="Records, or folders of them.")
    ],
    baseline: Annotated[
        str | None,
        typer.Option(help="Name of the record that others are compared with. [default: oldest]"),
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="Measure; may be repeated. [default: the main ones]")
    ] = None,
    by_class: Annotated[
        bool, typer.Option("--by-class", help="A row a class instead, most different first.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write a web page of it all, too.")
    ] = None,
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Put benchmark records side by side: values, intervals, chance, and how they differ.

    Only runs of one task and protocol on the same data are compared; others stand in tables of
    their own. A difference has an interval where both runs keep the values of each query.
    """
    from georetrieve.benchmarks.comparison import compare as put_together
    from georetrieve.benchmarks.found_records import find_records
    from georetrieve.errors import GeoRetrieveError

    found = find_records(places)
    for _, reason in found.damaged:
        remark(f"not read: {reason}")
    if not found.records:
        raise GeoRetrieveError(
            f"There is no benchmark record in {', '.join(map(str, places))}: make one with "
            "'georetrieve bench retrieval INDEX'."
        )
    comparisons = put_together(found.records, baseline=baseline)
    if by_class:
        _emit_classes(comparisons, metric, form)
    else:
        _emit_measures(comparisons, metric, form)
    if out is not None:
        from georetrieve.reports.comparison import write_comparison

        remark(f"page: {write_comparison(out, comparisons, damaged=found.damaged)}")


def _emit_measures(
    comparisons: Sequence[Comparison], metric: Sequence[str] | None, form: Format
) -> None:
    from georetrieve.benchmarks.comparison_rows import fact_rows, measure_rows

    chosen = _with_measures(comparisons, metric)
    tables = [(one, measure_rows(one, names)) for one, names in chosen]
    if form is Format.json:
        values = [
            {
                "task": one.task,
                "protocol": one.protocol,
                "baseline": one.baseline.name,
                "remarks": list(one.remarks),
                "records": fact_rows(one),
                "measures": rows,
            }
            for one, rows in tables
        ]
        print(json.dumps(values, indent=2, ensure_ascii=False))
        return
    _emit_tables(tables, list(_COLUMNS), form)


def _with_measures(
    comparisons: Sequence[Comparison], metric: Sequence[str] | None
) -> list[tuple[Comparison, list[str] | None]]:
    """Where measures are named, the comparisons that have any of them."""
    from georetrieve.errors import StoreError, did_you_mean

    if not metric:
        return [(one, None) for one in comparisons]
    having: list[tuple[Comparison, list[str] | None]] = []
    known: dict[str, None] = {}
    for one in comparisons:
        names = dict.fromkeys(name for found in one.records for name in found.record.metrics)
        known |= names
        wanted = [name for name in metric if name in names]
        if wanted:
            having.append((one, wanted))
    for name in metric:
        if name not in known:
            raise StoreError(f"No record has measure {name!r}.{did_you_mean(name, known)}")
    return having


def _emit_classes(
    comparisons: Sequence[Comparison], metric: Sequence[str] | None, form: Format
) -> None:
    from georetrieve.benchmarks.comparison_rows import class_measures
    from georetrieve.reports.comparison import class_table

    tables = []
    for one in comparisons:
        measures = class_measures(one)
        wanted = next((name for name in metric or () if name in measures), None)
        if measures and (wanted or not metric):
            rows = class_table(one, wanted)
            tables.append((one, [{"measure": wanted or measures[0], **row} for row in rows]))
    names = dict.fromkeys(name for _, rows in tables for row in rows for name in row)
    _emit_tables(tables, list(names), form)


def _emit_tables(
    tables: Sequence[tuple[Comparison, list[dict[str, Any]]]], columns: list[str], form: Format
) -> None:
    if form is not Format.table:
        told = [
            {"task": one.task, "protocol": one.protocol, "data": one.baseline.record.data.index}
            | row
            for one, rows in tables
            for row in rows
        ]
        emit(told, form, ["task", "protocol", "data", *columns])
        return
    for one, rows in tables:
        used = [name for name in columns if any(row.get(name) is not None for row in rows)]
        rows_table(rows, used, f"{one.title} (beside {one.baseline.name})")
        for line in one.remarks:
            remark(f"note: {line}")
