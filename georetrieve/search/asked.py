"""What the parts of a query stand for: pixels, files of the index, items spelt alike."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from PIL import Image

from georetrieve.errors import SourceError, StoreError
from georetrieve.search.query import QueryImage
from georetrieve.sources.cut import LARGEST_READ_PX
from georetrieve.sources.members import member_files
from georetrieve.sources.opening import open_raster
from georetrieve.sources.options import ReadOptions
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest
from georetrieve.stores.schema import sql_literal
from georetrieve.types import Region

__all__ = ["indexed_file", "read_files", "read_query", "region_beside", "similar_ids"]

SUGGESTED_FROM = 20_000  # ids compared with one that was mistyped


def read_query(part: QueryImage, reading: ReadOptions) -> Image.Image:
    """The pixels of an image or a region, as RGB, no larger than items are read.

    Raises:
        SourceError: The file cannot be read or used, or the region lies outside.
    """
    path = part.path.expanduser()
    # The slices of a volume are one thing to look at, as they were when they were indexed.
    files = member_files(path.parent, path.name) if "*" in path.name else [path]
    return read_files(files, part.region, reading)


def read_files(files: Sequence[Path], region: Region | None, reading: ReadOptions) -> Image.Image:
    """The same of the files that are one image, slide or volume.

    Raises:
        SourceError: They cannot be read or used, or the region lies outside.
    """
    try:
        with open_raster(files, reading) as raster:
            region = region or Region(0, 0, *raster.size)
            shrink = max(region.width, region.height) / LARGEST_READ_PX
            if shrink <= 1:
                return raster.read(region)
            size = (max(1, round(region.width / shrink)), max(1, round(region.height / shrink)))
            return raster.read(region, size)
    except OSError as error:
        raise SourceError(
            f"{files[0]} cannot be read ({error.strerror or error}); check the file and your "
            "rights to it."
        ) from error


def indexed_file(part: QueryImage, manifest: Manifest) -> tuple[str, str] | None:
    """(source, path) a file would be indexed under; None outside the source folders."""
    file = part.path.expanduser().resolve()
    for source in manifest.sources:
        root = Path(source.root)
        base = root.parent if root == file else root
        if file.is_relative_to(base):
            return source.key, file.relative_to(base).as_posix()
    return None


def region_beside(
    store: IndexStore, one: str, region: Region, *, weight: float = 1.0
) -> QueryImage:
    """A region of the file that an item was cut from, as part of a query.

    Args:
        store: The index.
        one: Id of the item.
        region: In level-0 pixels of the file. One that names no slice of a volume is taken from
            the slice of the item.
        weight: Positive for more of it, negative for less.

    Raises:
        StoreError: There is no such item, or its source folder is not in the manifest.
    """
    columns = ["source", "path", "slice_index", "axis"]
    row = store.take([one], columns).to_pylist()[0]
    roots = {source.key: Path(source.root) for source in store.manifest.sources}
    if row["source"] not in roots:
        raise StoreError(f"The source folder {row['source']!r} is not in the manifest.")
    if region.axis is None and row["axis"] is not None:
        region = replace(region, index=row["slice_index"], axis=row["axis"])
    root = roots[row["source"]]
    return QueryImage(root if root.is_file() else root / row["path"], region, weight)


def similar_ids(store: IndexStore, one: str) -> str:
    """A question with the ids spelt most alike, those of the same file name first; "" if none."""
    path = one.rpartition("#")[0] or one
    name = sql_literal(PurePosixPath(path).stem)
    ids = store.scan(["id"], f"contains(id, {name})", limit=SUGGESTED_FROM)
    if not ids.num_rows:
        ids = store.scan(["id"], limit=SUGGESTED_FROM)
    near = difflib.get_close_matches(one, ids.column("id").to_pylist(), n=3, cutoff=0.5)
    return f" Did you mean {', '.join(map(repr, near))}?" if near else ""
