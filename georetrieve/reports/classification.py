"""The report of a classification benchmark: records, tables, sheets and a page in one folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from georetrieve.benchmarks.classification.run import ClassificationRun
from georetrieve.benchmarks.csv_tables import write_rows
from georetrieve.benchmarks.record import RunRecord, save_record
from georetrieve.errors import GeoRetrieveError
from georetrieve.reports.examples import Thumbnails, example_sheet_rows
from georetrieve.reports.html import write_html_report
from georetrieve.reports.sheet import save_sheet
from georetrieve.types import Scalar

__all__ = ["summary_rows", "write_classification"]


def summary_rows(runs: Sequence[ClassificationRun]) -> list[dict[str, Scalar]]:
    """One row an encoder, way to split and probe: what the benchmark prints."""
    rows: list[dict[str, Scalar]] = []
    for run in runs:
        metrics = run.record.metrics
        for name, accuracy in metrics.items():
            split, _, rest = name.partition("/")
            probe, _, score = rest.partition("/")
            if score != "accuracy":
                continue
            others = {
                one: metrics[f"{split}/{probe}/{one}"].value
                for one in ("balanced_accuracy", "mean_precision", "f1", "log_loss")
                if f"{split}/{probe}/{one}" in metrics
            }
            rows.append(
                {
                    "encoder": _encoder(run.record),
                    "split": split,
                    "probe": probe,
                    "accuracy": accuracy.value,
                    "low": accuracy.low,
                    "high": accuracy.high,
                    "chance": accuracy.chance,
                    **others,
                    "tested": accuracy.n,
                    "not_measured": accuracy.reason or None,
                }
            )
    return rows


def write_classification(
    runs: Sequence[ClassificationRun],
    folder: Path,
    *,
    title: str,
    thumbnails: Thumbnails | None = None,
) -> Path:
    """Write ``report.html``, ``summary.csv``, and a folder an encoder.

    That folder holds ``record.json``, each item's values, every table as CSV, sheets of the best
    and the worst queries, and what else the task writes.

    Args:
        runs: One an encoder.
        folder: Where to; it must not hold records yet.
        title: Of the page.
        thumbnails: Looks pictures up for the sheets; without it there are none.

    Returns:
        Path of ``report.html``.

    Raises:
        StoreError: The folder holds a record already: records are never overwritten.
        GeoRetrieveError: The folder cannot be written.
    """
    try:
        for run in runs:
            place = folder / _slug(_encoder(run.record))
            save_record(run.record, place / "record.json", queries=True)
            for name, rows in run.record.tables.items():
                write_rows(place / f"{name}.csv", rows)
            for name, rows in run.files.items():
                write_rows(place / name, rows)
            _sheets(run.record, place, thumbnails)
        write_rows(folder / "summary.csv", summary_rows(runs))
    except OSError as error:
        raise GeoRetrieveError(
            f"{folder} cannot be written ({error.strerror or error}): name a folder you may "
            "write to."
        ) from error
    return write_html_report(folder / "report.html", runs, title=title, thumbnails=thumbnails)


def _sheets(record: RunRecord, folder: Path, thumbnails: Thumbnails | None) -> None:
    if thumbnails is None:
        return
    for kind, examples in record.examples.items():
        rows = example_sheet_rows(examples, thumbnails)
        if rows:
            save_sheet(
                folder / f"{kind}.png",
                rows,
                title=f"{kind.capitalize()} queries by P@N_R",
                caption=f"{record.data.index or 'unnamed index'} · {_encoder(record)}",
            )


def _encoder(record: RunRecord) -> str:
    return record.encoder.name if record.encoder else "vectors"


def _slug(name: str) -> str:
    return re.sub(r"[^0-9a-z]+", "-", name.lower()).strip("-")
