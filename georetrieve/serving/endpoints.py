"""The endpoints of the HTTP interface.

They read their bodies themselves, within the limits and while they arrive.
"""

from __future__ import annotations

import asyncio
from asyncio import CancelledError
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import anyio
import numpy as np
from anyio import CapacityLimiter
from fastapi import Request
from fastapi.responses import Response

import georetrieve
from georetrieve.embedding import EmbeddingService
from georetrieve.errors import GeoRetrieveError, did_you_mean
from georetrieve.protocols import TextEncoder
from georetrieve.search import Index, Query
from georetrieve.serving.answers import (
    check_condition,
    found,
    json_answer,
    refusal,
    vectors_answer,
)
from georetrieve.serving.body import Body, read_body, validated
from georetrieve.serving.limits import Reading, RefusedError
from georetrieve.serving.schemas import EmbedAsked, SearchAsked, TextsAsked
from georetrieve.types import FloatArray

__all__ = ["Endpoints"]

T = TypeVar("T")

SEARCHES_AT_ONCE = 4


class Endpoints:
    """What is answered to requests.

    Args:
        services: By the name of their encoder, the default first.
        index: What is searched; None: nothing.
        reading: The limits of what is read.
    """

    def __init__(
        self, services: Mapping[str, EmbeddingService], index: Index | None, reading: Reading
    ) -> None:
        self._services, self._index, self._reading = services, index, reading
        self._items = None if index is None else len(index)
        self._searching = CapacityLimiter(SEARCHES_AT_ONCE)

    async def embed(self, request: Request) -> Response:
        """Send one image as the body, images as a form, or JSON with texts."""
        body = await read_body(request, self._reading)
        if body.images:
            service = self._service(validated(EmbedAsked, body.values).encoder)
            vectors = await self._images(service, body)
        else:
            asked = validated(TextsAsked, body.values)
            service = self._service(asked.encoder)
            vectors = await self._texts(service, asked.texts)
        return vectors_answer(request, service.encoder.spec, vectors)

    async def search(self, request: Request) -> Response:
        """Send an image as the body or as a form, or JSON with the id of an item or a text."""
        body = await read_body(request, self._reading)
        asked = validated(SearchAsked, body.values)
        if asked.where is not None:
            check_condition(asked.where)
        query, title = await self._query(body, asked)
        index = self._index
        if index is None:
            raise RefusedError(404, "No index is served.")
        result = await self._aside(
            partial(
                index.search,
                query,
                asked.k,
                encoder=asked.encoder or self._service(None).encoder.spec.name,
                where=asked.where,
                exclude_group=asked.exclude_group,
            )
        )
        return json_answer(found(result, title))

    async def health(self) -> Response:
        """Answers as long as the server takes requests."""
        index = self._index
        encoders = [
            {
                "name": name,
                "fingerprint": service.encoder.spec.fingerprint,
                "dim": service.encoder.spec.dim,
                "texts": isinstance(service.encoder, TextEncoder),
            }
            for name, service in self._services.items()
        ]
        values = {
            "status": "ok",
            "version": georetrieve.__version__,
            "encoders": encoders,
            "index": None if index is None else index.path.name,
            "items": self._items,
        }
        return json_answer(values)

    def _service(self, name: str | None) -> EmbeddingService:
        if name is None:
            return next(iter(self._services.values()))
        if name not in self._services:
            hint = did_you_mean(name, self._services)
            raise RefusedError(404, f"Encoder {name[:300]!r} is not served.{hint}")
        return self._services[name]

    async def _images(self, service: EmbeddingService, body: Body) -> FloatArray:
        return await _gathered(
            [(title, partial(service.submit, data, timeout=0)) for title, data in body.images]
        )

    async def _texts(self, service: EmbeddingService, texts: list[str]) -> FloatArray:
        if not isinstance(service.encoder, TextEncoder):
            raise RefusedError(
                422, f"{service.encoder.spec.name} describes images only; it takes no text."
            )
        return await _gathered(
            [
                (f"text {number}", partial(service.submit_text, text, timeout=0))
                for number, text in enumerate(texts, start=1)
            ]
        )

    async def _query(self, body: Body, asked: SearchAsked) -> tuple[Query, str]:
        """What is looked for, and what answers call it."""
        given = [bool(body.images), asked.item is not None, asked.text is not None]
        if sum(given) != 1 or len(body.images) > 1:
            raise RefusedError(422, "Give one thing to look for: an image, an item or a text.")
        if asked.item is not None:
            return await self._item(asked.item), asked.item
        service = self._service(asked.encoder)
        if asked.text is not None:
            vectors = await self._texts(service, [asked.text])
            return Query.vector(vectors[0], service.encoder.spec), asked.text
        vectors = await self._images(service, body)
        return Query.vector(vectors[0], service.encoder.spec), "image"

    async def _item(self, one: str) -> Query:
        index = self._index
        if index is None or not await self._aside(partial(index.__contains__, one)):
            raise RefusedError(404, f"There is no item {one[:300]!r} in the index.")
        return Query.item(one)

    async def _aside(self, work: Callable[[], T]) -> T:
        """Do work in a thread, errors meant for users as refusals."""
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._searching)
        except GeoRetrieveError as error:
            raise refusal(error) from error


async def _gathered(asks: Sequence[tuple[str, Callable[[], Future[FloatArray]]]]) -> FloatArray:
    """The (N, D) vectors of what is asked of a service; all of them or none.

    Args:
        asks: For each what messages call it, and what submits it.
    """
    futures: list[asyncio.Future[FloatArray]] = []
    try:
        for title, ask in asks:
            with _named(title, len(asks)):
                futures.append(asyncio.wrap_future(ask()))
        vectors = []
        for (title, _), future in zip(asks, futures, strict=True):
            with _named(title, len(asks)):
                vectors.append(await future)
        return np.stack(vectors)
    finally:
        for future in futures:
            if not future.cancel() and not future.cancelled():
                future.exception()  # looked at, so that nobody complains that nobody did


@contextmanager
def _named(title: str, of: int) -> Iterator[None]:
    """Errors meant for users as refusals that name the one of several they are about."""
    try:
        yield
    except CancelledError:
        raise RefusedError(503, "The server is closing.") from None
    except GeoRetrieveError as error:
        why = refusal(error)
        line = why.line if of == 1 else f"{title}: {why.line}"
        raise RefusedError(why.status, line, retry_after=why.retry_after) from error
