"""``georetrieve bench``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from georetrieve.cli.output import Bars, Format, emit, remark

__all__ = ["app"]

app = typer.Typer(
    help="Benchmarks: retrieval quality, specimens found, and speed as ratios taken in one run.",
    no_args_is_help=True,
)


class Protocol(StrEnum):
    """Which numbers are measured."""

    full = "full"
    scampi = "scampi"


def _facts(values: Mapping[str, Any], form: Format) -> None:
    """Print named numbers."""
    if form is Format.json:
        print(json.dumps(dict(values), indent=2))
        return
    emit(
        [{"measure": key, "value": value} for key, value in values.items()],
        form,
        ["measure", "value"],
    )


@app.command("retrieval")
def retrieval(
    index: Annotated[str, typer.Argument(metavar="INDEX", help="Name under indexes/, or a path.")],
    encoder: Annotated[
        str | None, typer.Option("--encoder", "-e", help="Which vectors. [default: the first]")
    ] = None,
    protocol: Annotated[
        Protocol, typer.Option(help="'scampi': the published numbers alone; 'full': all.")
    ] = Protocol.full,
    where: Annotated[
        str | None, typer.Option(help="Only items that satisfy this condition.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder of the report. [default: INDEX/reports/…]"),
    ] = None,
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Measure how well an index retrieves its own labelled items (SCAMPI's protocol and more).

    Every labelled item is a query against all others. Prints P@N_R, P@k, nn F1 and their chance
    level; writes a record (JSON), a report (Markdown), figures and sheets of the best and worst.
    """
    from georetrieve.benchmarks.retrieval import scampi_summary
    from georetrieve.reports.retrieval import write_report
    from georetrieve.benchmarks.index_retrieval import measure_index
    from georetrieve.search import Index

    with Index.open(index) as opened:
        record = measure_index(opened, encoder=encoder, protocol=protocol.value, where=where)
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        folder = out or opened.path / "reports" / f"retrieval-{stamp}"
        written = write_report(record, folder, opened)
    if form is Format.json:
        print(json.dumps(scampi_summary(record), indent=2))
    else:
        rows = [
            {
                "measure": name,
                "value": e.value,
                "low": e.low,
                "high": e.high,
                "chance": e.chance,
                "n": e.n,
            }
            for name, e in record.metrics.items()
        ]
        emit(rows, form, ["measure", "value", "low", "high", "chance", "n"])
        for note in record.notes:
            remark(f"note: {note}")
    remark(f"report: {written}")
