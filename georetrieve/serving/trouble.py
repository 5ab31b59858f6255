"""Requests that a server has to refuse, and the status it should refuse them with."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

__all__ = ["MAX_MB", "Refusals", "drip", "send_trouble"]

MAX_MB = 2  # the server's limit on bodies
PAUSE_SECONDS = 0.3


@dataclass(slots=True)
class Refusals:
    """What was refused: with the right status and one line of JSON, and otherwise."""

    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)


async def send_trouble(
    http: Any,  # noqa: ANN401 - httpx is optional
    good: bytes,
    end: float,
    refusals: Refusals,
) -> None:
    """Send what has to be refused, one kind after the other, until it is ``end``.

    Args:
        http: Client of the server, an ``httpx.AsyncClient``.
        good: A JPEG that is accepted when it is whole.
        end: Of ``time.perf_counter``.
        refusals: What comes back is counted there.
    """

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(MAX_MB + 1):
            yield bytes(1 << 20)

    image = {"Content-Type": "image/jpeg"}
    json = {"Content-Type": "application/json"}
    kinds: list[tuple[str, int, Callable[[], Awaitable[Any]]]] = [
        ("too large", 413, lambda: http.post("/embed", content=bytes(3 << 20), headers=image)),
        (
            "too large, unannounced",
            413,
            lambda: http.post("/embed", content=pieces(), headers=image),
        ),
        ("no image", 415, lambda: http.post("/embed", content=b"<html>", headers=image)),
        ("cut short", 422, lambda: http.post("/embed", content=good[:20_000], headers=image)),
        ("no JSON", 400, lambda: http.post("/search", content=b"{", headers=json)),
        ("unknown item", 404, lambda: http.post("/search", json={"item": "../secret.png"})),
        ("other host", 400, lambda: http.get("/healthz", headers={"Host": "elsewhere.org"})),
    ]
    for name, status, send in itertools.cycle(kinds):
        if time.perf_counter() >= end:
            return
        answer = await send()
        if answer.status_code == status and list(answer.json()) == ["error"]:
            refusals.right[name] += 1
        else:
            refusals.wrong[f"{name}: {answer.status_code}"] += 1
        await asyncio.sleep(PAUSE_SECONDS)


async def drip(url: str, end: float, refusals: Refusals) -> None:
    """Send a head and then a byte a second; send not even a whole head."""
    place = urlsplit(url)
    head = b"POST /embed HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"

    async def one(name: str, start: bytes) -> None:
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(start)
        answer = asyncio.create_task(reader.readline())
        while not answer.done() and time.perf_counter() < end:
            with contextlib.suppress(OSError):
                writer.write(b"x")
            await asyncio.wait([answer], timeout=1)
        if answer.done() and answer.result().startswith(b"HTTP/1.1 408"):
            refusals.right[name] += 1
        elif answer.done():
            refusals.wrong[f"{name}: {answer.result()!r}"] += 1
        answer.cancel()
        writer.close()

    async with asyncio.TaskGroup() as group:
        group.create_task(one("slow body", head + b"Content-Length: 1000\r\n\r\n"))
        group.create_task(one("slow head", head + b"X-Slow: "))
