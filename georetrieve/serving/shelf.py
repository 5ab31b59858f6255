"""Pictures of an index as a viewer asks for them: thumbnails of items, tiles of their files."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from georetrieve.errors import SourceError, StoreError
from georetrieve.protocols import Raster
from georetrieve.sources.deep_zoom import DeepZoom
from georetrieve.sources.members import member_files
from georetrieve.sources.opening import open_raster
from georetrieve.sources.options import ReadOptions
from georetrieve.stores.items import Key
from georetrieve.stores.lance import IndexStore
from georetrieve.types import Axis

__all__ = ["FileFacts", "Shelf"]

OPEN_FILES = 8
TILES_BYTES = 64 << 20
THUMBNAILS_BYTES = 32 << 20
JPEG_QUALITY = 88
SHOWN = ("id", "source", "path", "slice_index", "axis", "content_hash", "thumbnail")


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a viewer must know of the file an item was cut from.

    Attributes:
        source: Key of the source folder.
        path: Below it.
        size: (width, height), pixels.
        levels: Of Deep Zoom.
        tile_px: Side of a tile.
        um_per_px: Size of a pixel, micrometres; None when unknown.
        index: Of a volume: the item's slice.
        axis: Of a volume: what the slice is perpendicular to.
    """

    source: str
    path: str
    size: tuple[int, int]
    levels: int
    tile_px: int
    um_per_px: float | None
    index: int | None
    axis: Axis | None


@dataclass
class _Opened:
    raster: Raster
    users: int = 0
    wanted: bool = True


@dataclass
class _Kept:
    """Bytes by key, the ones used longest ago forgotten first."""

    most: int
    size: int = 0
    rows: OrderedDict[tuple[object, ...], bytes] = field(default_factory=OrderedDict)

    def get(self, key: tuple[object, ...]) -> bytes | None:
        found = self.rows.get(key)
        if found is not None:
            self.rows.move_to_end(key)
        return found

    def put(self, key: tuple[object, ...], data: bytes) -> None:
        self.size += len(data) - len(self.rows.pop(key, b""))
        self.rows[key] = data
        while self.size > self.most and self.rows:
            _, gone = self.rows.popitem(last=False)
            self.size -= len(gone)


class Shelf:
    """The pictures of one index; thread-safe.

    Files are named by the id of an item that was cut from them, never by a path: what is not in the
    index cannot be asked for. A few files are kept open and some tens of megabytes of tiles in
    memory, whatever the size of the slides.

    Args:
        store: The index.
    """

    def __init__(self, store: IndexStore) -> None:
        self._store, self._stamp = store, store.stamp(SHOWN)
        self._reading = ReadOptions.from_json(store.manifest.reading)
        self._roots = {source.key: Path(source.root) for source in store.manifest.sources}
        self._lock = threading.Lock()
        self._open: OrderedDict[Key, _Opened] = OrderedDict()
        self._tiles, self._thumbnails = _Kept(TILES_BYTES), _Kept(THUMBNAILS_BYTES)

    def follow(self, store: IndexStore) -> bool:
        """Go on with another version of the index, where what is shown of it is the same.

        Labels that were given change nothing here: files stay open, and tiles are kept.

        Returns:
            Whether it is; if not, make another shelf.
        """
        same = store.manifest == self._store.manifest and store.stamp(SHOWN) == self._stamp
        if same:
            self._store = store
        return same

    def thumbnail(self, one: str) -> bytes:
        """The WebP thumbnail of an item; b"" where it has none.

        Raises:
            StoreError: There is no such item.
        """
        with self._lock:
            found = self._thumbnails.get((one,))
        if found is None:
            found = self._store.take([one], ["thumbnail"]).column("thumbnail")[0].as_py() or b""
            with self._lock:
                self._thumbnails.put((one,), found)
        return found

    def facts(self, one: str) -> FileFacts:
        """Of the file an item was cut from.

        Raises:
            StoreError: There is no such item.
            SourceError: The file is gone or cannot be read.
        """
        row = self._row(one)
        with self._raster(row) as raster:
            zoom = self._zoom(raster, row)
            return FileFacts(
                source=str(row["source"]),
                path=str(row["path"]),
                size=raster.size,
                levels=zoom.levels,
                tile_px=zoom.tile_px,
                um_per_px=raster.um_per_px,
                index=zoom.index,
                axis=zoom.axis,
            )

    def tile(self, one: str, level: int, column: int, row: int) -> bytes:
        """A JPEG tile of the file an item was cut from; see :class:`DeepZoom`.

        Raises:
            StoreError: There is no such item.
            SourceError: There is no such tile, or the file is gone or cannot be read.
        """
        facts = self._row(one)
        place = (facts["source"], facts["path"], facts["slice_index"], facts["axis"])
        key = (*place, level, column, row)
        with self._lock:
            found = self._tiles.get(key)
        if found is not None:
            return found
        with self._raster(facts) as raster:
            picture = self._zoom(raster, facts).tile(level, column, row)
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=JPEG_QUALITY)
        with self._lock:
            self._tiles.put(key, buffer.getvalue())
        return buffer.getvalue()

    def close(self) -> None:
        """Close the files; those being read are closed when that is done."""
        with self._lock:
            for key in list(self._open):
                self._let_go(key)

    def _row(self, one: str) -> dict[str, object]:
        columns = ["source", "path", "slice_index", "axis"]
        row: dict[str, object] = self._store.take([one], columns).to_pylist()[0]
        return row

    @staticmethod
    def _zoom(raster: Raster, row: dict[str, object]) -> DeepZoom:
        index, axis = row["slice_index"], row["axis"]
        if raster.depth > 1 and index is None:
            index, axis = 0, "z"
        return DeepZoom(raster, index=index, axis=axis)  # type: ignore[arg-type]

    @contextmanager
    def _raster(self, row: dict[str, object]) -> Iterator[Raster]:
        opened = self._borrow((str(row["source"]), str(row["path"])))
        try:
            yield opened.raster
        finally:
            with self._lock:
                opened.users -= 1
                if not opened.users and not opened.wanted:
                    opened.raster.close()

    def _borrow(self, key: Key) -> _Opened:
        root = self._roots.get(key[0])
        if root is None:
            raise StoreError(f"The source folder {key[0]!r} is not in the manifest.")
        with self._lock:
            opened = self._open.get(key)
            if opened is None:
                opened = self._open[key] = _Opened(_opened(root, key[1], self._reading))
            opened.users += 1
            self._open.move_to_end(key)
            while len(self._open) > OPEN_FILES:
                self._let_go(next(iter(self._open)))
        return opened

    def _let_go(self, key: Key) -> None:
        opened = self._open.pop(key)
        opened.wanted = False
        if not opened.users:
            opened.raster.close()


def _opened(root: Path, path: str, reading: ReadOptions) -> Raster:
    try:
        return open_raster(member_files(root, path), reading)
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror or error}).") from error
