"""A map made in a process of its own: whoever asks sees how far it is, and may end it.

The process is ``georetrieve map``, so it goes on when a page is closed. Beside the map lie,
while it is made, ``.progress`` (how far it is) and ``.log`` (what it said).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from georetrieve.errors import StoreError
from georetrieve.probes.item_map.kept import writable_map_file
from georetrieve.search import Index

__all__ = ["MapJob", "MapProgress", "ProgressFile", "find_map_job", "start_map"]

_PROCESSES: dict[Path, subprocess.Popen[bytes]] = {}
_STARTING = threading.Lock()
WRITE_SECONDS = 0.2


@dataclass(slots=True)
class MapProgress:
    """How far a map is.

    Attributes:
        stage: What is done now; "" before it begins.
        done: Steps of it that are done.
        total: Its steps; None when unknown.
    """

    stage: str = ""
    done: int = 0
    total: int | None = None


class ProgressFile:
    """Writes how far work is to a file; see :class:`~georetrieve.protocols.Progress`."""

    def __init__(self, path: Path) -> None:
        self._path, self._state, self._written = path, MapProgress(), 0.0

    def start(self, stage: str, total: int | None, unit: str = "items") -> None:
        """A stage begins."""
        self._state = MapProgress(stage, 0, total)
        self._write()

    def advance(self, steps: int = 1) -> None:
        """Steps are done; not each is written."""
        self._state.done += steps
        if time.monotonic() - self._written > WRITE_SECONDS:
            self._write()

    def grow(self, steps: int) -> None:
        """The stage has more steps."""
        self._state.total = (self._state.total or 0) + steps

    def say(self, message: str) -> None:
        """What is said takes the place of the stage."""
        self.start(message, None)

    def finish(self) -> None:
        """The stage ends."""
        self._write()

    def _write(self) -> None:
        temporary = self._path.with_suffix(".progress.tmp")
        temporary.write_text(json.dumps(asdict(self._state)), encoding="utf-8")
        temporary.replace(self._path)
        self._written = time.monotonic()


class MapJob:
    """A map that is being made, or was.

    Args:
        path: Of the map.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def running(self) -> bool:
        """Whether it is being made, by a process of ours or another."""
        process = _PROCESSES.get(self._path)
        return _is_running(process) or _is_held(self._path)

    @property
    def progress(self) -> MapProgress:
        """How far it is."""
        try:
            values = json.loads(self._path.with_suffix(".progress").read_text(encoding="utf-8"))
            return MapProgress(**values)
        except (OSError, ValueError, TypeError):
            return MapProgress()

    @property
    def trouble(self) -> str:
        """Why it was not made, a sentence; "" while it is made and when it was."""
        process = _PROCESSES.get(self._path)
        if process is None or process.poll() in (None, 0):
            return ""
        if process.returncode < 0:
            return f"The map was not made: its process was ended (signal {-process.returncode})."
        return f"The map was not made: {_last_line(self._path.with_suffix('.log'))}"

    @property
    def can_cancel(self) -> bool:
        """Whether it is a process of ours."""
        return _is_running(_PROCESSES.get(self._path))

    def cancel(self) -> None:
        """End it; what was there before stays.

        Raises:
            StoreError: It is made by another program.
        """
        process = _PROCESSES.get(self._path)
        if process is None:
            if self.running:
                raise StoreError("Another program makes this map; end it there.")
            return
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _PROCESSES.pop(self._path, None)

    def forget(self) -> None:
        """Say nothing more of how it ended."""
        if not self.can_cancel:
            _PROCESSES.pop(self._path, None)


def start_map(index: Index, encoder: str | None = None, *, again: bool = False) -> MapJob:
    """Make the map of an index in a process of its own, unless that is under way.

    Args:
        index: Its folder is given to the process.
        encoder: Whose vectors; the first by default.
        again: Lay it out anew, though there is one.

    Raises:
        StoreError: There is no such encoder, or nowhere to keep a map.
    """
    spec = index.manifest.encoder(encoder)
    path = writable_map_file(index.store, spec)
    with _STARTING:
        job = MapJob(path)
        if not job.running:
            progress = path.with_suffix(".progress")
            progress.unlink(missing_ok=True)
            words = ["map", str(index.path.resolve()), "--encoder", spec.name]
            words += ["--progress-file", str(progress)] + ["--again"] * again
            with path.with_suffix(".log").open("wb") as log:
                _PROCESSES[path] = subprocess.Popen(  # of our own command, no shell
                    [sys.executable, "-m", "georetrieve", *words],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    env={**os.environ, "OMP_WAIT_POLICY": "passive"},  # threads that wait sleep
                    start_new_session=True,  # Ctrl-C at the page's terminal does not end it
                )
    return job


def find_map_job(index: Index, encoder: str | None = None) -> MapJob | None:
    """The making of a map that is under way or has failed here; None if there is none."""
    job = MapJob(writable_map_file(index.store, index.manifest.encoder(encoder)))
    return job if job.running or job.trouble else None


def _is_running(process: subprocess.Popen[bytes] | None) -> bool:
    """Whether a process was started and has not ended."""
    return process is not None and process.poll() is None


def _is_held(path: Path) -> bool:
    """Whether some process holds the right to make the map."""
    lock = FileLock(path.with_suffix(".lock"), fallback_to_soft=False)
    try:
        with lock.acquire(timeout=0):
            return False
    except Timeout:
        return True


def _last_line(log: Path) -> str:
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = lines[-1].removeprefix("georetrieve: ")[:300] if lines else "it ended without a word."
    return said if said.endswith(".") else f"{said}."
