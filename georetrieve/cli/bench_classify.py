"""``georetrieve bench classify-speed``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from georetrieve.cli.output import Bars, Format, emit

__all__ = ["classify_speed"]


def classify_speed(
    count: Annotated[int, typer.Option(help="Unlabelled items.", min=1)] = 200_000,
    labelled: Annotated[int, typer.Option(help="Labelled items.", min=1)] = 1000,
    dim: Annotated[int, typer.Option(help="Width of their vectors.", min=1)] = 384,
    classes: Annotated[int, typer.Option(help="Of the labels.", min=1)] = 20,
    k: Annotated[
        int, typer.Option("-k", help="Neighbours that vote; 0: chosen on the labelled items.")
    ] = 0,
    voters: Annotated[int, typer.Option(help="Listed for each item in the JSON.")] = 5,
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Time how an index's unlabelled items are classified, printed and written back.

    Beside it stands what NumPy's bare matrix products and partition take for the same vectors in
    the same run.
    """
    from georetrieve.benchmarks.classify_speed import run_classify_speed

    with Bars() as bars:
        values = run_classify_speed(
            count, labelled, dim, classes, k=k or None, voters=voters, progress=bars
        )
    if form is Format.json:
        print(json.dumps(values, indent=2))
    else:
        rows = [{"measure": name, "value": value} for name, value in values.items()]
        emit(rows, form, ["measure", "value"])
