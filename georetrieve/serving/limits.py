"""What a request may cost, checked before and while it arrives.

A middleware refuses what can be refused by the headers: foreign hosts, clients that ask too often,
bodies that say they are too large. The body is counted and timed as it is read.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import logging
import math
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

__all__ = ["Guard", "Limits", "Reading", "RefusedError", "is_our_host"]

Message: TypeAlias = MutableMapping[str, Any]
Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Observe: TypeAlias = Callable[[str, int, float], None]

log = logging.getLogger(__name__)

REMEMBERED_CLIENTS = 10_000
LINGER_SECONDS = 2.0
# Asked by monitors, cheap, and wanted most when much is going on.
UNRATED = ("/healthz", "/metrics")
SAFE_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is accepted.

    Attributes:
        max_mb: Largest body, MiB.
        bodies_mb: All bodies in memory at one time, MiB; more are put off with 503.
        max_images: Most images a request.
        rate: Requests a second and client address, in the long run; twice as many may come at once.
            0: as many as come.
        requests: Requests worked on at one time.
        body_seconds: Time a body may take to arrive.
        hosts: Names the server is reached by, beside ``localhost`` and bare addresses. Others are
            refused: a page in a browser could otherwise reach a server on its own machine by
            letting its name point there (DNS rebinding).
    """

    max_mb: float = 32
    bodies_mb: float = 256
    max_images: int = 64
    rate: float = 100
    requests: int = 256
    body_seconds: float = 30
    hosts: Collection[str] = ()

    @property
    def max_bytes(self) -> int:
        """Largest body, bytes."""
        return int(self.max_mb * 2**20)


class RefusedError(Exception):
    """A request is answered with a status and one line."""

    def __init__(self, status: int, line: str, *, retry_after: float | None = None) -> None:
        super().__init__(line)
        self.status, self.line, self.retry_after = status, line, retry_after

    @property
    def headers(self) -> dict[str, str]:
        """``Retry-After`` in whole seconds, where it makes sense to come again."""
        if self.retry_after is None:
            return {}
        return {"Retry-After": str(max(1, math.ceil(self.retry_after)))}


