"""Commands of georetrieve that run beside a page, each in its own process."""

from __future__ import annotations

import atexit
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from typing import IO

from georetrieve.errors import ServiceBusyError

__all__ = ["CommandJob", "Jobs"]

_LAST_BYTES = 4000


class CommandJob:
    """A command that runs, or has run.

    Args:
        words: After ``georetrieve``.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._began = time.monotonic()
        self._ended: float | None = None
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - it lives with the job
        self._process = subprocess.Popen(  # a list of words: no shell takes part
            [sys.executable, "-m", "georetrieve", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._said,
        )
        atexit.register(self.stop)

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        if self._process.poll() is None:
            return True
        if self._ended is None:
            self._ended = time.monotonic()
            atexit.unregister(self.stop)
        return False

    @property
    def failed(self) -> bool:
        """Whether it has ended without doing what it was to do."""
        return not self.running and self._process.returncode != 0

    @property
    def seconds(self) -> float:
        """How long it has run."""
        end = time.monotonic() if self.running else self._ended or self._began
        return end - self._began

    @property
    def last_line(self) -> str:
        """What it said last, to a person; "" for nothing yet."""
        file = self._said
        size = file.seek(0, 2)
        file.seek(max(0, size - _LAST_BYTES))
        lines = file.read().decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def stop(self) -> None:
        """End it; harmless when it has ended."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=20)


class Jobs:
    """The jobs of a page by key, one of each at a time; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, CommandJob] = {}

    def start(self, key: str, words: Sequence[str]) -> CommandJob:
        """Begin a job, in place of one of the same key that has ended.

        Raises:
            ServiceBusyError: One of the same key runs.
        """
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and job.running:
                raise ServiceBusyError("This is under way already; wait until it has ended.")
            job = self._jobs[key] = CommandJob(words)
        return job

    def get(self, key: str) -> CommandJob | None:
        """The job of a key, running or ended; None where there is none."""
        with self._lock:
            return self._jobs.get(key)

    def forget(self, key: str) -> None:
        """Forget a job that has ended."""
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and not job.running:
                del self._jobs[key]
