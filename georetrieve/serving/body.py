"""What a request asks for, whichever way it says so: an image, several, or JSON."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from georetrieve.serving.limits import Reading, RefusedError

__all__ = ["Body", "read_body", "validated"]

Asked = TypeVar("Asked", bound=BaseModel)

MAX_FIELDS = 16
TYPES = ("application/json", "application/octet-stream")
TAKEN = (
    "send an image as the body (Content-Type: image/jpeg ... or application/octet-stream), images "
    "as multipart/form-data, or application/json"
)


class Body:
    """The body of a request.

    Attributes:
        images: Bytes of image files, with what messages call them.
        values: Of JSON; with images, of the query string and of the form.
    """

    def __init__(self, images: list[tuple[str, bytes]], values: dict[str, Any]) -> None:
        self.images, self.values = images, values


async def read_body(request: Request, reading: Reading) -> Body:
    """Read the body of a request within the limits.

    Raises:
        RefusedError: 400 malformed, 408 slow, 413 large, 415 of another type, 503 busy.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    chunks = reading.chunks(request.scope, request.receive)
    query: dict[str, Any] = dict(request.query_params)
    if kind == "multipart/form-data":
        return await _multipart(request, chunks, reading.limits.max_images, query)
    if kind not in TYPES and not kind.startswith("image/"):
        raise RefusedError(415, f"Content-Type {kind[:100]!r} is not taken; {TAKEN}.")
    data = b"".join([chunk async for chunk in chunks])
    if kind == "application/json":
        return Body([], _json(data))
    return Body([("the image", data)], query)


async def _multipart(
    request: Request,
    chunks: AsyncGenerator[bytes, None],
    max_images: int,
    values: dict[str, Any],
) -> Body:
    parser = MultiPartParser(request.headers, chunks, max_files=max_images, max_fields=MAX_FIELDS)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise RefusedError(400, f"The form cannot be read: {error.message}") from error
    images: list[tuple[str, bytes]] = []
    try:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                title = f"image {len(images) + 1} ({(value.filename or name)[:80]!r})"
                images.append((title, await value.read()))
            else:
                values[name] = value
    finally:
        await form.close()
    if not images:
        raise RefusedError(400, "The form has no file; send an image as one.")
    return Body(images, values)


def _json(data: bytes) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no number of JSON")

    try:
        values = json.loads(data, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        why = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise RefusedError(400, f"The body is no JSON: {why}.") from error
    if not isinstance(values, dict):
        raise RefusedError(400, "The body is JSON, but no object: {...}.")
    return values


def validated(model: type[Asked], values: dict[str, Any]) -> Asked:
    """The values of a request, checked.

    Raises:
        RefusedError: 422 with what is wrong first.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part)[:80] for part in first["loc"]) or "the request"
        raise RefusedError(422, f"{where}: {first['msg']}.") from error
