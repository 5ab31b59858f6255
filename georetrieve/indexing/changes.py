"""What changed on disk since the ledger was written, told from sizes, times and digests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from georetrieve.errors import SourceError
from georetrieve.indexing.pipeline import FileJob
from georetrieve.protocols import Progress
from georetrieve.sources.folder import SourceFile, content_hash
from georetrieve.types import FileRecord

__all__ = ["Changes", "find_changes"]

Key = tuple[str, str]


@dataclass(slots=True)
class Changes:
    """The difference between a source folder and the ledger.

    Attributes:
        jobs: Files to read: new, changed, half done, or failed and to be tried again.
        moved: Old key → new ledger row, for files found under another name with the same content.
        records: Ledger rows to write as they are: files whose time changed but not their content,
            moved ones, and those that cannot even be hashed.
        unchanged: Number of files that need nothing.
        missing: Keys in the ledger whose file is gone.
    """

    jobs: list[FileJob] = field(default_factory=list)
    moved: dict[Key, FileRecord] = field(default_factory=dict)
    records: list[FileRecord] = field(default_factory=list)
    unchanged: int = 0
    missing: list[Key] = field(default_factory=list)


def find_changes(
    found: Iterable[SourceFile],
    source: str,
    ledger: Mapping[Key, FileRecord],
    item_counts: Mapping[Key, int],
    *,
    retry: bool,
    progress: Progress,
) -> Changes:
    """Compare the files of one source folder with the ledger.

    A file is unchanged when its size and modification time are the ledger's, and its items are all
    in the index; its content is read (for the digest) only when they are not.

    Args:
        found: The files on disk.
        source: Key of the source folder.
        ledger: Rows of the ledger by (source, path).
        item_counts: Items in the index by (source, path).
        retry: Whether files that failed before are tried again.
        progress: Told of every file whose digest is computed.
    """
    changes = Changes()
    files = {(source, file.path): file for file in found}
    changes.missing = [key for key in ledger if key[0] == source and key not in files]
    suspects: list[tuple[Key, SourceFile]] = []
    for key, file in files.items():
        record = ledger.get(key)
        if record is not None and _untouched(record, file, item_counts.get(key, 0), retry=retry):
            changes.unchanged += 1
        else:
            suspects.append((key, file))
    gone: dict[str, list[Key]] = defaultdict(list)
    for key in changes.missing:
        if ledger[key].status == "done" and ledger[key].content_hash:
            gone[ledger[key].content_hash].append(key)
    if suspects:
        progress.start("Looking for changes", len(suspects), "files")
    for key, file in suspects:
        _judge(key, file, ledger, item_counts, gone, changes, retry=retry)
        progress.advance()
    if suspects:
        progress.finish()
    moved = set(changes.moved)
    changes.missing = [key for key in changes.missing if key not in moved]
    return changes


def _untouched(record: FileRecord, file: SourceFile, items: int, *, retry: bool) -> bool:
    same = (record.size, record.mtime_ns) == (file.size, file.mtime_ns)
    return same and _settled(record, items, retry=retry)


def _settled(record: FileRecord, items: int, *, retry: bool) -> bool:
    """Whether a file with the recorded content needs no reading."""
    if record.status == "failed":
        return not retry and items == 0
    return record.items == items


def _judge(
    key: Key,
    file: SourceFile,
    ledger: Mapping[Key, FileRecord],
    item_counts: Mapping[Key, int],
    gone: dict[str, list[Key]],
    changes: Changes,
    *,
    retry: bool,
) -> None:
    record = ledger.get(key)
    try:
        digest = content_hash(file)
    except (SourceError, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        changes.records.append(
            FileRecord(
                source=key[0],
                path=key[1],
                size=file.size,
                mtime_ns=file.mtime_ns,
                status="failed",
                reason=f"{reason} (while reading the file).",
                attempts=record.attempts + 1 if record else 1,
            )
        )
        return
    if record is not None and record.content_hash == digest:
        if _settled(record, item_counts.get(key, 0), retry=retry):
            changes.records.append(replace(record, size=file.size, mtime_ns=file.mtime_ns))
            changes.unchanged += 1
            return
    elif record is None and gone.get(digest):
        old = gone[digest].pop(0)
        changes.moved[old] = replace(
            ledger[old], source=key[0], path=key[1], size=file.size, mtime_ns=file.mtime_ns
        )
        return
    changes.jobs.append(FileJob(file, key[0], digest))
