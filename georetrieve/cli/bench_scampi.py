"""``georetrieve bench parity-scampi``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from georetrieve.cli.output import Bars, Format, emit, remark

if TYPE_CHECKING:
    from georetrieve.benchmarks.labelled import LabelledVectors
    from georetrieve.benchmarks.tasks import Task
    from georetrieve.reports.examples import Thumbnails

__all__ = ["EXAMPLES", "parity_scampi"]

EXAMPLES = """Examples:

georetrieve bench parity-scampi references/scampi-benchmark/imagefolder_20 --references references
"""


def parity_scampi(
    images: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder of images a class.")],
    references: Annotated[
        Path,
        typer.Option(
            help="Folder with a clone of scampi-benchmark.", envvar="GEORETRIEVE_REFERENCES"
        ),
    ],
    encoder: Annotated[
        str | None,
        typer.Option("--encoder", "-e", help="Whose vectors. [default: ViT-S/16, random weights]"),
    ] = None,
    cache: Annotated[Path, typer.Option(help="Where the folder's index is kept.")] = Path(
        "indexes"
    ),
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Compare the SCAMPI benchmark's numbers with those of its authors' own evaluation script.

    Both are given the same vectors. Prints the largest difference of any number, table by table;
    1e-4 is allowed. Prints both times too, in processor seconds, ours with all tables written. Exit
    code 1 if a number differs.

    Clone github.com/equinor/scampi-benchmark into a folder and name that with --references;
    nothing of it is installed or kept. Its script needs pandas.
    """
    from georetrieve.benchmarks.classification.indexes import bench_data, labelled_items
    from georetrieve.benchmarks.classification.scampi_parity import scampi_parity
    from georetrieve.benchmarks.seeded import RANDOM_WEIGHTS, write_seeded_checkpoint
    from georetrieve.benchmarks.tasks import load_task
    from georetrieve.search import Index

    if encoder is None:
        remark(RANDOM_WEIGHTS)
        encoder = f"vit_small_patch16_224@{write_seeded_checkpoint(cache / 'random-weights')}"
    with Bars() as bars:
        task = load_task("scampi", "classification")
        found = bench_data(task, str(images), (encoder,), cache=cache, progress=bars)
    with Index.open(found.index) as index:
        data = labelled_items(index, found.encoders[0])
        parity = scampi_parity(data, images, references)
        everything = _whole_report(task, data, index.thumbnails)
    emit(
        [
            {"file": one.file, "numbers": one.cells, "largest_difference": one.largest}
            for one in parity.files
        ],
        form,
        ["file", "numbers", "largest_difference"],
    )
    for who, seconds in (("script", parity.reference_seconds), ("georetrieve", parity.seconds)):
        remark(f"{who}: {', '.join(f'{name} {value:.2f} s' for name, value in seconds.items())}")
    remark(
        f"{parity.ratio:.1f} times faster without what the script draws, and "
        f"{parity.ratio_without_fits:.1f} times without the fits of logistic regression too, which "
        "both leave to scikit-learn (processor seconds)"
    )
    whole = sum(parity.reference_seconds.values())
    remark(
        f"{whole / everything:.1f} times faster with all that either writes and draws: "
        f"{whole:.2f} s the script, {everything:.2f} s georetrieve with records, sheets and page"
    )
    if not all(one.passed for one in parity.files):
        raise typer.Exit(1)


def _whole_report(task: Task, data: LabelledVectors, thumbnails: Thumbnails) -> float:
    """Processor seconds of all that the task writes: tables, records, sheets, the page."""
    import tempfile
    import time

    from georetrieve.benchmarks.classification.run import run_classification
    from georetrieve.reports.classification import write_classification

    start = time.process_time()
    run = run_classification(task, data, index="parity", draws=0, with_map=False)
    with tempfile.TemporaryDirectory() as folder:
        write_classification([run], Path(folder), title="SCAMPI", thumbnails=thumbnails)
    return time.process_time() - start
