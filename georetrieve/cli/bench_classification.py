"""``georetrieve bench classification``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from georetrieve.cli.option_groups import with_groups
from georetrieve.cli.output import Bars, Format, emit, file_line, remark
from georetrieve.cli.runtime import RuntimeOptions

__all__ = ["EXAMPLES", "classification"]

EXAMPLES = """Examples:

georetrieve bench classification folders my-index

georetrieve bench classification scampi imagefolder_20 -e bundled -e scampi-vits16

georetrieve bench classification rock-ct ./rocks/ct_rocks
"""

COLUMNS = (
    "encoder",
    "split",
    "probe",
    "accuracy",
    "low",
    "high",
    "chance",
    "balanced_accuracy",
    "mean_precision",
    "f1",
    "log_loss",
    "tested",
)


@with_groups
def classification(
    task: Annotated[
        str,
        typer.Argument(metavar="TASK", help="folders, scampi, rock-ct, eurosat, or a TOML file."),
    ],
    data: Annotated[
        str,
        typer.Argument(metavar="DATA", help="An index, or a folder: it is indexed first, once."),
    ],
    encoder: Annotated[
        list[str] | None,
        typer.Option("--encoder", "-e", help="Again for each. [default: all the index has]"),
    ] = None,
    where: Annotated[str | None, typer.Option(help="Only items that meet this condition.")] = None,
    draws: Annotated[
        int, typer.Option(min=0, help="Bootstrap samples of the intervals; 0: none.")
    ] = 1000,
    cache: Annotated[Path, typer.Option(help="Where indexes of folders are kept.")] = Path(
        "indexes"
    ),
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder of the report. [default: INDEX/reports/…]"),
    ] = None,
    *,
    running: RuntimeOptions,
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Measure how well labelled items are called by what is known of the others.

    Neighbours, class means and logistic regression, side by side for each encoder and each way to
    split. Prints scores with their intervals and chance; writes a record (JSON) and tables (CSV)
    of each encoder, sheets of the best and the worst queries, and a report (HTML).
    """
    from georetrieve.benchmarks.classification.indexes import bench_data, measure_classification
    from georetrieve.benchmarks.tasks import load_task
    from georetrieve.reports.classification import summary_rows, write_classification
    from georetrieve.search import Index

    chosen = load_task(task, "classification")
    runtime = running.runtime()
    with Bars() as bars:
        found = bench_data(chosen, data, encoder or (), cache=cache, runtime=runtime, progress=bars)
    for report in found.reports[-1:]:
        for path, reason in report.failed:
            remark(f"failed: {file_line(path, reason)}")
        remark(f"index: {report.index}: {report.items:,} items with {report.labels} labels")
    with Index.open(found.index) as index:
        runs = measure_classification(chosen, index, found.encoders, where=where, draws=draws)
        stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
        folder = out or index.path / "reports" / f"{chosen.name}-{stamp}"
        written = write_classification(
            runs, folder, title=chosen.title, thumbnails=index.thumbnails
        )
    emit(summary_rows(runs), form, COLUMNS)
    for note in dict.fromkeys(note for run in runs for note in run.record.notes):
        remark(f"note: {note}")
    remark(f"report: {written}")
