"""``georetrieve label export --geojson`` and ``georetrieve label import FILE.geojson``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from georetrieve.cli.output import Bars, Format, emit, remark, remark_all

if TYPE_CHECKING:
    from georetrieve.search.qupath import MatchedAnnotations
    from georetrieve.stores.items import Key
    from georetrieve.stores.lance import IndexStore
    from georetrieve.types import Axis

__all__ = [
    "ENDINGS",
    "EXPORT_EXAMPLES",
    "IMPORT_EXAMPLES",
    "Add",
    "Boxes",
    "Detections",
    "DryRun",
    "FileName",
    "GeoJson",
    "Slice",
    "export",
    "import_",
]

EXPORT_EXAMPLES = """Examples:

georetrieve label export slides -o labels.csv

georetrieve label export slides --geojson --file slide_00.tif -o slide_00.geojson

georetrieve label export slides --geojson -o for-qupath
"""

IMPORT_EXAMPLES = """Examples:

georetrieve label import slides labels.csv

georetrieve label import slides slide_00.geojson --file slide_00.tif --dry-run

georetrieve label import slides slide_00.geojson --file slide_00.tif --add
"""

ENDINGS = (".geojson", ".json", ".zip", ".gz")
SHOWN = 10

GeoJson = Annotated[
    bool, typer.Option("--geojson", help="Outlines with classes, as QuPath 0.4 and later import.")
]
FileName = Annotated[
    str | None, typer.Option("--file", metavar="PATH", help="GeoJSON: of which image of the index.")
]
Slice = Annotated[
    str | None, typer.Option("--slice", metavar="z=12", help="GeoJSON: of which slice of a volume.")
]
Boxes = Annotated[
    bool, typer.Option("--boxes", help="GeoJSON: boxes, rather than outlines traced on the slide.")
]
Detections = Annotated[
    bool,
    typer.Option("--detections", help="GeoJSON: as detections, quicker in QuPath for thousands."),
]
Add = Annotated[
    bool, typer.Option("--add", help="GeoJSON: make items of annotations that match none.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="GeoJSON: say what would change, and change nothing.")
]


def export(
    index: str,
    out: Path | None,
    file: str | None,
    at: str | None,
    *,
    boxes: bool,
    detections: bool,
) -> None:
    """Write GeoJSON of one file, or of each into a folder."""
    from georetrieve.search.places import find_index
    from georetrieve.search.qupath import write_outlines
    from georetrieve.stores.lance import IndexStore

    if out is None:
        raise typer.BadParameter("name a file or a folder for the GeoJSON with --out")
    if at and not file:
        raise typer.BadParameter("name the volume of the slice with --file")
    store = IndexStore.open(find_index(index))
    with Bars() as bars:
        done = write_outlines(
            store,
            out,
            file=file,
            at=_slice(at),
            trace=not boxes,
            detections=detections,
            progress=bars,
        )
    remark_all((), done.failed)
    written = str(done.files[0]) if len(done.files) == 1 else f"{len(done.files)} files in {out}"
    remark(f"{done.items:,} items, {done.traced:,} of them traced: {written}")


def import_(
    index: str,
    path: Path,
    file: str | None,
    at: str | None,
    *,
    who: str,
    boxes: bool,
    add: bool,
    dry_run: bool,
) -> None:
    """Give the labels of annotations; make items of those that match none."""
    from georetrieve.labelling import give_labels
    from georetrieve.search.outlines import find_file, slide_outlines
    from georetrieve.search.places import find_index
    from georetrieve.search.qupath import match_annotations
    from georetrieve.stores.lance import IndexStore

    if not file:
        raise typer.BadParameter("name the image that the annotations are of with --file")
    place = find_index(index)
    store = IndexStore.open(place)
    axis, number = _slice(at) or (None, None)
    key, data = find_file(store, file), _read(path)
    with Bars() as bars:
        outlines = slide_outlines(
            store,
            *key,
            slice_index=number,
            axis=axis,
            trace=not boxes,
            progress=bars,
        )
    found = match_annotations(data, outlines, name=path.name)
    _tell(found, add=add)
    labels = dict(found.labels)
    if dry_run:
        before = {one.id: one.label for one in outlines}
        rows = [{"id": one, "label": before[one], "new": new} for one, new in labels.items()]
        emit(rows, Format.table, ["id", "label", "new"])
        if add:
            _tell_plan(store, key, found, _slice(at))
        return
    if add and found.unmatched:
        labels |= _added(store, key, found, _slice(at))
    if labels:
        act = give_labels(place, labels, who=who, how="imported")
        remark(f"{len(act.labels)} items have a new label (act {act.batch})")
    else:
        remark("no item has a new label")


def _read(path: Path) -> bytes:
    from georetrieve.errors import SourceError
    from georetrieve.sources.annotations import MOST_BYTES

    try:
        with path.open("rb") as stream:
            return stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror or error}).") from error


def _added(
    store: IndexStore, key: Key, found: MatchedAnnotations, at: tuple[Axis, int] | None
) -> dict[str, str]:
    """Make items of what matches none; the labels they are to have."""
    from georetrieve.indexing.add_drawn import add_drawn
    from georetrieve.labelling import clean_label

    for one in found.unmatched:
        clean_label(one.name)  # one that can be no label is told before anything is done
    with Bars() as bars:
        added = add_drawn(store.path, key, found.unmatched, at=at, progress=bars)
    _tell_passed_over(added.passed_over)
    remark(f"{len(added.ids):,} items added")
    return dict(added.labels)


def _tell_plan(
    store: IndexStore, key: Key, found: MatchedAnnotations, at: tuple[Axis, int] | None
) -> None:
    from georetrieve.indexing.drawn_plan import plan_drawn

    plan = plan_drawn(store, key, found.unmatched, at=at)
    _tell_passed_over(plan.passed_over)
    remark(f"{len(plan.new):,} items would be added")


def _tell_passed_over(passed_over: Mapping[str, int]) -> None:
    for why, count in sorted(passed_over.items()):
        remark(f"{count:,} not added: {why}")


def _slice(text: str | None) -> tuple[Axis, int] | None:
    if text is None:
        return None
    axis, _, number = text.partition("=")
    if axis not in ("z", "y", "x") or not number.isascii() or not number.isdigit():
        raise typer.BadParameter(f"a slice is named like z=12, not {text!r}")
    return axis, int(number)  # type: ignore[return-value]


def _tell(found: MatchedAnnotations, *, add: bool) -> None:
    """What of annotations gives no label, and why."""
    if found.unchanged:
        remark(f"{found.unchanged:,} items have their label already")
    for why, count in sorted(found.passed_over.items()):
        remark(f"{count:,} annotations passed over: {why}")
    for one, labels in list(found.conflicts.items())[:SHOWN]:
        remark(f"{one}: left as it is, being annotated as {' and as '.join(labels)}")
    if len(found.conflicts) > SHOWN:
        remark(f"… and {len(found.conflicts) - SHOWN:,} more items annotated in two ways")
    for drawn in found.unmatched[:SHOWN]:
        x, y, width, height = drawn.box
        remark(f"no item at {x:.0f},{y:.0f},{width:.0f},{height:.0f}: {drawn.name}")
    if len(found.unmatched) > SHOWN:
        remark(f"… and {len(found.unmatched) - SHOWN:,} more annotations of no item")
    if found.unmatched and not add:
        remark("--add would make items of those that match none")
