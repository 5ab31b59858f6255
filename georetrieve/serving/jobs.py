"""Commands of georetrieve that run beside a page, each in its own process."""

from __future__ import annotations

import atexit
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence

from georetrieve.errors import ServiceBusyError

__all__ = ["CommandJob", "Jobs"]

_LONGEST = 1000  # letters of a line


class CommandJob:
    """A command that runs, or has run.

    Args:
        words: After ``georetrieve``.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._began = time.monotonic()
        self._ended: float | None = None
        self._said: deque[str] = deque(maxlen=1)
        self._process = subprocess.Popen(  # a list of words: no shell takes part
            [sys.executable, "-m", "georetrieve", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        atexit.register(self.stop)

    def _listen(self) -> None:
        """Take what the command says as it comes, lest it waits for a reader."""
        if self._process.stderr is None:  # it is a pipe; this tells the type checker
            return
        with self._process.stderr as lines:
            for line in lines:
                if line.strip():
                    self._said.append(line.strip()[:_LONGEST])
        self._process.wait()
        self._ended = time.monotonic()
        atexit.unregister(self.stop)

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self._ended is None

    @property
    def failed(self) -> bool:
        """Whether it has ended without doing what it was to do."""
        return not self.running and self._process.returncode != 0

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return (self._ended or time.monotonic()) - self._began

    @property
    def last_line(self) -> str:
        """What it said last, to a person; "" for nothing yet."""
        return self._said[-1] if self._said else ""

    def stop(self) -> None:
        """End it; harmless when it has ended."""
        self._process.terminate()
        self._listener.join(timeout=20)


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
