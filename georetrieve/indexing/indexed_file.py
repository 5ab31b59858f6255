"""A file of an index on disk, as long as it is what its items were cut from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from georetrieve.errors import SourceError
from georetrieve.indexing.pipeline import FileJob
from georetrieve.protocols import Raster
from georetrieve.sources.folder import SourceFile, content_hash, walk
from georetrieve.sources.opening import open_raster
from georetrieve.sources.options import ReadOptions
from georetrieve.stores.items import Key
from georetrieve.stores.lance import IndexStore

__all__ = ["indexed_file", "open_indexed"]


def indexed_file(store: IndexStore, key: Key) -> FileJob:
    """A file as it is on disk, if it is what its items were cut from.

    Args:
        store: The index.
        key: Source and path of the file.

    Raises:
        SourceError: It is not, or is gone.
    """
    source, path = key
    record = store.files().get(key)
    root = next((one.root for one in store.manifest.sources if one.key == source), None)
    if record is None or root is None:
        raise SourceError(
            f"Index {store.manifest.name!r} has not read a file {path!r}; index it first."
        )
    file = _on_disk(Path(root), path, ReadOptions.from_json(store.manifest.reading))
    remedy = f"bring the index up to date first: georetrieve index {root} --index {store.path}"
    if file is None:
        raise SourceError(
            f"{path} is not there any more, so nothing can be cut from it; bring it back."
        )
    try:
        same = (file.size, file.mtime_ns) == (record.size, record.mtime_ns)
        digest = record.content_hash if same else content_hash(file)
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror or error}).") from error
    if not digest or digest != record.content_hash:
        raise SourceError(f"{path} has changed since it was indexed; {remedy}")
    return FileJob(file, source, digest)


def _on_disk(root: Path, path: str, reading: ReadOptions) -> SourceFile | None:
    """A file as the walk over its source folder finds it; only its own folder is looked at."""
    whole = root if root.is_file() else root / path
    if not whole.parent.is_dir():
        return None
    if root.is_file():
        found = walk(root).files
    else:
        found = walk(whole.parent, recursive=False, volumes=reading.volumes).files
    name = path.rpartition("/")[2]
    return next((replace(one, path=path) for one in found if one.path == name), None)


def open_indexed(store: IndexStore, job: FileJob) -> Raster:
    """The file, to be closed by the caller, read as the index reads.

    Raises:
        SourceError: It cannot be read.
    """
    try:
        return open_raster(job.file.files, ReadOptions.from_json(store.manifest.reading))
    except OSError as error:
        raise SourceError(f"{job.file.path} cannot be read ({error.strerror or error}).") from error
