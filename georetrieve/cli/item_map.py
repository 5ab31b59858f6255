"""``georetrieve map``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from georetrieve.cli.output import Bars, Format, emit_first, remark

__all__ = ["EXAMPLES", "map_items"]

EXAMPLES = """Examples:

georetrieve map slides

georetrieve map slides --out map.png --colour-by group

georetrieve map slides -e dinov2-vits14 --perplexity 50 --format csv
"""

COLUMNS = ["id", "x", "y", "label", "group"]


def map_items(
    index: Annotated[str, typer.Argument(metavar="INDEX", help="Name under indexes/, or a path.")],
    encoder: Annotated[
        str | None, typer.Option("--encoder", "-e", help="Whose vectors. [default: the first]")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Lay it out anew, though a map is kept.")
    ] = False,
    perplexity: Annotated[
        float | None,
        typer.Option(help="Neighbours an item is kept near to, 2 to 500. [default: 30]"),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Another seed, another map of the same items. [default: 0]")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File to write: .csv, .html, .png, .svg or .pdf."),
    ] = None,
    colour_by: Annotated[
        str, typer.Option(help="Of a picture: the column that gives the colours.")
    ] = "label",
    form: Annotated[Format, typer.Option("--format")] = Format.table,
    progress_file: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Lay the items out in a plane, alike ones side by side; the page's map.

    It is kept in the index's folder: labels may change without it being made anew, and new items
    join it. Distances between far groups mean little.
    """
    from georetrieve.probes.item_map.job import ProgressFile
    from georetrieve.probes.item_map.layout import MapOptions
    from georetrieve.probes.item_map.making import make_map
    from georetrieve.probes.item_map.rows import map_rows
    from georetrieve.search import Index

    given = {"perplexity": perplexity, "seed": seed}
    chosen = {name: value for name, value in given.items() if value is not None}
    options = MapOptions(**chosen) if chosen else None  # type: ignore[arg-type]
    if progress_file is not None and hasattr(os, "nice"):
        os.nice(5)  # the page that asked for it comes first
    opened = Index.open(index)
    with Bars() as bars:
        progress = bars if progress_file is None else ProgressFile(progress_file)
        made = make_map(opened, encoder, options=options, again=again, progress=progress)
    if progress_file is not None:
        return
    if out is None:
        emit_first(map_rows(opened.store, made), len(made), form, COLUMNS)
    else:
        from georetrieve.reports.item_map import save_map

        save_map(out, opened.store, made, colour_by=colour_by)
        remark(f"map: {out}")
    if made.quality is not None:
        remark(made.quality.told())
