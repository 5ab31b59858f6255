"""Serve the Streamlit page of ``app/`` and its pictures, to this machine only by default."""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from georetrieve.errors import MissingExtraError
from georetrieve.search.places import find_index
from georetrieve.serving.limits import is_our_host
from georetrieve.serving.run import leave_at_sigterm, listen_on

__all__ = ["INDEX_VARIABLE", "OwnPagesOnly", "PageOptions", "find_page", "run_page"]

INDEX_VARIABLE = "GEORETRIEVE_APP_INDEX"
PACKAGES = ("streamlit", "uvicorn", "websockets")
# Light and dark are both Streamlit's own; these are the colours that differ.
SETTINGS: dict[str, Any] = {
    "server.headless": True,
    "server.fileWatcherType": "none",
    "server.enableStaticServing": False,
    "server.enableCORS": True,
    "server.enableXsrfProtection": True,
    "browser.gatherUsageStats": False,
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
    "logger.level": "warning",
    "runner.magicEnabled": False,
    "theme.light.primaryColor": "#0069a6",
    "theme.dark.primaryColor": "#3a94cf",
    "theme.light.backgroundColor": "#ffffff",
    "theme.light.secondaryBackgroundColor": "#f3f4f2",
    "theme.light.textColor": "#1c2321",
    "theme.dark.backgroundColor": "#14181a",
    "theme.dark.secondaryBackgroundColor": "#1f2528",
    "theme.dark.textColor": "#e9edeb",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOptions:
    """What is shown, and where.

    Attributes:
        index: Name or path of the index that is opened first; None: the first under ``indexes/``.
        host: Address or name that is listened on.
        port: 0 takes a free one.
        hosts: Names the page is reached by, beside ``localhost`` and bare addresses.
        max_mb: Largest file that is taken from a browser, MiB.
    """

    index: str | None = None
    host: str = "127.0.0.1"
    port: int = 8501
    hosts: Collection[str] = ()
    max_mb: int = 64


def find_page() -> Path:
    """The script of the page: beside the package in a checkout, else where the wheel put it.

    Raises:
        MissingExtraError: It is in neither place.
    """
    beside = Path(__file__).resolve().parents[2]
    for place in (beside, Path(sys.prefix) / "share" / "georetrieve"):
        if (place / "app" / "main.py").is_file():
            return place / "app" / "main.py"
    raise MissingExtraError(
        f"The page is neither in {beside / 'app'} nor below {sys.prefix}; install georetrieve anew."
    )


def run_page(options: PageOptions, *, ready: Callable[[str], None]) -> None:
    """Serve the page until SIGINT or SIGTERM.

    Args:
        options: What is shown, and where.
        ready: Called with the address when it is listened on.

    Raises:
        MissingExtraError: The packages of the extra ``app`` are not installed.
        IndexNotFoundError: There is no such index.
        ServiceError: The address cannot be listened on.
    """
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"The page needs {', '.join(missing)}, which is not installed; "
            "run: pip install 'georetrieve[app]'"
        )
    script = find_page()
    if options.index is not None:
        os.environ[INDEX_VARIABLE] = str(find_index(options.index))
    with listen_on(options.host, options.port) as listening:
        leave_at_sigterm()  # uploads are deleted then
        host, port = listening.getsockname()[:2]
        _configure(options, port)
        import uvicorn

        config = uvicorn.Config(
            _make_app(script, options),
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            ws_max_size=(options.max_mb + 8) << 20,
            timeout_graceful_shutdown=2,
        )
        ready(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
        uvicorn.Server(config).run(sockets=[listening])


def _configure(options: PageOptions, port: int) -> None:
    from streamlit.web.bootstrap import load_config_options

    settings = {
        **SETTINGS,
        "server.address": options.host,
        "server.port": port,
        "server.maxUploadSize": options.max_mb,
    }
    load_config_options(settings)


def _make_app(script: Path, options: PageOptions) -> ASGIApp:
    import streamlit as st
    from starlette.middleware import Middleware

    from georetrieve.serving.pictures import picture_routes

    # Streamlit asks for the stack when the first visitor comes, for which Python looks up the files
    # of all modules, a quarter of a second; it remembers them.
    inspect.stack()
    parent = str(script.parents[1])
    if parent not in sys.path:
        sys.path.insert(0, parent)  # the script's own modules are the package ``app``
    hosts = {*options.hosts, options.host}
    app: ASGIApp = st.App(
        script, routes=picture_routes(), middleware=[Middleware(OwnPagesOnly, hosts=hosts)]
    )
    return app


class OwnPagesOnly:
    """ASGI middleware that refuses requests of other sites' pages, and names that are not ours.

    A page in a browser could otherwise reach a server on its own machine by letting its name point
    there (DNS rebinding), or by opening a web socket to it.

    Args:
        app: What it guards.
        hosts: Names the server is reached by, beside ``localhost`` and bare addresses.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] = ()) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        origin = headers.get(b"origin", b"").decode("latin-1")
        if not is_our_host(host, self.hosts):
            line = f"Host {host[:100]!r} is not served here; use an address or localhost."
        elif origin and urlsplit(origin).netloc != host:
            line = f"Pages of {origin[:100]!r} may not ask this server."
        else:
            await self.app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": line[:120]})
            return
        body = json.dumps({"error": line}).encode()
        kind = [(b"content-type", b"application/json"), (b"x-content-type-options", b"nosniff")]
        await send({"type": "http.response.start", "status": 403, "headers": kind})
        await send({"type": "http.response.body", "body": body})
