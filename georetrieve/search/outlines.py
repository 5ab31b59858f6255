"""Where the items of a file lie on it: boxes, or the outlines of specimens traced anew."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from georetrieve.errors import SourceError, StoreError, did_you_mean
from georetrieve.protocols import Progress
from georetrieve.search.tracing import traced_specimens
from georetrieve.sources.cut import CutOptions, with_margin
from georetrieve.sources.members import member_files
from georetrieve.sources.opening import open_raster
from georetrieve.sources.options import ReadOptions
from georetrieve.sources.tracing import Ring, match_traces
from georetrieve.stores.drawn import DrawnOutlines
from georetrieve.stores.items import Key
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.schema import sql_literal
from georetrieve.types import Axis, ItemKind, Region

__all__ = [
    "ItemOutline",
    "Rings",
    "find_file",
    "outlines_of",
    "rows_by_file",
    "slide_outlines",
]

Rings: TypeAlias = tuple[Ring, ...]

MEASURES = {
    "area_um2": "Area µm^2",
    "length_um": "Length µm",
    "predicted_probability": "Predicted probability",
}
"""Columns that are told of an item, by what QuPath calls the like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemOutline:
    """Where an item lies on its file.

    Attributes:
        id: Of the item.
        kind: What it is.
        rings: Rings of (x, y), level-0 pixels, the outer one first; the first point of a ring is
            not repeated at its end, so that a box has four.
        region: Its box, of a volume with the slice.
        label: Class name; None when unlabelled.
        predicted: Class a probe gave it; None without one.
        traced: The rings follow the specimen, traced or drawn; otherwise they are the box.
        measures: Name with unit → value.
    """

    id: str
    kind: ItemKind = "specimen"
    rings: Rings
    region: Region
    label: str | None = None
    predicted: str | None = None
    traced: bool = False
    measures: Mapping[str, float] = field(default_factory=dict)


def find_file(store: IndexStore, name: str) -> Key:
    """(source, path) of a file of the index.

    Args:
        store: The index.
        name: Path below the source folder, with ``key:`` in front where it is not the first one;
            or the file's name alone, where no other file is called so.

    Raises:
        StoreError: There is no such file, or several.
    """
    read = {key for key, record in store.files().items() if record.status != "failed"}
    every = sorted({*store.item_counts(), *read})
    keys = {f"{source}:{path}" if source else path: (source, path) for source, path in every}
    if name in keys:
        return keys[name]
    alike = [one for one in keys if one.rpartition("/")[2] == name]
    if len(alike) == 1:
        return keys[alike[0]]
    if alike:
        raise StoreError(f"{name!r} may be any of {', '.join(sorted(alike)[:3])}; name it in full.")
    raise StoreError(
        f"Index {store.manifest.name!r} has not read a file {name!r}.{did_you_mean(name, keys)}"
    )


def slide_outlines(
    store: IndexStore,
    source: str,
    path: str,
    *,
    slice_index: int | None = None,
    axis: Axis | None = None,
    trace: bool = False,
    progress: Progress | None = None,
) -> list[ItemOutline]:
    """The items of a file, from the top down, then from the left.

    What somebody drew by hand keeps the outline it was drawn with, traced or not.

    Args:
        store: The index.
        source: Key of the source folder.
        path: Of the file below it.
        slice_index: Of a volume: only items of this slice.
        axis: Of a volume: what the slice is perpendicular to.
        trace: Find the outlines of specimens on the slide, which takes as long as cutting it did,
            or a moment where that was done before. A specimen that is not found again keeps its
            box. Tiles, slices and whole images have no outline but the box.
        progress: Told how far tracing is.

    Raises:
        SourceError: The file is gone or cannot be read, where it has to be: to trace, or to know
            how large a whole image is.
    """
    where = f"source = {sql_literal(source)} AND path = {sql_literal(path)}"
    if slice_index is not None:
        where += f" AND slice_index = {int(slice_index)} AND axis = {sql_literal(axis or 'z')}"
    rows = store.scan(_columns(store), where).to_pylist()
    return outlines_of(store, (source, path), rows, trace=trace, progress=progress)