class Reading:
    """The bodies that are in memory."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.held = 0

    async def chunks(self, scope: Scope, receive: Receive) -> AsyncGenerator[bytes, None]:
        """The body of a request as it arrives.

        What has been read counts as held until :meth:`release`.

        Raises:
            RefusedError: 413 too large, 408 too slow, 503 too much of others is held, 400 it broke
                off.
        """
        limits, size, more = self.limits, 0, True
        end = asyncio.get_running_loop().time() + limits.body_seconds
        while more:
            try:
                async with asyncio.timeout_at(end):
                    message = await receive()
            except TimeoutError:
                raise RefusedError(
                    408, f"The body took longer than {limits.body_seconds:g} s to arrive."
                ) from None
            if message["type"] == "http.disconnect":
                raise RefusedError(400, "The connection closed before the body was complete.")
            data, more = message.get("body", b""), message.get("more_body", False)
            size += len(data)
            self._hold(scope, len(data))
            if size > limits.max_bytes:
                raise _too_large(limits)
            if data:
                yield data

    def _hold(self, scope: Scope, count: int) -> None:
        scope["georetrieve.held"] = scope.get("georetrieve.held", 0) + count
        self.held += count
        if self.held > self.limits.bodies_mb * 2**20:
            raise RefusedError(503, "Too many large requests at once.", retry_after=1)

    def release(self, scope: Scope) -> None:
        """The request is answered; its body is let go."""
        self.held -= scope.pop("georetrieve.held", 0)


def _too_large(limits: Limits) -> RefusedError:
    """The refusal of a body above the limit."""
    return RefusedError(413, f"The body is larger than the {limits.max_mb:g} MiB that are taken.")


class Guard:
    """ASGI middleware that applies the limits, and answers refusals with one JSON line.

    Args:
        app: What it guards.
        reading: The bodies in memory.
        observe: Told the route, the status and the seconds of every answer.
    """

    def __init__(self, app: App, *, reading: Reading, observe: Observe) -> None:
        self.app, self.reading, self.observe = app, reading, observe
        self.limits = reading.limits
        self._rates = _Rates(self.limits.rate)
        self._requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send)
        start = time.perf_counter()
        self._requests += 1
        try:
            self._check(scope)
            await self.app(scope, exchange.receive, exchange.send)
        except RefusedError as refusal:
            await exchange.refuse(refusal)
        except Exception:
            log.exception("%s %s", scope["method"], scope["path"])
            failure = RefusedError(500, "The server failed; its log says how.")
            await exchange.refuse(failure)
        finally:
            self._requests -= 1
            self.reading.release(scope)
            route = getattr(scope.get("route"), "path", "other")
            self.observe(route, exchange.status, time.perf_counter() - start)

    def _check(self, scope: Scope) -> None:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        if not is_our_host(host, self.limits.hosts):
            raise RefusedError(
                400, f"Host {host[:100]!r} is not served here; use an address or localhost."
            )
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin and urlsplit(origin).netloc != host:
            raise RefusedError(403, f"Pages of {origin[:100]!r} may not ask this server.")
        if scope["path"] not in UNRATED:
            self._rates.check((scope.get("client") or ("unknown",))[0])
            if self._requests > self.limits.requests:
                raise RefusedError(503, "Too many requests at once.", retry_after=1)
        size = headers.get(b"content-length", b"0")
        if size.isdigit() and int(size[:20]) > self.limits.max_bytes:
            raise _too_large(self.limits)


class _Rates:
    """A bucket of tokens for each client address: one a request, refilled at the rate.

    The address is the connection's; what a header claims it to be is not looked at.
    """

    def __init__(self, rate: float) -> None:
        self._rate, self._burst = rate, max(1.0, 2 * rate)
        self._clients: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def check(self, client: str) -> None:
        if self._rate <= 0:
            return
        now = time.monotonic()
        tokens, since = self._clients.pop(client, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._rate)
        self._clients[client] = (max(0.0, tokens - 1), now) if tokens >= 1 else (tokens, now)
        if len(self._clients) > REMEMBERED_CLIENTS:
            self._clients.popitem(last=False)
        if tokens < 1:
            raise RefusedError(
                429,
                f"More than {self._rate:g} requests a second; wait a moment.",
                retry_after=(1 - tokens) / self._rate,
            )


class _Exchange:
    """A request and its answer, on the way through."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        # A client that waits for "100 Continue" sends nothing when it is refused.
        self._may_linger = not any(name == b"expect" for name, _ in scope["headers"])
        self.status = 0
        self._arrived = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._arrived = message["type"] == "http.disconnect" or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message.get("headers", []), *SAFE_HEADERS]}
        await self._send(message)

    async def refuse(self, refusal: RefusedError) -> None:
        """Answer with a refusal, if no answer has begun."""
        if self.status:
            return
        body = json.dumps({"error": refusal.line}).encode() + b"\n"
        headers = {
            "content-type": "application/json",
            "content-length": str(len(body)),
            **refusal.headers,
        }
        if not self._arrived:
            headers["connection"] = "close"  # the rest of the body is not waited for
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": refusal.status, "headers": pairs})
        await self.send({"type": "http.response.body", "body": body, "more_body": True})
        if self._may_linger and refusal.status != 408:
            await self._linger()
        await self.send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _linger(self) -> None:
        """Take in a little longer what is sent.

        Closed at once, the connection would be reset under a client that is still sending, and the
        answer be lost.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while not self._arrived:
                    await self.receive()


def is_our_host(host: str, names: Collection[str]) -> bool:
    """Whether a Host header names this server: a bare address, localhost, or a name given."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost" or name in {one.lower() for one in names}:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
