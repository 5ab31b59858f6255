"""Run the HTTP interface until it is told to stop."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import TYPE_CHECKING

from georetrieve.embedding import EmbeddingService
from georetrieve.encoders.registry import load_encoder
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import MissingExtraError, ServiceError
from georetrieve.protocols import ImageEncoder, Progress
from georetrieve.search import Index
from georetrieve.serving.limits import Limits

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

__all__ = [
    "ServerOptions",
    "is_loopback",
    "leave_at_sigterm",
    "listen_on",
    "make_server",
    "needs_extra",
    "serve",
]

PACKAGES = ("fastapi", "uvicorn", "python_multipart", "prometheus_client")
GRACE_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """What is served, and where.

    Attributes:
        index: Name or path of an index; None serves vectors only.
        encoders: Names of columns of the index (none: its first), or of encoders (none: bundled).
        host: Address or name that is listened on.
        port: 0 takes a free one.
        limits: What requests may cost.
        runtime: How the encoders run.
        max_batch: See :class:`~georetrieve.embedding.EmbeddingService`.
        max_delay_ms: Likewise.
        cache_mb: Likewise.
    """

    index: str | None = None
    encoders: Sequence[str] = ()
    host: str = "127.0.0.1"
    port: int = 8765
    limits: Limits = field(default_factory=Limits)
    runtime: Runtime = field(default_factory=Runtime)
    max_batch: int = 32
    max_delay_ms: float = 5.0
    cache_mb: float = 64


def needs_extra() -> None:
    """Check that what a server needs is installed.

    Raises:
        MissingExtraError: It is not.
    """
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"A server needs {', '.join(missing)}, which is not installed; "
            "run: pip install 'georetrieve[serve]'"
        )


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine can reach an address or name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def serve(
    options: ServerOptions, *, ready: Callable[[str], None], progress: Progress | None = None
) -> None:
    """Serve until SIGINT or SIGTERM; requests being answered are finished then.

    Args:
        options: What is served, and where.
        ready: Called with the address when it is listened on.
        progress: Told of downloads.

    Raises:
        MissingExtraError: The packages of the extra ``serve`` are not installed.
        ServiceError: The address cannot be listened on.
        GeoRetrieveError: The index or an encoder cannot be opened.
    """
    needs_extra()
    from georetrieve.serving.app import make_app

    leave_at_sigterm()
    with ExitStack() as stack:
        listening = stack.enter_context(listen_on(options.host, options.port))
        index, encoders = _opened(options, stack, progress)
        services = {
            encoder.spec.name: stack.enter_context(
                EmbeddingService(
                    encoder,
                    max_batch=options.max_batch,
                    max_delay_ms=options.max_delay_ms,
                    cache_mb=options.cache_mb,
                )
            )
            for encoder in encoders
        }
        app = make_app(services, index=index, limits=_with_names(options))
        host, port = listening.getsockname()[:2]
        ready(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
        make_server(app).run(sockets=[listening])


def make_server(app: FastAPI) -> uvicorn.Server:
    """A server that trusts no header about where a request comes from, and writes no banner."""
    import uvicorn

    from georetrieve.serving.protocol import TimedProtocol

    config = uvicorn.Config(
        app,
        http=TimedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # anybody can write X-Forwarded-For
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return uvicorn.Server(config)


def _opened(
    options: ServerOptions, stack: ExitStack, progress: Progress | None
) -> tuple[Index | None, list[ImageEncoder]]:
    if options.index is None:
        names = options.encoders or ["bundled"]
        runtime = options.runtime
        return None, [load_encoder(name, runtime=runtime, progress=progress) for name in names]
    index = stack.enter_context(Index.open(options.index, runtime=options.runtime))
    columns = options.encoders or [index.manifest.encoder(None).name]
    return index, [index.encoder(name) for name in columns]


def listen_on(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        ServiceError: The address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        known = isinstance(error, OSError) and error.errno
        why = os.strerror(known) if known else error
        raise ServiceError(
            f"{host}:{port} cannot be listened on ({why}); choose another --port or --host."
        ) from error


def _with_names(options: ServerOptions) -> Limits:
    """The limits, with the names this machine is reached by when others may reach it."""
    names = [*options.limits.hosts, options.host]
    if not is_loopback(options.host):
        names += [socket.gethostname(), socket.getfqdn()]
    return replace(options.limits, hosts=tuple(names))


def leave_at_sigterm() -> None:
    """Let SIGTERM end the process as its own end does: what is open is closed, what is kept goes.

    The signal comes up again when uvicorn has stopped, and would kill the process there.
    """
    signal.signal(signal.SIGTERM, _stop)


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)
