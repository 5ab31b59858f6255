"""The HTTP interface: vectors of images and texts, search in an index.

What FastAPI adds to the endpoints is the routing and the description.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

import georetrieve
from georetrieve.embedding import EmbeddingService
from georetrieve.errors import ServiceError
from georetrieve.search import Index
from georetrieve.serving.answers import json_answer
from georetrieve.serving.endpoints import Endpoints
from georetrieve.serving.limits import Guard, Limits, Reading
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

__all__ = ["make_app"]

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
    served = Endpoints(services, index, reading)
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
