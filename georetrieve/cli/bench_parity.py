"""``georetrieve bench parity``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from georetrieve.cli.output import Bars, Format, emit, remark

__all__ = ["parity"]


def parity(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Encoders. [default: all]")
    ] = None,
    references: Annotated[
        Path | None,
        typer.Option(
            "--references",
            help="Folder with clones of dino, dinov2, mae and scampi-benchmark.",
            envvar="GEORETRIEVE_REFERENCES",
        ),
    ] = None,
    other_px: Annotated[
        int, typer.Option(min=0, help="Side of the second size. [default: 3/4 of the first]")
    ] = 0,
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Compare encoders with their authors' own code, both with the same random weights.

    Prints, for every model and size, the largest difference of any number of the vector, the class
    token, the patches, the last four layers, the attention maps and the texts; 1e-4 is allowed.
    Exit code 1 if one is larger. DINOv2's giants are too large to run: their names and shapes are
    compared, and numbers with a thin network of their kind.

    Networks of transformers, OpenCLIP and torchvision are compared with those libraries. For the
    others clone their authors' code into one folder and name it with --references; nothing of it
    is installed or kept. They are on GitHub: facebookresearch/dino, facebookresearch/dinov2,
    facebookresearch/mae and equinor/scampi-benchmark, as in
    'git clone https://github.com/facebookresearch/dino references/dino'.
    """
    from georetrieve.benchmarks.parity import COLUMNS, Comparison
    from georetrieve.benchmarks.parity_run import chosen, compare_entry
    from georetrieve.benchmarks.seeded import RANDOM_WEIGHTS

    remark(RANDOM_WEIGHTS)
    found = list[Comparison]()
    with Bars() as bars:
        entries = chosen(names or [])
        bars.start("comparing", len(entries), "models")
        for entry in entries:
            found += compare_entry(entry, references=references, other_px=other_px)
            bars.advance()
        bars.finish()
    rows = [comparison.row() for comparison in found]
    shown = [name for name in COLUMNS if any(row[name] is not None for row in rows)]
    emit(rows, form, shown if form is Format.table else COLUMNS)
    if any(comparison.passed is False for comparison in found):
        raise typer.Exit(1)
