"""``georetrieve bench rotations``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from georetrieve.cli.option_groups import with_groups
from georetrieve.cli.output import Bars, Format, emit
from georetrieve.cli.runtime import PlainRuntimeOptions

__all__ = ["rotations"]

COLUMNS = (
    "rotations",
    "images",
    "failed",
    "cosine_views",
    "cosine_others",
    "distance_ratio",
    "self_recall",
    "p_at_nr",
    "p_at_nr_turned",
)


@with_groups
def rotations(
    folder: Annotated[
        Path, typer.Argument(help="Images; folders within it are taken for their classes.")
    ],
    encoder: Annotated[
        str, typer.Option("--encoder", "-e", help="Name of the encoder, without rotations.")
    ] = "bundled",
    batch_size: Annotated[int, typer.Option(help="Views encoded at once.", min=1)] = 32,
    seed: Annotated[int, typer.Option(help="Of how queries are turned.")] = 0,
    *,
    running: PlainRuntimeOptions,
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Measure what an encoder gains by rotations=8: all eight views of an image, one vector.

    Compared are an image and its turned views with other images, how often a turned image finds
    itself, and how well upright and turned queries find their class (P@N_R).
    """
    from georetrieve.benchmarks.rotations import run_rotations
    from georetrieve.encoders.options import split_name
    from georetrieve.encoders.registry import load_encoder

    base, options = split_name(encoder)
    if options.rotations > 1:
        raise typer.BadParameter(f"Name it without rotations: {base}, which is measured both ways.")
    runtime = running.runtime()
    with Bars() as bars:
        loaded = load_encoder(encoder, runtime=runtime, progress=bars)
        rows = run_rotations(folder, loaded, batch_size=batch_size, seed=seed, progress=bars)
    emit(rows, form, COLUMNS)
