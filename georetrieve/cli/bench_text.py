"""``georetrieve bench text``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from georetrieve.cli.output import Bars, Format, emit, remark
from georetrieve.cli.runtime import DeviceOption

__all__ = ["EXAMPLES", "text"]

EXAMPLES = """Examples:

georetrieve bench text ores

georetrieve bench text ores -e siglip2-vitb16 -e clip-vitb32-laion2b --where "depth > 200"

georetrieve bench text ores --task my-words.toml --format csv
"""


def text(
    index: Annotated[str, typer.Argument(metavar="INDEX", help="Name under indexes/, or a path.")],
    encoder: Annotated[
        list[str] | None,
        typer.Option("--encoder", "-e", help="Again for each. [default: all that take texts]"),
    ] = None,
    task: Annotated[str, typer.Option(help="'words', or a TOML file.")] = "words",
    where: Annotated[str | None, typer.Option(help="Only items that meet this condition.")] = None,
    vocabulary: Annotated[
        Path | None, typer.Option(help="TOML file of your own words and synonyms.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder of the report. [default: INDEX/reports/…]"),
    ] = None,
    device: DeviceOption = "auto",
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Measure how well words find the images of an index, and name them without any training.

    Names of classes look for their items (mAP, R@k), items for their caption (R@k), and items are
    named: by one name (accuracy, macro-F1), and by all that fit (Jaccard, recall, precision, F1).
    Prints values with intervals and chance; writes records (JSON), tables (CSV) and a page (HTML).
    """
    from georetrieve.benchmarks.tasks import load_task
    from georetrieve.benchmarks.text.run import run_text
    from georetrieve.encoders.runtime import Runtime
    from georetrieve.reports.text import metric_rows, write_text_report
    from georetrieve.search import Index
    from georetrieve.vocabulary import load_vocabulary

    asked = load_task(task, "text")
    words = load_vocabulary(vocabulary)
    with Bars() as bars, Index.open(index, runtime=Runtime(device=device)) as opened:
        runs = run_text(
            asked, opened, encoders=encoder or (), where=where, vocabulary=words, progress=bars
        )
        stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
        folder = out or opened.path / "reports" / f"text-{stamp}"
        written = write_text_report(runs, folder, title=asked.title)
    emit(metric_rows(runs), form, ["measure", "encoder", "value", "low", "high", "chance", "n"])
    for note in dict.fromkeys(note for run in runs for note in run.record.notes):
        remark(f"note: {note}")
    remark(f"report: {written}")
