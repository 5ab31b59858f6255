"""``georetrieve label``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from georetrieve.cli import label_qupath, label_suggest
from georetrieve.cli.output import Format, emit, remark

__all__ = ["app"]

app = typer.Typer(
    help="Labels that people give: set, undone, listed, exported. They outlast indexing again.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

IndexName = Annotated[str, typer.Argument(metavar="INDEX", help="Name under indexes/, or a path.")]
Who = Annotated[str, typer.Option(help="Who says so. [default: the user of this machine]")]

EXAMPLES = """Examples:

georetrieve label set slides azolla "slide_00.tif#812,440,96,91" "slide_00.tif#100,20,80,85"

georetrieve label set slides pyrite --where "predicted_label = 'pyrite' AND depth > 2000"

georetrieve label set slides --clear "slide_00.tif#812,440,96,91"
"""


@app.command("set", epilog=EXAMPLES)
def set_label(
    index: IndexName,
    words: Annotated[
        list[str], typer.Argument(metavar="LABEL ITEM...", help="The label, then ids of items.")
    ],
    where: Annotated[
        str | None, typer.Option(help="All items that meet this condition, instead of ids.")
    ] = None,
    clear: Annotated[
        bool, typer.Option("--clear", help="Take labels away; name ids only.")
    ] = False,
    who: Who = "",
) -> None:
    """Give items a label, or take it away; can be undone."""
    from georetrieve.labelling import give_labels
    from georetrieve.search.places import find_index
    from georetrieve.stores.lance import IndexStore

    label, ids = (None, words) if clear else (words[0], words[1:])
    path = find_index(index)
    if where is not None:
        if ids and not clear:
            raise typer.BadParameter("name items or give --where, not both")
        ids = IndexStore.open(path).scan(["id"], where).column("id").to_pylist()
    act = give_labels(path, dict.fromkeys(ids, label), who=who)
    said = "no label" if label is None else repr(label)
    remark(f"{len(act.labels)} of {len(ids)} items now have {said} (act {act.batch})")


@app.command("undo")
def undo(
    index: IndexName,
    batch: Annotated[
        str | None, typer.Argument(metavar="[ACT]", help="Which. [default: the last that stands]")
    ] = None,
    who: Who = "",
) -> None:
    """Take back an act of labelling; items labelled again since keep what was said then."""
    from georetrieve.labelling import undo_labels
    from georetrieve.search.places import find_index

    act, count = undo_labels(find_index(index), batch=batch, who=who)
    remark(f"act {act.batch} of {act.who}, {act.when}, is undone: {count} items changed back")


@app.command("history")
def history(
    index: IndexName, form: Annotated[Format, typer.Option("--format")] = Format.table
) -> None:
    """List who labelled what, and when."""
    from georetrieve.labelling import label_history
    from georetrieve.search.places import find_index

    columns = ["act", "when", "who", "how", "items", "labels", "undone"]
    emit(label_history(find_index(index)), form, columns)


@app.command("export", epilog=label_qupath.EXPORT_EXAMPLES)
def export(
    index: IndexName,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File to write; GeoJSON: or folder. [default: printed]"),
    ] = None,
    given: Annotated[
        bool, typer.Option("--given", help="Only labels that people gave here.")
    ] = False,
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only labels this person gave here; may be repeated."),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            metavar="DAY",
            formats=["%Y-%m-%d"],
            help="Only labels given here on this day, UTC, or later.",
        ),
    ] = None,
    geojson: label_qupath.GeoJson = False,
    file: label_qupath.FileName = None,
    at: label_qupath.Slice = None,
    boxes: label_qupath.Boxes = False,
    detections: label_qupath.Detections = False,
) -> None:
    """Write the labels as a CSV that 'georetrieve index --labels' reads, or for QuPath."""
    if geojson:
        if given or by or since:
            raise typer.BadParameter("--given, --by and --since choose rows of a CSV, no outlines")
        label_qupath.export(index, out, file, at, boxes=boxes, detections=detections)
        return
    from georetrieve.labelling import labels_csv
    from georetrieve.search.places import find_index
    from georetrieve.stores.manifest import write_text_atomically

    day = since and since.date()
    text = labels_csv(find_index(index), given=given, by=by or (), since=day)
    if out is None:
        print(text, end="")
    else:
        write_text_atomically(out, text)
        remark(f"labels: {out}")


@app.command("import", epilog=label_qupath.IMPORT_EXAMPLES)
def import_(
    index: IndexName,
    table: Annotated[
        Path,
        typer.Argument(help="A CSV with the columns path (ids) and label; or QuPath's GeoJSON."),
    ],
    who: Who = "",
    file: label_qupath.FileName = None,
    at: label_qupath.Slice = None,
    boxes: label_qupath.Boxes = False,
    add: label_qupath.Add = False,
    dry_run: label_qupath.DryRun = False,
) -> None:
    """Give the labels of a table, or of annotations of QuPath, as one act."""
    if table.suffix.lower() in label_qupath.ENDINGS:
        label_qupath.import_(index, table, file, at, who=who, boxes=boxes, add=add, dry_run=dry_run)
        return
    from georetrieve.labelling import give_labels
    from georetrieve.search.places import find_index
    from georetrieve.sources.label_table import read_table

    rows = read_table(table).rows
    labels = {one: label for one, (label, _, _) in rows.items() if label is not None}
    act = give_labels(find_index(index), labels, who=who, how="imported")
    remark(f"{len(act.labels)} of {len(labels)} items have a new label (act {act.batch})")


app.command("doubtful", epilog=label_suggest.DOUBTFUL_EXAMPLES)(label_suggest.doubtful)
app.command("accept", epilog=label_suggest.ACCEPT_EXAMPLES)(label_suggest.accept)
