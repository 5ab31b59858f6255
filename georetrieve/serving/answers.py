"""How answers are written: JSON, .npy, and refusals as one line."""

from __future__ import annotations

import io
import json
import math
import re
from typing import Any
from urllib.parse import quote

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from georetrieve.errors import (
    EncoderError,
    GeoRetrieveError,
    ServiceBusyError,
    ServiceError,
    SourceError,
    UnknownFormatError,
)
from georetrieve.search import SearchResult
from georetrieve.serving.limits import RefusedError
from georetrieve.types import EncoderSpec, FloatArray

__all__ = ["check_condition", "found", "json_answer", "refusal", "vectors_answer"]

BINARY = ("application/x-npy", "application/octet-stream")
# What can be asked of a column without room for mischief: no function here makes text long.
FUNCTIONS = {
    *("in", "and", "or", "not", "like", "between", "cast", "is", "any", "values", "case", "when"),
    *("lower", "upper", "length", "abs", "round", "floor", "ceil", "coalesce"),
    *("contains", "starts_with", "ends_with", "strpos", "substr", "trim", "regexp_like"),
}


def json_answer(values: dict[str, Any], status: int = 200) -> Response:
    """JSON in one line; numbers it has no word for become null."""
    text = json.dumps(_plain(values), ensure_ascii=False, allow_nan=False, default=str)
    # Lone surrogates, of file names that are no text, have no UTF-8.
    data = text.encode("utf-8", "replace") + b"\n"
    return Response(data, status, media_type="application/json")


def vectors_answer(request: Request, spec: EncoderSpec, vectors: FloatArray) -> Response:
    """(N, D) vectors as JSON, or as .npy where the request accepts only that."""
    accepted = request.headers.get("accept", "").partition(",")[0].partition(";")[0].strip()
    if accepted in BINARY:
        buffer = io.BytesIO()
        np.save(buffer, vectors, allow_pickle=False)
        headers = {"X-Encoder": quote(spec.name), "X-Fingerprint": spec.fingerprint}
        return Response(buffer.getvalue(), headers=headers, media_type="application/x-npy")
    # Not through _plain: vectors are finite, and many numbers.
    facts = {
        "encoder": spec.name,
        "fingerprint": spec.fingerprint,
        "dim": spec.dim,
        "vectors": vectors.tolist(),
    }
    return Response(json.dumps(facts, allow_nan=False) + "\n", media_type="application/json")


def found(result: SearchResult, query: str) -> dict[str, Any]:
    """A search result without places on the server's disks."""
    hits = [{name: value for name, value in row.items() if name != "file"} for row in result.rows()]
    return {
        "index": result.index.name,
        "query": query,
        "encoder": result.encoder,
        "metric": result.metric,
        "remarks": list(result.remarks),
        "hits": hits,
    }


def refusal(error: GeoRetrieveError) -> RefusedError:
    """The status an error is answered with, and its line."""
    line = " ".join(str(error).split())
    if isinstance(error, ServiceBusyError):
        return RefusedError(503, line, retry_after=1)
    if isinstance(error, ServiceError):
        return RefusedError(503, line)
    if isinstance(error, UnknownFormatError):
        return RefusedError(415, line)
    if isinstance(error, SourceError):
        return RefusedError(422, line)
    if isinstance(error, EncoderError):
        return RefusedError(500, line)
    return RefusedError(400, line)


def check_condition(where: str) -> None:
    """Refuse what a filter has no use for: functions that make gigabytes of a word, a second one.

    Raises:
        RefusedError: 400, naming what is not taken.
    """
    bare = re.sub(r"'(?:[^']|'')*'", "''", where)
    if ";" in bare:
        raise RefusedError(400, "where is one condition; take the semicolon away.")
    for name in re.findall(r"(\w+)[`\"]?\s*\(", bare):
        if name.lower() not in FUNCTIONS:
            known = ", ".join(sorted(FUNCTIONS))
            raise RefusedError(400, f"Function {name[:80]!r} is not taken here. Known: {known}.")


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever columns hold
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
