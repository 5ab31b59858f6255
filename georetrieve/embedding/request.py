"""One image or text on its way through an embedding service."""

from __future__ import annotations

import time
from concurrent.futures import Future
from typing import Any, Literal, TypeAlias

from PIL import Image

from georetrieve.errors import EncoderError, GeoRetrieveError
from georetrieve.types import FloatArray

__all__ = ["Content", "Lane", "Request", "as_ours"]

Lane: TypeAlias = Literal["image", "text"]
Content: TypeAlias = Image.Image | bytes | str


class Request:
    """An image or text on its way, and the identical ones that wait for its vector.

    Attributes:
        lane: Images and texts are encoded apart.
        content: What was submitted; None once it has been prepared.
        prepared: What the encoder takes; None before, and once it has it.
        key: Of the content, when there is a cache.
        future: What the caller holds.
        followers: Requests with the same content that came later.
        accepted: When it was submitted, of ``time.perf_counter``.
        ready: When it had been prepared.
    """

    __slots__ = ("accepted", "content", "followers", "future", "key", "lane", "prepared", "ready")

    def __init__(self, lane: Lane, content: Content) -> None:
        self.lane = lane
        self.content: Content | None = content
        self.prepared: Any = None
        self.key: bytes | None = None
        self.future: Future[FloatArray] = Future()
        self.followers: list[Request] = []
        self.accepted = time.perf_counter()
        self.ready = 0.0


def as_ours(error: Exception, what: str) -> GeoRetrieveError:
    """An error meant for the user, of whatever was raised."""
    if isinstance(error, GeoRetrieveError):
        return error
    why = " ".join(str(error).split()) or type(error).__name__
    ours = EncoderError(f"{what}: {why}")
    ours.__cause__ = error
    return ours
