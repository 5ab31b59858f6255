"""FAISS indexes of an index's columns, kept in its folder between runs.

``cache/faiss/COLUMN-STAMP-KIND.faiss`` is FAISS's file; the ``.json`` beside it holds the facts
and the file's digest. Both may be deleted at any time. A file is read only when it is of the very
vectors that are open, which labels and other columns do not change, and undamaged; otherwise it is
built again. Each file appears whole or not at all; builders take turns, and the second finds what
the first has built. Where the folder cannot be written, an index lives in memory as long as its
process.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from georetrieve.errors import StoreError
from georetrieve.protocols import Progress
from georetrieve.stores.faiss_build import build_faiss
from georetrieve.stores.faiss_index import FaissFacts, FaissIndex, FaissKind, faiss_library
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import write_text_atomically
from georetrieve.stores.vectors import Snapshot
from georetrieve.types import EncoderSpec

__all__ = ["CACHE_FOLDER", "CachedFaiss", "FaissCache"]

CACHE_FOLDER = Path("cache", "faiss")
_DIGEST = "sha256"


@dataclass(frozen=True, slots=True)
class CachedFaiss:
    """A FAISS index from the cache, or put there.

    Attributes:
        index: To be searched.
        remarks: What a user should know: built anew and why, or not kept and why.
    """

    index: FaissIndex
    remarks: tuple[str, ...] = ()


class FaissCache:
    """The FAISS files of one index.

    Args:
        index: Folder of the index.
    """

    def __init__(self, index: Path) -> None:
        self.folder = index / CACHE_FOLDER

    def facts(self) -> list[FaissFacts]:
        """Facts of every file there is, also of those of earlier vectors; by name."""
        found = []
        for path in sorted(self.folder.glob("*.json")):
            with contextlib.suppress(StoreError, OSError):  # what is damaged counts as not there
                found.append(_read_facts(path)[0])
        return found

    def rows(self, store: IndexStore) -> list[dict[str, Any]]:
        """The facts as plain values, with the engine's name and whether it is of what is open."""
        stamps = {spec.column: store.stamp([spec.column]) for spec in store.manifest.encoders}
        return [
            one.to_json()
            | {"engine": f"faiss:{one.kind}", "current": one.stamp == stamps.get(one.column)}
            for one in self.facts()
        ]

    def known(self, snapshot: Snapshot, spec: EncoderSpec) -> list[FaissFacts]:
        """Facts of the files of this column as it is open."""
        return [facts for facts in self.facts() if _is_of(facts, snapshot, spec)]

    def load(self, snapshot: Snapshot, spec: EncoderSpec, kind: FaissKind) -> FaissIndex | None:
        """The index of a column as it is open, None if there is none.

        Raises:
            StoreError: There is one, but it is damaged.
        """
        sidecar = self._path(snapshot, spec, kind, ".json")
        if not sidecar.exists():
            return None
        facts, digest = _read_facts(sidecar)
        if not _is_of(facts, snapshot, spec):
            return None
        path = sidecar.with_suffix(".faiss")
        return FaissIndex(_read_index(path, digest, facts), facts)

    def obtain(
        self,
        snapshot: Snapshot,
        spec: EncoderSpec,
        kind: FaissKind,
        *,
        progress: Progress | None = None,
    ) -> CachedFaiss:
        """Load an index; build and keep it if there is none, or only a damaged one."""
        try:
            lock = self._turn(progress)
        except OSError as error:
            built = build_faiss(snapshot, spec, kind, progress=progress)
            return CachedFaiss(built, (_not_kept(self.folder, error.strerror or str(error)),))
        with lock:
            return self._load_or_build(snapshot, spec, kind, progress)

    def _load_or_build(
        self, snapshot: Snapshot, spec: EncoderSpec, kind: FaissKind, progress: Progress | None
    ) -> CachedFaiss:
        remarks: tuple[str, ...] = ()
        try:
            found = self.load(snapshot, spec, kind)
            if found is not None:
                return CachedFaiss(found)
        except StoreError as error:
            remarks = (f"{error} It was built again.",)
        built = build_faiss(snapshot, spec, kind, progress=progress)
        try:
            self._keep(built, snapshot, spec)
        except (OSError, StoreError) as error:
            remarks += (_not_kept(self.folder, str(error)),)
        return CachedFaiss(built, remarks)

    def _keep(self, built: FaissIndex, snapshot: Snapshot, spec: EncoderSpec) -> None:
        path = self._path(snapshot, spec, built.facts.kind, ".faiss")
        temporary = path.with_name(f".{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}.tmp")
        try:
            faiss_library().write_index(built.raw, str(temporary))
            digest = _digest(temporary)
            temporary.replace(path)
        except RuntimeError as error:
            raise StoreError(" ".join(str(error).split())[-200:]) from error
        finally:
            temporary.unlink(missing_ok=True)
        values = built.facts.to_json() | {_DIGEST: digest}
        write_text_atomically(path.with_suffix(".json"), json.dumps(values, indent=2) + "\n")
        self._sweep(built.facts)

    def _sweep(self, kept: FaissFacts) -> None:
        """Delete what older versions of the column left, and files that nothing describes."""
        for path in self.folder.glob(f"{kept.column}-*.json"):
            try:
                facts = _read_facts(path)[0]
            except StoreError:
                facts = None
            if facts is None or _is_older(facts, kept):
                path.unlink(missing_ok=True)
        for path in self.folder.glob(f"{kept.column}-*.faiss"):
            if not path.with_suffix(".json").exists():
                path.unlink(missing_ok=True)
        for path in self.folder.glob(".*.tmp"):  # of builders that were killed: this one is alone
            path.unlink(missing_ok=True)

    def _path(self, snapshot: Snapshot, spec: EncoderSpec, kind: FaissKind, end: str) -> Path:
        return self.folder / f"{spec.column}-{snapshot.stamp[:16]}-{kind}{end}"

    def _turn(self, progress: Progress | None) -> contextlib.AbstractContextManager[object]:
        """The right to build, alone; OSError when the folder cannot be written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / ".lock", fallback_to_soft=False)
        try:
            return lock.acquire(timeout=0)
        except Timeout:
            if progress:
                progress.say("Another process is building a FAISS index; waiting for it.")
            return lock.acquire(timeout=-1)


def _is_older(facts: FaissFacts, kept: FaissFacts) -> bool:
    return (
        facts.column == kept.column and facts.version <= kept.version and facts.stamp != kept.stamp
    )


def _is_of(facts: FaissFacts, snapshot: Snapshot, spec: EncoderSpec) -> bool:
    return (
        (facts.column, facts.fingerprint, facts.metric, facts.dim)
        == (spec.column, spec.fingerprint, spec.metric, spec.dim)
        and facts.stamp == snapshot.stamp
        and facts.vectors == len(snapshot)
    )


def _read_facts(path: Path) -> tuple[FaissFacts, str]:
    """Facts and digest of a file.

    Raises:
        StoreError: They cannot be read.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        digest = str(values.pop(_DIGEST))
        return FaissFacts(**values), digest
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"{path} is damaged ({type(error).__name__}).") from error


def _read_index(path: Path, digest: str, facts: FaissFacts) -> Any:  # noqa: ANN401 - FAISS is untyped
    try:
        if _digest(path) != digest:
            raise StoreError(f"{path} is damaged (its digest is another).")
        index = faiss_library().read_index(str(path))
    except (OSError, RuntimeError) as error:
        raise StoreError(f"{path} is damaged ({type(error).__name__}).") from error
    if (index.ntotal, index.d) != (facts.vectors, facts.dim):
        raise StoreError(f"{path} is damaged (it holds {index.ntotal} vectors).")
    return index


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _not_kept(folder: Path, why: str) -> str:
    return f"The FAISS index is held in memory and not kept: {folder} cannot be written ({why})."
