"""``georetrieve bench parity-hummingbird``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from georetrieve.cli.output import Format, emit, remark

__all__ = ["EXAMPLES", "parity_hummingbird"]

EXAMPLES = """Examples:

georetrieve bench parity-hummingbird --references references
"""


def parity_hummingbird(
    references: Annotated[
        Path,
        typer.Option(
            help="Folder with a clone of open-hummingbird-eval.", envvar="GEORETRIEVE_REFERENCES"
        ),
    ],
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Compare maps by patch neighbours with those of an open evaluation of Hummingbird.

    Both are given the same features of the same drawn thin sections. Prints the largest difference
    of any number of the vectors and labels remembered, the vote of patches, the pixels it is
    enlarged to, and mean IoU; 1e-4 is allowed. Exit code 1 if one is larger.

    That evaluation has two traps, which are repeated for this comparison alone: void pixels are
    remembered as class 0, and its score first gives classes whatever names suit best and counts a
    class that is nowhere as 0. Beside both scores stands that of the same map without the second
    (honest miou), and of georetrieve's own map without either (own miou).

    Clone github.com/vpariza/open-hummingbird-eval into a folder and name that with --references;
    nothing of it is installed or kept.
    """
    from georetrieve.benchmarks.hummingbird import COLUMNS, hummingbird_parity

    found = list(hummingbird_parity(references))
    remark("RANDOM FEATURES: both should say the same, and what they say means nothing")
    emit([comparison.row() for comparison in found], form, COLUMNS)
    if not all(comparison.passed for comparison in found):
        raise typer.Exit(1)
