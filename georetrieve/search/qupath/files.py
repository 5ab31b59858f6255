"""GeoJSON files of the items of an index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from georetrieve.errors import SourceError, StoreError
from georetrieve.protocols import Progress
from georetrieve.search.outlines import (
    ItemOutline,
    find_file,
    outlines_of,
    rows_by_file,
    slide_outlines,
)
from georetrieve.search.qupath.objects import class_colours, outlines_geojson
from georetrieve.stores.items import Key
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import write_text_atomically
from georetrieve.types import Axis

__all__ = ["WrittenOutlines", "write_outlines"]

ENDING = ".geojson"


@dataclass(slots=True)
class WrittenOutlines:
    """What was written.

    Attributes:
        files: The files.
        items: Number of items in them.
        traced: Number of those whose outline was traced.
        failed: (path, reason) of every file whose items were not written.
    """

    files: list[Path] = field(default_factory=list)
    items: int = 0
    traced: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)

    def add(self, path: Path, outlines: Sequence[ItemOutline], text: str) -> None:
        """Write a file, and count.

        Raises:
            StoreError: It cannot be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{path.parent} cannot be made ({error.strerror}).") from error
        write_text_atomically(path, text)
        self.files.append(path)
        self.items += len(outlines)
        self.traced += sum(one.traced for one in outlines)


def write_outlines(
    store: IndexStore,
    out: Path,
    *,
    file: str | None = None,
    at: tuple[Axis, int] | None = None,
    trace: bool = True,
    detections: bool = False,
    progress: Progress | None = None,
) -> WrittenOutlines:
    """Write the items of a file, or of every file of an index, as GeoJSON for QuPath.

    Args:
        store: The index.
        out: A file, or a folder, in which each is called as the image with ``.geojson`` after it.
        file: See :func:`~georetrieve.search.outlines.find_file`; all of the index by default.
        at: Axis and number of a slice where ``file`` is a volume: QuPath has none.
        trace: See :func:`~georetrieve.search.outlines.slide_outlines`.
        detections: See :func:`~georetrieve.search.qupath.outlines_geojson`.
        progress: Told how far it is.

    Raises:
        StoreError: There is no such file in the index, or a file cannot be written.
        SourceError: The one file that is asked for cannot be read, or is a volume.
    """
    done = WrittenOutlines()
    colours = class_colours(_classes(store))
    if file is not None:
        axis, number = at or (None, None)
        key = find_file(store, file)
        outlines = slide_outlines(
            store, *key, slice_index=number, axis=axis, trace=trace, progress=progress
        )
        if not outlines:
            part = f"slice {axis}={number} of {key[1]}" if at else key[1]
            raise SourceError(f"There are no items on {part}.")
        text = outlines_geojson(outlines, colours=colours, detections=detections)
        named = out.suffix.lower() in (ENDING, ".json")
        done.add(out if named else _place(out, key, at), outlines, text)
        return done
    if progress:
        progress.start("writing outlines", len(store.item_counts()), "files")
    for key, rows in rows_by_file(store):
        try:
            outlines = outlines_of(store, key, rows, trace=trace)
            text = outlines_geojson(outlines, colours=colours, detections=detections)
            done.add(_place(out, key), outlines, text)
        except SourceError as error:
            done.failed.append((key[1], str(error)))
        if progress:
            progress.advance()
    if progress:
        progress.finish()
    return done


def _classes(store: IndexStore) -> Iterator[str | None]:
    """Class of every item, so that one has the same colour in every file."""
    further = [name for name in ("predicted_label",) if name in store.columns]
    for row in store.scan(["label", *further]).to_pylist():
        yield row["label"] or row.get("predicted_label")


def _place(folder: Path, key: Key, at: tuple[Axis, int] | None = None) -> Path:
    """Where the file of an image lies below a folder.

    Raises:
        SourceError: It would lie outside, as only an index that was tampered with can say.
    """
    inner = PurePosixPath(*key)
    if inner.is_absolute() or ".." in inner.parts:
        raise SourceError(f"{key[1]!r} is no path below a folder, so nothing is written for it.")
    end = "" if at is None else f".{at[0]}{at[1]}"
    return folder / inner.with_name(inner.name.replace("*", "_") + end + ENDING)
