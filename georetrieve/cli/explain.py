"""``georetrieve explain``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from georetrieve.cli.output import Bars, Format, emit, remark
from georetrieve.cli.runtime import DeviceOption

__all__ = ["EXAMPLES", "explain"]

EXAMPLES = """Examples:

georetrieve explain one.jpg other.jpg --save why.png

georetrieve explain one.jpg "slide_00.tif#812,440,96,91" --index slides --save why.png

georetrieve explain "a.tif#0,0,512,512" b.jpg -e dinov2-vits14 --format json
"""

SHOWN = ["pair", "similarity", "distinctiveness", "query_x", "query_y", "hit_x", "hit_y"]


def explain(
    query: Annotated[str, typer.Argument(help="Image file, FILE#x,y,w,h, or an item's id.")],
    hit: Annotated[str, typer.Argument(help="The same: what was found.")],
    index: Annotated[
        str | None,
        typer.Option("--index", "-i", metavar="INDEX", help="Whose items and encoder are meant."),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option("--encoder", "-e", help="Whose patches. [default: the index's, or bundled]"),
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--save", "-o", help="The picture to write: PNG, JPEG, PDF …")
    ] = None,
    pairs: Annotated[int, typer.Option(help="Most pairs of patches that are shown.")] = 12,
    device: DeviceOption = "auto",
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Show why two images are neighbours: which patches of one are which of the other."""
    from georetrieve.encoders.runtime import Runtime
    from georetrieve.probes.explanation import explain_in_index, explain_query

    runtime = Runtime(device=device)
    with Bars() as bars:
        if index is None:
            found = explain_query(
                query, hit, encoder or "bundled", pairs=pairs, runtime=runtime, progress=bars
            )
        else:
            found = explain_in_index(index, query, hit, encoder, pairs=pairs, runtime=runtime)
    if save is not None:
        from georetrieve.reports.explanation import save_explanation

        save_explanation(save, found, query_title=query, hit_title=hit)
    if form is Format.json:
        values = {
            "encoder": found.encoder,
            "score": found.score,
            "metric": found.metric,
            "mutual": found.found.mutual,
            "pairs": found.rows(),
        }
        print(json.dumps(values, indent=2))
    else:
        emit(found.rows(), form, SHOWN)
    remark(f"{found.found.mutual:.0%} of the query's patches and their nearest are mutual")
    if save is not None:
        remark(f"picture: {save}")
