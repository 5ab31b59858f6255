"""Many clients at once against a server of this machine, every answer checked."""

from __future__ import annotations

import asyncio
import contextlib
import io
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from georetrieve.benchmarks.indexing_speed import write_jpegs
from georetrieve.benchmarks.seeded import write_seeded_checkpoint
from georetrieve.benchmarks.throughput import SEEDED_ARCH, write_index
from georetrieve.encoders.registry import load_encoder
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import MissingExtraError, ServiceError
from georetrieve.serving.run import needs_extra
from georetrieve.serving.trouble import MAX_MB, Refusals, drip, send_trouble
from georetrieve.sources.memory import read_bytes
from georetrieve.types import FloatArray, Item

__all__ = ["LoadOptions", "run_load"]

SEARCH_SHARE = 0.2
# The sums of a network depend in the last digits on the batch; of narrower types in more of them.
TOLERANCE = {"fp32": 1e-4}
LOOSE = 0.05
MEMORY = "process_resident_memory_bytes "


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """Who asks how much of what.

    Attributes:
        encoder: Its name; None: a ViT-S/16 with random weights.
        clients: Clients that ask, each as soon as it is answered.
        seconds: How long.
        count: Different images, JPEGs of 512×512.
        cache_mb: The server's cache, MiB.
        runtime: How the encoder runs, here and in the server.
    """

    encoder: str | None = None
    clients: int = 64
    seconds: float = 60
    count: int = 128
    cache_mb: float = 0
    runtime: Runtime = field(default_factory=Runtime)


@dataclass(slots=True)
class _Tally:
    """What came back."""

    latencies: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    searches: int = 0
    difference: float = 0.0
    memory: list[float] = field(default_factory=list)
    refusals: Refusals = field(default_factory=Refusals)


def run_load(options: LoadOptions) -> dict[str, Any]:
    """Start a server, let clients ask it, compare every vector with the encoder's own, end it.

    One request in five searches the index for the image, whose first hit must be that image. Beside
    the clients, others send what has to be refused, and the status is checked.

    Returns:
        Requests, errors, wrong vectors, latencies, and the server's memory.

    Raises:
        MissingExtraError: The packages of the extra ``serve`` are not installed.
        ServiceError: The server does not start.
    """
    needs_extra()
    try:
        import httpx  # noqa: F401 - asked for before the work begins
    except ImportError as error:
        raise MissingExtraError(
            "The clients need httpx, which is not installed; run: pip install 'georetrieve[serve]'"
        ) from error
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_jpegs(folder / "images", options.count)
        images = {path.name: path.read_bytes() for path in sorted((folder / "images").iterdir())}
        name = options.encoder or f"{SEEDED_ARCH}@{write_seeded_checkpoint(folder, SEEDED_ARCH)}"
        model = load_encoder(name, runtime=options.runtime)
        expected = model.encode_images([read_bytes(data) for data in images.values()])
        items = [Item(path=path, kind="image") for path in images]
        write_index(folder / "index", model.spec, items, expected)
        del model
        tally = _Tally()
        with _server(folder / "index", options) as (process, url):
            started = time.perf_counter()
            asyncio.run(_ask(url, images, expected, options, tally))
            seconds = time.perf_counter() - started
            process.send_signal(signal.SIGINT)
            ended = process.wait(30)
    return _summary(options, tally, seconds, ended)


