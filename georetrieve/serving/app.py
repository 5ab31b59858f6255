"""The HTTP interface: vectors of images and texts, search in an index.

Endpoints read their bodies themselves, within the limits and while they arrive; what FastAPI adds
is the routing and the description.
"""

from __future__ import annotations

import asyncio
from asyncio import CancelledError
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import anyio
import numpy as np
from anyio import CapacityLimiter
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

import georetrieve
from georetrieve.embedding import EmbeddingService
from georetrieve.errors import GeoRetrieveError, ServiceError, did_you_mean
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
from georetrieve.serving.limits import Guard, Limits, Reading, RefusedError
from georetrieve.serving.metrics import Metrics
from georetrieve.serving.page import page
from georetrieve.serving.schemas import (
    EmbedAsked,
    Embedded,
    Found,
    Health,
    Problem,
    SearchAsked,
    TextsAsked,
)
from georetrieve.types import FloatArray

__all__ = ["make_app"]

T = TypeVar("T")

SEARCHES_AT_ONCE = 4
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem} for status in (400, 408, 413, 415, 422, 429, 503)
}
IMAGE = {"schema": {"type": "string", "format": "binary"}}
FILES = {
    "schema": {
        "type": "object",
        "properties": {"file": {"type": "array", "items": IMAGE["schema"]}},
    }
}


def make_app(
    services: Mapping[str, EmbeddingService],
    *,
    index: Index | None = None,
    limits: Limits | None = None,
) -> FastAPI:
    """Put embedding services, and an index, behind HTTP.

    Args:
        services: By the name of their encoder, the default first; whoever made them closes them.
            With an index their names are those of its columns.
        index: What ``/search`` searches, at the version it was opened; without it there is none.
        limits: What requests may cost.

    Raises:
        ServiceError: There is no service.
    """
    if not services:
        raise ServiceError("No encoder is served; name one.")
    reading = Reading(limits or Limits())
    metrics = Metrics(services, lambda: reading.held)
    app = FastAPI(
        title="georetrieve",
        summary="Vectors of microfossil, thin-section and rock images, and search among them.",
        version=georetrieve.__version__,
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(Guard, reading=reading, observe=metrics.observe)
    app.add_exception_handler(HTTPException, _plain_problem)
    served = _Served(services, index, reading)
    app.post(
        "/embed",
        summary="Vectors of images or texts",
        response_model=Embedded,
        responses={**PROBLEMS, 200: {"content": {"application/x-npy": IMAGE}}},
        openapi_extra=_body(TextsAsked, EmbedAsked),
    )(served.embed)
    if index is not None:
        app.post(
            "/search",
            summary="Items of the index that look like an image, a text, or an item",
            response_model=Found,
            responses={**PROBLEMS, 404: {"model": Problem}},
            openapi_extra=_body(SearchAsked, SearchAsked),
        )(served.search)
    app.get("/healthz", summary="What is served", response_model=Health)(served.health)

    @app.get("/metrics", summary="Figures for Prometheus", response_class=Response)
    async def figures() -> Response:
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        return HTMLResponse(page(app.openapi(), str(request.base_url).rstrip("/")))

    return app


class _Served:
    """The endpoints."""

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


def _body(as_json: type[Any], with_image: type[Any]) -> dict[str, Any]:
    """How a body is described that FastAPI does not read."""
    parameters = [
        {
            "name": name,
            "in": "query",
            "schema": schema,
            "description": schema.get("description", ""),
        }
        for name, schema in with_image.model_json_schema()["properties"].items()
        if name not in ("item", "text")
    ]
    content = {
        "application/json": {"schema": as_json.model_json_schema()},
        "multipart/form-data": FILES,
        "image/*": IMAGE,
        "application/octet-stream": IMAGE,
    }
    return {"requestBody": {"required": True, "content": content}, "parameters": parameters}


async def _plain_problem(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    said = error.detail if isinstance(error, HTTPException) else "error"
    path = request.url.path[:200]
    return json_answer({"error": f"{request.method} {path}: {said}."}, status)
