"""The report folder of a text benchmark."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from georetrieve.benchmarks.record import save_record
from georetrieve.benchmarks.run import BenchmarkRun
from georetrieve.errors import StoreError
from georetrieve.reports.html import write_html_report
from georetrieve.types import EncoderSpec, Scalar

__all__ = ["metric_rows", "write_text_report"]


def metric_rows(runs: Sequence[BenchmarkRun]) -> list[dict[str, Scalar]]:
    """A row for each metric of each encoder, encoders side by side below a metric."""
    names = dict.fromkeys(name for run in runs for name in run.record.metrics)
    return [
        {
            "measure": name,
            "encoder": _encoder(run),
            "value": one.value,
            "low": one.low,
            "high": one.high,
            "chance": one.chance,
            "n": one.n,
        }
        for name in names
        for run in runs
        if (one := run.record.metrics.get(name)) is not None
    ]


def write_text_report(runs: Sequence[BenchmarkRun], folder: Path, *, title: str) -> Path:
    """Write ``report.html``, the records, and their tables as CSV.

    ``metrics.csv``, ``per_class.csv``, ``per_name.csv`` and ``confusion.csv`` hold all encoders,
    one below the other; ``record-ENCODER.json`` and ``….queries.csv`` one each.

    Returns:
        The HTML file.

    Raises:
        StoreError: The folder holds records already.
        GeoRetrieveError: There is no run, or a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for run in runs:
            name = (
                EncoderSpec.from_json(run.record.encoder.spec).column if run.record.encoder else ""
            )
            save_record(run.record, folder / f"record-{name}.json", queries=True)
        _write_csv(folder / "metrics.csv", metric_rows(runs))
        for table in dict.fromkeys(table for run in runs for table in run.record.tables):
            rows = [
                {"encoder": _encoder(run), **row}
                for run in runs
                for row in run.record.tables.get(table, ())
            ]
            _write_csv(folder / f"{table}.csv", rows)
    except OSError as error:
        raise StoreError(
            f"{folder} cannot be written ({error.strerror or error}); name another folder."
        ) from error
    return write_html_report(folder / "report.html", runs, title=title)


def _encoder(run: BenchmarkRun) -> str:
    return run.record.encoder.name if run.record.encoder else ""


def _write_csv(path: Path, rows: Sequence[Mapping[str, Scalar]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)