@contextlib.contextmanager
def _server(index: Path, options: LoadOptions) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server on a free port; its messages go to stderr once its address has been read there."""
    runtime = options.runtime
    command = [sys.executable, "-m", "georetrieve", "serve", str(index), "--port", "0"]
    command += ["--rate", "0", "--max-mb", str(MAX_MB), "--cache-mb", str(options.cache_mb)]
    command += ["--device", runtime.device, "--backend", runtime.backend]
    command += ["--precision", runtime.precision]
    log = index.parent / "server.log"
    with log.open("w", encoding="utf-8") as written:
        process = subprocess.Popen(command, stderr=written, text=True)
    try:
        end = time.monotonic() + 120
        while "http://" not in (said := log.read_text(encoding="utf-8")):
            if process.poll() is not None or time.monotonic() > end:
                why = " ".join(said.split()) or f"exit status {process.poll()}"
                raise ServiceError(f"The server did not start: {why}")
            time.sleep(0.1)
        yield process, said[said.index("http://") :].split()[0]
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


async def _ask(
    url: str,
    images: dict[str, bytes],
    expected: FloatArray,
    options: LoadOptions,
    tally: _Tally,
) -> None:
    import httpx

    end = time.perf_counter() + options.seconds
    own = dict(zip(images, expected, strict=True))
    allowed = TOLERANCE.get(options.runtime.precision, LOOSE)
    limits = httpx.Limits(max_connections=options.clients + 16)
    async with httpx.AsyncClient(base_url=url, timeout=120, trust_env=False, limits=limits) as http:

        async def client(seed: int) -> None:
            rng = random.Random(seed)
            names = list(images)
            while time.perf_counter() < end:
                name = rng.choice(names)
                ask = _search if rng.random() < SEARCH_SHARE else _embed
                start = time.perf_counter()
                try:
                    await ask(http, name, images[name], own[name], allowed, tally)
                except httpx.HTTPError as error:
                    tally.errors[type(error).__name__] += 1
                tally.latencies.append(time.perf_counter() - start)

        async with asyncio.TaskGroup() as group:
            for seed in range(options.clients):
                group.create_task(client(seed))
            group.create_task(_watch(http, end, tally))
            group.create_task(send_trouble(http, next(iter(images.values())), end, tally.refusals))
            group.create_task(drip(url, end, tally.refusals))


async def _embed(
    http: Any,  # noqa: ANN401 - httpx is optional
    name: str,
    data: bytes,
    own: FloatArray,
    allowed: float,
    tally: _Tally,
) -> None:
    headers = {"Content-Type": "image/jpeg", "Accept": "application/x-npy"}
    answer = await http.post("/embed", content=data, headers=headers)
    if answer.status_code != 200:
        tally.errors[f"{answer.status_code} {answer.text.strip()}"] += 1
        return
    vector = np.load(io.BytesIO(answer.content), allow_pickle=False)[0]
    difference = float(np.linalg.norm(vector - own) / np.linalg.norm(own))
    tally.difference = max(tally.difference, difference)
    tally.wrong += not difference <= allowed


async def _search(
    http: Any,  # noqa: ANN401 - httpx is optional
    name: str,
    data: bytes,
    own: FloatArray,
    allowed: float,
    tally: _Tally,
) -> None:
    answer = await http.post("/search", params={"k": 3}, files={"file": (name, data)})
    if answer.status_code != 200:
        tally.errors[f"{answer.status_code} {answer.text.strip()}"] += 1
        return
    tally.searches += 1
    tally.wrong += answer.json()["hits"][0]["path"] != name


async def _watch(http: Any, end: float, tally: _Tally) -> None:  # noqa: ANN401 - httpx is optional
    """Note the server's memory, MiB."""
    while time.perf_counter() < end:
        text = (await http.get("/metrics")).text
        found = [line for line in text.splitlines() if line.startswith(MEMORY)]
        if found:
            tally.memory.append(float(found[0].removeprefix(MEMORY)) / 2**20)
        await asyncio.sleep(1)


def _summary(options: LoadOptions, tally: _Tally, seconds: float, ended: int) -> dict[str, Any]:
    memory = tally.memory or [float("nan")]
    at = np.percentile(tally.latencies, (50, 95, 99, 100)) * 1000
    quarter = max(1, len(memory) // 4)
    kinds = sorted(tally.refusals.right.items())
    return {
        "encoder": options.encoder or f"{SEEDED_ARCH} (random)",
        "clients": options.clients,
        "seconds": seconds,
        "requests": len(tally.latencies),
        "searches": tally.searches,
        "requests_per_second": len(tally.latencies) / seconds,
        "errors": sum(tally.errors.values()),
        "wrong_vectors": tally.wrong,
        "largest_relative_difference": tally.difference,
        "refused_as_expected": sum(tally.refusals.right.values()),
        "refused_wrongly": sum(tally.refusals.wrong.values()),
        "latency_p50_ms": at[0],
        "latency_p95_ms": at[1],
        "latency_p99_ms": at[2],
        "latency_max_ms": at[3],
        "memory_start_mib": memory[0],
        "memory_second_quarter_mib": max(memory[quarter : 2 * quarter] or memory),
        "memory_last_quarter_mib": max(memory[-quarter:]),
        "memory_peak_mib": max(memory),
        "exit_status": ended,
        "kinds_refused": ", ".join(f"{name} {n}" for name, n in kinds),
        "what_went_wrong": "; ".join(
            f"{name} ({n})" for name, n in (tally.errors + tally.refusals.wrong).most_common(5)
        ),
    }
