"""The page, or a bare Streamlit page to compare it with, served by a process of its own."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from georetrieve.errors import ServiceError

__all__ = ["PageProcess", "bare_page", "page_of"]

START_SECONDS = 120
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
_BARE = """
import streamlit as st

st.session_state.runs = st.session_state.get("runs", 0) + 1
st.button("again")
st.write(f"run {st.session_state.runs}")
"""


@dataclass(frozen=True, slots=True)
class PageProcess:
    """A page that is served.

    Attributes:
        url: Its address.
        start_seconds: From the start of the process until it said so.
    """

    url: str
    start_seconds: float


@contextmanager
def page_of(index: Path, folder: Path) -> Iterator[PageProcess]:
    """``georetrieve app`` of an index.

    Args:
        index: Folder of the index.
        folder: Working directory of the process; its log is put there.

    Raises:
        ServiceError: It does not start.
    """
    words = ["georetrieve", "app", str(index.resolve()), "--port", "0", "--no-browser"]
    with _served(words, folder) as served:
        yield served


@contextmanager
def bare_page(folder: Path) -> Iterator[PageProcess]:
    """A Streamlit page of a button and a word, which counts the runs of its script.

    Raises:
        ServiceError: It does not start.
    """
    script = folder / "bare.py"
    script.write_text(_BARE, encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "server.address": "127.0.0.1",
        "server.port": port,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    with _served(["streamlit", "run", str(script), *options], folder) as served:
        yield served


@contextmanager
def _served(words: Sequence[str], folder: Path) -> Iterator[PageProcess]:
    log = folder / f"{words[0]}.log"
    start = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *words], cwd=folder, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        url = _address(process, log)
        yield PageProcess(url, time.perf_counter() - start)
    finally:
        process.terminate()
        process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.perf_counter() + START_SECONDS
    while time.perf_counter() < end and process.poll() is None:
        said = _ADDRESS.search(log.read_text(encoding="utf-8"))
        if said:
            return said[0]
        time.sleep(0.02)
    last = " ".join(log.read_text(encoding="utf-8").split())[-300:]
    raise ServiceError(f"The page did not start: {last or 'it said nothing'}")
