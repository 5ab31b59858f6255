"""One writer at a time, by a lock that the system releases when its owner ends, however it ends."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from georetrieve.errors import IndexLockedError, IndexNotFoundError, StoreError
from georetrieve.stores.manifest import write_text_atomically

__all__ = ["LOCK_NAME", "OWNER_NAME", "lock_owner", "write_lock"]

LOCK_NAME = ".lock"
PATIENCE_S = 1.0
OWNER_NAME = ".lock.json"  # beside the lock: on Windows a locked file cannot be read


@contextlib.contextmanager
def write_lock(index: Path, purpose: str) -> Iterator[None]:
    """Hold an index for writing.

    Whoever holds it for a moment, as to give a label, is waited for; who indexes is not.

    Args:
        index: Folder of the index; must exist.
        purpose: What is being done, for whoever finds the index locked.

    Raises:
        IndexLockedError: Somebody else holds it; the message names process, host and time.
        IndexNotFoundError: There is no such folder.
        StoreError: The folder cannot be written to.
    """
    if not index.is_dir():
        raise IndexNotFoundError(f"There is no folder {index} to lock; check the spelling.")
    # A soft lock (a mere file) would outlive a killed owner, so file systems without locks refuse.
    lock = FileLock(index / LOCK_NAME, timeout=PATIENCE_S, fallback_to_soft=False)
    try:
        lock.acquire(poll_interval=0.02)
    except Timeout:
        raise IndexLockedError(_refusal(index)) from None
    except OSError as error:
        raise StoreError(
            f"Index {index} cannot be locked for writing ({error.strerror or error}). It must lie "
            "on a disk that you may write to and that has file locks."
        ) from error
    try:
        owner = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
            "purpose": purpose,
        }
        write_text_atomically(index / OWNER_NAME, json.dumps(owner))
        yield
    finally:
        (index / OWNER_NAME).unlink(missing_ok=True)
        lock.release()


def lock_owner(index: Path) -> dict[str, Any] | None:
    """Who wrote itself down as the index's writer: pid, host, since, purpose; None if nobody.

    A killed writer leaves its entry behind; only the lock tells whether it still holds the index.
    """
    try:
        owner = json.loads((index / OWNER_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return owner if isinstance(owner, dict) else None


def _refusal(index: Path) -> str:
    owner = lock_owner(index) or {}
    return (
        f"Index {index} is being written by process {owner.get('pid', '?')} on "
        f"{owner.get('host', 'an unknown host')} since {owner.get('since', '?')} "
        f"({owner.get('purpose', '?')}). Wait for it to end, or stop it; what it committed is kept."
    )
