"""HTTP/1.1 of uvicorn, with a limit on the time a request's head may take to arrive."""

from __future__ import annotations

import asyncio
import json

from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["HEAD_SECONDS", "TimedProtocol"]

HEAD_SECONDS = 10.0


class TimedProtocol(H11Protocol):
    """Closes connections over which no complete head comes; answers malformed ones in JSON.

    uvicorn itself times only the pause between two requests, so that connections that send nothing,
    or a byte now and then, would stay for ever.
    """

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first request."""
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn's is narrower
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Stop the clock when a head is complete, start it when one begins."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        super().connection_lost(exc)
        self._stop()

    def _watch(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
        elif self._late is None:
            self._late = self.loop.call_later(HEAD_SECONDS, self._too_late)

    def _stop(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _too_late(self) -> None:
        self._late = None
        idle = self.cycle is None or self.cycle.response_complete
        if idle and not self.transport.is_closing():
            self._answer("408 Request Timeout", "The head of the request did not arrive in time.")

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._answer("400 Bad Request", msg)

    def _answer(self, status: str, line: str) -> None:
        body = json.dumps({"error": line}) + "\n"
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self.transport.write((head + body).encode("ascii"))
        self.transport.close()
