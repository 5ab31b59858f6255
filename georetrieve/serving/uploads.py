"""Files that one visitor of the page has sent: kept for a while, under names made here, bounded."""

from __future__ import annotations

import contextlib
import hashlib
import io
import secrets
import shutil
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from georetrieve.errors import GeoRetrieveError, SourceError, StoreError
from georetrieve.protocols import Raster
from georetrieve.serving.shelf import JPEG_QUALITY, FileFacts
from georetrieve.sources.cut import LARGEST_READ_PX
from georetrieve.sources.deep_zoom import DeepZoom
from georetrieve.sources.open_files import OpenFiles
from georetrieve.sources.opening import open_raster
from georetrieve.sources.options import ReadOptions
from georetrieve.sources.raster import check_pixels
from georetrieve.sources.thumbnails import thumbnail
from georetrieve.types import Region

__all__ = ["Upload", "UploadTray"]

SHOWN_PX = 512  # of an upload that is large, for its thumbnail
SHOWN_NAME = 80
OPEN_FILES = 2
OPTION = ", or raise max_pixels (--max-pixels)"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent, and can be read.

    Attributes:
        token: Names it; nobody can guess it.
        name: What its sender called it, for messages; never a path here.
        path: Where it lies.
        size_px: (width, height).
        um_per_px: Size of a pixel, micrometres; None when unknown.
    """

    token: str
    name: str
    path: Path
    size_px: tuple[int, int]
    um_per_px: float | None


@dataclass(frozen=True, slots=True)
class _Kept:
    upload: Upload
    digest: bytes
    n_bytes: int
    thumbnail: bytes


class UploadTray:
    """Uploads of one visitor, and the shelf a viewer shows them from; thread-safe.

    What a file is, its bytes say. It is looked at before it is decoded: what would have to be
    decoded whole, to be seen whole, is refused above ``max_pixels``, however little it takes when
    compressed; whole slides with an overview are read by region and may be of any size. What was
    sent longest ago goes first, and everything with the tray or the process.

    Args:
        max_mb: Largest file, MiB.
        max_files: Most files kept.
        max_total_mb: Most kept together, MiB.
        max_pixels: Most pixels that are decoded to see an image whole.
    """

    def __init__(
        self,
        *,
        max_mb: int = 64,
        max_files: int = 24,
        max_total_mb: int = 512,
        max_pixels: int = 100_000_000,
    ) -> None:
        self.max_mb, self.max_files = max_mb, max_files
        self._max_bytes = max(max_mb, max_total_mb) << 20
        self._reading = ReadOptions(max_pixels=max_pixels)
        self._folder = Path(tempfile.mkdtemp(prefix="georetrieve-uploads-"))
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._rasters: OpenFiles[Raster] = OpenFiles(OPEN_FILES)
        self._gone = weakref.finalize(self, _forget, self._rasters, self._folder)

    def take(self, name: str, data: bytes) -> Upload:
        """Keep a file; the same bytes once.

        Args:
            name: What its sender calls it; only for messages.
            data: An image, or a whole slide, as bytes.

        Raises:
            SourceError: It is too large, no image, damaged, or a volume; the message says which.
        """
        shown = _shown(name)
        if len(data) > self.max_mb << 20:
            raise SourceError(
                f"{shown} has {len(data) / (1 << 20):,.0f} MiB; more than {self.max_mb} are not "
                "taken. Send a smaller copy, or put the file into a folder and index that."
            )
        digest = hashlib.sha256(data).digest()
        with self._lock:
            for token, kept in self._kept.items():
                if kept.digest == digest:
                    self._kept.move_to_end(token)
                    return kept.upload
        token = secrets.token_hex(12)
        path = self._folder / token
        path.write_bytes(data)
        try:
            upload, small = self._looked_at(token, shown, path)
        except BaseException:
            path.unlink()
            raise
        with self._lock:
            self._kept[token] = _Kept(upload, digest, len(data), small)
            self._make_room()
        return upload

    def get(self, token: str) -> Upload:
        """An upload.

        Raises:
            StoreError: There is none of this token, or no longer.
        """
        return self._held(token).upload

    def __contains__(self, token: object) -> bool:
        return token in self._kept

    def thumbnail(self, one: str) -> bytes:
        """See :class:`~georetrieve.serving.pictures.PictureShelf`; ``one`` is a token."""
        return self._held(one).thumbnail

    def facts(self, one: str) -> FileFacts:
        """See :class:`~georetrieve.serving.pictures.PictureShelf`; ``path`` is the sender's name.

        Raises:
            StoreError: There is none of this token.
            SourceError: It cannot be read.
        """
        upload = self.get(one)
        with self._raster(upload) as raster:
            zoom = DeepZoom(raster)
            return FileFacts(
                source="",
                path=upload.name,
                size=upload.size_px,
                levels=zoom.levels,
                tile_px=zoom.tile_px,
                um_per_px=upload.um_per_px,
                index=None,
                axis=None,
            )

    def tile(self, one: str, level: int, column: int, row: int) -> bytes:
        """See :class:`~georetrieve.serving.pictures.PictureShelf`.

        Raises:
            StoreError: There is none of this token.
            SourceError: There is no such tile, or it cannot be read.
        """
        with self._raster(self.get(one)) as raster:
            picture = DeepZoom(raster).tile(level, column, row)
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=JPEG_QUALITY)
        return buffer.getvalue()

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
        self._gone()

    def _held(self, token: str) -> _Kept:
        with self._lock:
            if token not in self._kept:
                raise StoreError(
                    "This upload is no longer kept, or was made in another window; send the file "
                    "again."
                )
            return self._kept[token]

    def _looked_at(self, token: str, shown: str, path: Path) -> tuple[Upload, bytes]:
        try:
            with open_raster(path, self._reading) as raster:
                self._check(raster, path.name)
                small = _small(raster)
                return Upload(token, shown, path, raster.size, raster.um_per_px), small
        except GeoRetrieveError as error:
            # Its sender knows the file by another name, and has no options to set.
            line = str(error).replace(str(path), shown).replace(path.name, shown)
            raise type(error)(line.replace(OPTION, "")) from error

    def _check(self, raster: Raster, name: str) -> None:
        """Refuse what cannot be seen whole at a reasonable cost."""
        if raster.kind == "volume":
            raise SourceError(
                f"{name} is a stack of {raster.depth} slices; send one of them, or index the stack."
            )
        # Shrunk images are read from the coarsest level that is fine enough.
        fine = [level for level in raster.levels if max(level) >= LARGEST_READ_PX]
        check_pixels(name, fine[-1] if fine else raster.size, self._reading)

    def _make_room(self) -> None:
        """Let the oldest go; the caller holds the lock."""
        while len(self._kept) > 1 and (
            len(self._kept) > self.max_files
            or sum(kept.n_bytes for kept in self._kept.values()) > self._max_bytes
        ):
            _, old = self._kept.popitem(last=False)
            with contextlib.suppress(OSError):  # open elsewhere: it goes with the folder
                old.upload.path.unlink()

    @contextmanager
    def _raster(self, upload: Upload) -> Iterator[Raster]:
        with self._rasters.borrow(
            upload.token, lambda: open_raster(upload.path, self._reading)
        ) as raster:
            yield raster


def _forget(rasters: OpenFiles[Raster], folder: Path) -> None:
    rasters.close()
    shutil.rmtree(folder, ignore_errors=True)


def _small(raster: Raster) -> bytes:
    width, height = raster.size
    shrink = max(1.0, max(width, height) / SHOWN_PX)
    size = (max(1, round(width / shrink)), max(1, round(height / shrink)))
    return thumbnail(raster.read(Region(0, 0, width, height), size))


def _shown(name: str) -> str:
    """The end of a name, one line of it; browsers send names, others may send anything."""
    line = " ".join(name.replace("\\", "/").rpartition("/")[2].split()) or "The upload"
    return line if len(line) <= SHOWN_NAME else "…" + line[1 - SHOWN_NAME :]
