"""``georetrieve bench segmentation``."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from georetrieve.cli.option_groups import with_groups
from georetrieve.cli.output import Bars, Format, emit, remark
from georetrieve.cli.runtime import PlainRuntimeOptions

__all__ = ["EXAMPLES", "segmentation"]

EXAMPLES = """Examples:

georetrieve bench segmentation sandstone-ct --images slices --masks slice_masks

georetrieve bench segmentation masks --images photos --masks masks --method forest
--method patch-nn -e bundled -e dinov2-vits14 --split leave-one-out
"""


class Split(StrEnum):
    """How images are parted."""

    even = "even"
    leave_one_out = "leave-one-out"
    folds = "folds"
    groups = "groups"


@with_groups
def segmentation(
    task: Annotated[
        str,
        typer.Argument(metavar="TASK", help="sandstone-ct, thin-section, masks, or a TOML file."),
    ],
    images: Annotated[Path, typer.Option(help="Folder of images, or a volume.")],
    masks: Annotated[Path, typer.Option(help="Folder of masks; or GeoJSON, or a CSV of clicks.")],
    method: Annotated[
        list[str] | None,
        typer.Option("--method", help="Again for each. [default: as the task says]"),
    ] = None,
    encoder: Annotated[
        list[str] | None,
        typer.Option("--encoder", "-e", help="Of patch-nn; again for each. [default: the task's]"),
    ] = None,
    split: Annotated[
        Split | None, typer.Option(help="How images are parted. [default: the task's]")
    ] = None,
    train: Annotated[
        str | None,
        typer.Option(help="Images trained on, comma-separated; with --split even."),
    ] = None,
    folds: Annotated[
        int | None, typer.Option(help="Parts; with --split folds or groups.", min=2)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder of the report. [default: segmentation-TASK-…]"),
    ] = None,
    *,
    running: PlainRuntimeOptions,
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Measure how well methods map images whose masks are known; whole images are held out.

    Prints mean IoU over the data set with its interval over images, IoU of each class, and speed;
    writes a record (JSON) of each run, tables (CSV), and a report (HTML) with maps to look at.
    """
    from georetrieve.benchmarks.segmentation.files import RecordFolder, summary_rows, write_tables
    from georetrieve.benchmarks.segmentation.run import run_segmentation_folder
    from georetrieve.benchmarks.segmentation.settings import with_choices
    from georetrieve.benchmarks.tasks import load_task
    from georetrieve.reports.html import write_html_report

    chosen = with_choices(
        load_task(task, "segmentation"),
        methods=method,
        encoders=encoder,
        kind=split.value if split else None,
        train=None if train is None else _numbers(train),
        folds=folds,
    )
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    folder = out or Path(f"segmentation-{chosen.name}-{stamp}")
    records = RecordFolder(folder)
    with Bars() as bars:
        runs = run_segmentation_folder(
            chosen,
            images,
            masks,
            runtime=running.runtime(),
            keep=records.keep,
            progress=bars,
        )
    write_tables(runs, folder)
    written = write_html_report(folder / "report.html", runs, title=chosen.title)
    rows = summary_rows(runs)
    columns = [name for name in rows[0] if any(row.get(name) not in (None, "") for row in rows)]
    emit(rows, form, columns)
    for note in dict.fromkeys(note for run in runs for note in run.record.notes):
        remark(f"note: {note}")
    remark(f"report: {written}")
    if all(run.record.metrics["mean_iou"].value is None for run in runs):
        raise typer.Exit(1)


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise typer.BadParameter(
            f"--train {text!r} is not numbers of images, comma-separated: 2,4,6."
        ) from error
