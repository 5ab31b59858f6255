"""What a segmentation benchmark leaves behind: a record for each run, and tables over all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from georetrieve.benchmarks.csv_tables import write_rows
from georetrieve.benchmarks.record import RunRecord, save_record
from georetrieve.benchmarks.run import BenchmarkRun
from georetrieve.errors import StoreError
from georetrieve.types import Scalar

__all__ = ["RecordFolder", "summary_rows", "write_tables"]


class RecordFolder:
    """Writes each record as ``record-NAME.json``, with its images in ``….queries.csv``.

    Args:
        folder: Where; it is made.

    Raises:
        StoreError: It holds records already, which would be found only after hours of measuring.
    """

    def __init__(self, folder: Path) -> None:
        there = sorted(folder.glob("record-*.json"))
        if there:
            raise StoreError(
                f"{folder} holds {there[0].name} already and run records are never overwritten; "
                "name another folder."
            )
        self._folder = folder

    def keep(self, record: RunRecord) -> Path:
        """Write a record.

        Raises:
            StoreError: The folder holds one of that name already.
        """
        return save_record(record, self._folder / f"record-{_slug(record)}.json", queries=True)


def summary_rows(runs: Sequence[BenchmarkRun]) -> list[dict[str, Scalar]]:
    """A row for each run, in their order: what was measured, and how well it did."""
    rows: list[dict[str, Scalar]] = []
    for run in runs:
        record = run.record
        values = {name: one.value for name, one in record.metrics.items()}
        overall = record.metrics["mean_iou"]
        rows.append(
            {
                "method": str(record.settings["method"]),
                "encoder": record.encoder.name if record.encoder else "",
                "split": str(record.settings["split"]),
                "mean_iou": overall.value,
                "low": overall.low,
                "high": overall.high,
                "chance": overall.chance,
                **{name: value for name, value in values.items() if name.startswith("iou_")},
                "pixel_accuracy": values.get("pixel_accuracy"),
                "fit_mpx_per_s": values.get("fit_megapixels_per_second"),
                "map_mpx_per_s": values.get("map_megapixels_per_second"),
                "failed": overall.reason,
            }
        )
    return rows


def write_tables(runs: Sequence[BenchmarkRun], folder: Path) -> list[Path]:
    """Write ``summary.csv``, ``per_class.csv`` and ``confusion.csv``, all runs one below the other.

    Returns:
        The files.
    """
    tables = {"summary": summary_rows(runs)} | {
        name: [
            {**_told_by(run.record), **row}
            for run in runs
            for row in run.record.tables.get(name, ())
        ]
        for name in ("per_class", "confusion")
    }
    return [write_rows(folder / f"{name}.csv", rows) for name, rows in tables.items()]


def _told_by(record: RunRecord) -> dict[str, Scalar]:
    return {
        "method": str(record.settings["method"]),
        "encoder": record.encoder.name if record.encoder else "",
        "split": str(record.settings["split"]),
    }


def _slug(record: RunRecord) -> str:
    parts = [str(part) for part in _told_by(record).values() if part]
    return re.sub(r"[^0-9a-zA-Z]+", "-", "-".join(parts)).strip("-").lower()