def rows_by_file(store: IndexStore) -> Iterator[tuple[Key, list[dict[str, Any]]]]:
    """Every file of an index with what :func:`outlines_of` has to know of its items."""
    table = store.scan(["source", "path", *_columns(store)])
    table = table.sort_by([("source", "ascending"), ("path", "ascending")])
    keys = zip(*(table.column(name).to_pylist() for name in ("source", "path")), strict=True)
    start = 0
    for key, same in itertools.groupby(keys):
        count = sum(1 for _ in same)
        yield key, table.slice(start, count).to_pylist()
        start += count


def outlines_of(
    store: IndexStore,
    key: Key,
    rows: Sequence[Mapping[str, Any]],
    *,
    trace: bool = False,
    progress: Progress | None = None,
) -> list[ItemOutline]:
    """The items of a file; see :func:`slide_outlines`.

    Args:
        store: The index.
        key: Source and path of the file.
        rows: Its items.
        trace: Find the outlines of specimens.
        progress: Told how far tracing is.

    Raises:
        SourceError: The file is gone or cannot be read, where it has to be.
    """
    whole = _whole(store, key) if any(row["width"] is None for row in rows) else None
    outlines = [_outline(row, whole) for row in rows]
    outlines = _drawn(store, key, outlines)
    if trace and any(one.kind == "specimen" and not one.traced for one in outlines):
        outlines = _traced(store, key, outlines, progress)
    return sorted(outlines, key=lambda one: (one.region.y, one.region.x, one.id))


def _columns(store: IndexStore) -> list[str]:
    wanted = ["id", "kind", "x", "y", "width", "height", "slice_index", "axis", "label"]
    return wanted + [name for name in ("predicted_label", *MEASURES) if name in store.columns]


def _outline(row: Mapping[str, Any], whole: Region | None) -> ItemOutline:
    region = whole
    if row["width"] is not None:
        box = (row["x"], row["y"], row["width"], row["height"])
        region = Region(*box, row["slice_index"], row["axis"])
    assert region is not None  # what has no box of its own is a whole image
    measures = {
        name: float(row[column])
        for column, name in MEASURES.items()
        if isinstance(row.get(column), int | float)
    }
    return ItemOutline(
        id=row["id"],
        kind=row["kind"],
        rings=(_corners(region),),
        region=region,
        label=row["label"] or None,
        predicted=row.get("predicted_label") or None,
        measures=measures,
    )


def _corners(region: Region) -> Ring:
    left, top, right, bottom = region.box
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def _whole(store: IndexStore, key: Key) -> Region:
    source, path = key
    root = next(Path(one.root) for one in store.manifest.sources if one.key == source)
    reading = ReadOptions.from_json(store.manifest.reading)
    try:
        with open_raster(member_files(root, path), reading) as raster:
            return Region(0, 0, *raster.size)
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror or error}).") from error


def _drawn(store: IndexStore, key: Key, outlines: list[ItemOutline]) -> list[ItemOutline]:
    drawn = DrawnOutlines(store.path).of(key)
    if not drawn:
        return outlines
    margin = CutOptions.from_json(store.manifest.cutting).margin
    rings = {with_margin(one.box, one.canvas, margin): one.ring for one in drawn}
    return [
        replace(one, rings=(rings[one.region],), traced=True)
        if one.kind == "specimen" and one.region in rings
        else one
        for one in outlines
    ]


def _traced(
    store: IndexStore,
    key: Key,
    outlines: Sequence[ItemOutline],
    progress: Progress | None,
) -> list[ItemOutline]:
    traces = traced_specimens(store, *key, progress=progress)
    rings = match_traces([one.region for one in outlines], traces)
    return [
        one if one.traced or ring is None else replace(one, rings=(ring,), traced=True)
        for one, ring in zip(outlines, rings, strict=True)
    ]
