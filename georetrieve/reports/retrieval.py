"""The report of a retrieval run: record, text, figures and sheets in one folder."""

from __future__ import annotations

from pathlib import Path

from georetrieve.benchmarks.record import RunRecord, save_record
from georetrieve.benchmarks.run import BenchmarkRun
from georetrieve.errors import GeoRetrieveError
from georetrieve.reports.examples import Thumbnails, example_sheet_rows
from georetrieve.reports.figures import (
    confusion_figure,
    per_class_figure,
    precision_recall_figure,
)
from georetrieve.reports.html import write_html_report
from georetrieve.reports.markdown import retrieval_markdown
from georetrieve.reports.sheet import save_sheet

__all__ = ["write_report"]


def write_report(record: RunRecord, folder: Path, thumbnails: Thumbnails | None = None) -> Path:
    """Write ``record.json``, its per-query CSV, figures, sheets, ``report.md`` and ``report.html``.

    Args:
        record: A record of task ``retrieval``.
        folder: Where to; it must not hold a record yet.
        thumbnails: Looks pictures up for the sheets of the best and worst queries; without it
            there are no sheets.

    Returns:
        Path of ``report.md``.

    Raises:
        StoreError: The folder holds a record already: records are never overwritten.
        GeoRetrieveError: The folder cannot be written.
    """
    try:
        save_record(record, folder / "record.json", queries=True)
        pictures = _draw(record, folder, thumbnails)
        report = folder / "report.md"
        report.write_text(retrieval_markdown(record, figures=pictures), encoding="utf-8")
        write_html_report(
            folder / "report.html",
            [BenchmarkRun(record)],
            title=f"Retrieval in {record.data.index or 'unnamed index'}",
            thumbnails=thumbnails,
        )
    except OSError as error:
        raise GeoRetrieveError(
            f"{folder} cannot be written ({error.strerror or error}): name a folder you may "
            "write to."
        ) from error
    return report


def _draw(record: RunRecord, folder: Path, thumbnails: Thumbnails | None) -> dict[str, str]:
    """Captions and file names of the pictures that were made."""
    figures = {
        "Mean precision over mean recall, from one hit to five hundred": (
            precision_recall_figure(record, folder / "precision_recall.png")
        ),
        "Each class: share of right hits": per_class_figure(record, folder / "per_class.png"),
        "Class of the query by class of the nearest other item": (
            confusion_figure(record, folder / "confusion.png")
        ),
    }
    pictures = {caption: path.name for caption, path in figures.items() if path is not None}
    if thumbnails is None:
        return pictures
    for kind, examples in record.examples.items():
        rows = example_sheet_rows(examples, thumbnails)
        title = f"{kind.capitalize()} queries by P@N_R"
        for ending in ("png", "html"):
            path = folder / f"{kind}.{ending}"
            save_sheet(path, rows, title=title, caption=_caption(record))
            pictures[f"{title} ({ending})"] = path.name
    return pictures


def _caption(record: RunRecord) -> str:
    encoder = record.encoder.name if record.encoder else "unknown encoder"
    if record.encoder is not None and record.encoder.adapted:
        encoder += ", adapted to the collection"
    return f"{record.data.index or 'unnamed index'} · {encoder} · score: minus Euclidean distance"
