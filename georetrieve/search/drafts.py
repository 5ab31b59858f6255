"""Drafts kept with an index, so that clicks outlast the server they were given to.

A draft is one file, ``drafts/<name>.json`` in the folder of the index, and a folder of the masks it
has beside it. A file is replaced as a whole, and no table of the index is touched, so the write
lock is not needed: of two writers of one draft the last is right.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from georetrieve.errors import SourceError, StoreError, UnknownFormatError
from georetrieve.sources.masks.draft import Draft
from georetrieve.sources.masks.draft_file import draft_text, read_draft
from georetrieve.stores.manifest import write_text_atomically

__all__ = ["DRAFTS_NAME", "DraftShelf", "KeptDraft"]

DRAFTS_NAME = "drafts"
NAME = re.compile(r"[0-9a-f]{16}")
MASK_FILE = re.compile(r"[0-9a-f]{32}\.[a-z]{1,8}")
MOST_DRAFTS = 200
MOST_BYTES = 32 << 20  # of the text of one; 20,000 clicks are about two
MOST_MASK_BYTES = 256 << 20  # of the masks of one
_WRITING = threading.Lock()  # threads of a process share the name of the temporary file


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptDraft:
    """What is known of a draft without opening its masks.

    Attributes:
        name: By which it is asked for.
        when: It was kept last; ISO 8601, UTC.
        classes: How many.
        clicks: How many.
        images: Of which something is said, in the order that was done.
    """

    name: str
    when: str
    classes: int
    clicks: int
    images: tuple[str, ...]


class DraftShelf:
    """The drafts of an index.

    Args:
        index: Its folder.
    """

    def __init__(self, index: Path) -> None:
        self._folder = index / DRAFTS_NAME

    @staticmethod
    def new_name() -> str:
        """A name no other draft has."""
        return secrets.token_hex(8)

    def keep(self, name: str, draft: Draft) -> None:
        """Keep a draft instead of what was kept under its name; an empty one is not kept.

        Raises:
            StoreError: The name is none, the draft is too large, there are too many, or the folder
                cannot be written to. What was kept before is as it was.
        """
        place = self._place(name)
        with _WRITING:
            if not draft.classes:
                self._remove(place)
                return
            if not place.exists() and len(self._places()) >= MOST_DRAFTS:
                raise StoreError(
                    f"{self._folder} holds {MOST_DRAFTS} drafts, and no more are kept; open those "
                    "that have served and clear them."
                )
            try:
                files = self._keep_masks(place, draft)
            except OSError as error:
                raise _cannot("written", place, error) from error
            text = draft_text(draft, files, when=datetime.now(UTC).isoformat(timespec="seconds"))
            if len(text) > MOST_BYTES:
                raise StoreError(
                    f"The clicks are {len(text) >> 20} MiB, and {MOST_BYTES >> 20} are kept at "
                    "most; save them as a CSV."
                )
            write_text_atomically(place, text)
            self._forget_masks(place, set(files.values()))

    def read(self, name: str, into: Path) -> Draft | None:
        """A draft as it was kept last; None where none is.

        A file that cannot be read is set aside under another name, and nothing of it is lost.

        Args:
            name: From anywhere.
            into: Folder its masks are copied to, so that the draft stays whole whatever is kept
                later.

        Raises:
            StoreError: It is damaged, or of a newer version; what can be done is said.
        """
        if not NAME.fullmatch(name):
            return None
        place = self._place(name)
        masks = place.with_suffix("")

        def file(called: str) -> Path:
            if not MASK_FILE.fullmatch(called):
                raise SourceError(f"{called[:40]!r} in it is no file of a mask")
            return Path(shutil.copyfile(masks / called, into / called))

        try:
            return read_draft(_text_of(place), file)[0]
        except UnknownFormatError as error:
            raise StoreError(
                f"The clicks kept in {place} are of another version of georetrieve: {error}. The "
                "file stays as it is; open it with the version that wrote it, or begin anew."
            ) from error
        except FileNotFoundError as error:
            if not place.exists():
                return None
            raise self._set_aside(place, error) from error
        except SourceError as error:
            raise self._set_aside(place, error) from error
        except OSError as error:
            raise _cannot("read", place, error) from error

    def listing(self) -> list[KeptDraft]:
        """What is kept, the last first; what cannot be read is left out."""
        kept = [_glance(str(one), one.stat().st_mtime_ns) for one in self._places()]
        return sorted((one for one in kept if one), key=lambda one: (one.when, one.name))[::-1]

    def _place(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise StoreError(f"{name[:40]!r} is no name of a draft; these have 16 digits.")
        return self._folder / f"{name}.json"

    def _places(self) -> list[Path]:
        return [one for one in self._folder.glob("*.json") if NAME.fullmatch(one.stem)]

    def _keep_masks(self, place: Path, draft: Draft) -> dict[Path, str]:
        """Copy the files of masks that are not there yet; what each is called there."""
        self._folder.mkdir(exist_ok=True)
        sizes = sum(one.file.stat().st_size for one in draft.masks)
        if sizes > MOST_MASK_BYTES:
            raise StoreError(
                f"The masks are {sizes >> 20} MiB, and {MOST_MASK_BYTES >> 20} are kept at most; "
                "keep their files, and load them again."
            )
        files = {}
        for one in draft.masks:
            stat = one.file.stat()
            digest = _digest(str(one.file), stat.st_mtime_ns, stat.st_size)
            name = files[one.file] = digest + one.file.suffix.lower()
            folder = place.with_suffix("")
            if not (folder / name).exists():
                folder.mkdir(exist_ok=True)
                unfinished = folder / f".{name}.tmp"
                shutil.copyfile(one.file, unfinished)
                unfinished.replace(folder / name)
        return files

    def _forget_masks(self, place: Path, wanted: set[str]) -> None:
        """Masks the draft has no longer; they do no harm where they cannot be taken away."""
        folder = place.with_suffix("")
        if not wanted:
            shutil.rmtree(folder, ignore_errors=True)
            return
        for one in folder.iterdir():
            if one.name not in wanted:
                one.unlink(missing_ok=True)

    def _remove(self, place: Path) -> None:
        try:
            place.unlink(missing_ok=True)
        except OSError as error:
            raise _cannot("taken away", place, error) from error
        shutil.rmtree(place.with_suffix(""), ignore_errors=True)

    def _set_aside(self, place: Path, why: Exception) -> StoreError:
        """Give a damaged file another name; the error that says so."""
        aside = place.with_name(f"{place.stem}-{secrets.token_hex(2)}.damaged")
        try:
            place.replace(aside)
        except OSError as error:
            return StoreError(
                f"The clicks kept in {place} cannot be read: {why}. The file stays as it is "
                f"({error.strerror or error}); begin anew, or load clicks from a CSV."
            )
        return StoreError(
            f"The clicks kept in {place} cannot be read: {why}. The file was set aside as "
            f"{aside.name}; begin anew, or load clicks from a CSV."
        )


def _text_of(place: Path) -> str:
    size = place.stat().st_size
    if size > MOST_BYTES:
        raise SourceError(f"it is {size >> 20} MiB large")
    try:
        return place.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SourceError(f"it is no text ({error})") from error


@lru_cache(maxsize=2 * MOST_DRAFTS)
def _glance(place: str, changed_ns: int) -> KeptDraft | None:
    """What a file holds, as long as it does not change; None where it cannot be read."""
    try:
        draft, when = read_draft(_text_of(Path(place)), Path)
    except (SourceError, OSError):
        return None  # said when it is opened
    return KeptDraft(
        name=Path(place).stem,
        when=when,
        classes=len(draft.classes),
        clicks=len(draft.clicks),
        images=draft.images,
    )


@lru_cache(maxsize=256)
def _digest(path: str, changed_ns: int, size: int) -> str:
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:32]


def _cannot(what: str, place: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{place} cannot be {what} ({error.strerror or error}); mend access, or save the clicks as "
        "a CSV."
    )
