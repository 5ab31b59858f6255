"""``georetrieve bench segment-memory``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from georetrieve.cli.option_groups import with_groups
from georetrieve.cli.output import Format, emit
from georetrieve.cli.runtime import PlainRuntimeOptions

__all__ = ["EXAMPLES", "segment_memory"]

EXAMPLES = "georetrieve bench segment-memory --side 20000"


@with_groups
def segment_memory(
    side: Annotated[int, typer.Option(help="Side of the square image, pixels.", min=512)] = 5000,
    height: Annotated[
        int | None,
        typer.Option(
            help="Only so many rows of it: the memory is that of the square, the time is not.",
            min=512,
        ),
    ] = None,
    encoder: Annotated[str, typer.Option("--encoder", "-e", help="Whose features.")] = "bundled",
    pool: Annotated[
        int, typer.Option(help="Features are averaged over this many patches a side.", min=1)
    ] = 1,
    *,
    running: PlainRuntimeOptions,
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Measure the memory and the time that the map of a large image takes.

    A tiled image of grains of four colours is made, one tile of it learned, and all of it mapped
    by the nearest patches, in a process of its own.
    """
    from georetrieve.benchmarks.segment_memory import run_segment_memory
    from georetrieve.probes.segmentation.settings import PatchSettings

    values = run_segment_memory(
        side,
        height_px=height,
        encoder=encoder,
        settings=PatchSettings(pool=pool),
        runtime=running.runtime(),
    )
    if form is Format.json:
        print(json.dumps(values, indent=2))
    else:
        rows = [{"measure": name, "value": value} for name, value in values.items()]
        emit(rows, form, ["measure", "value"])
