"""Ask a georetrieve server from Python."""

from __future__ import annotations

import importlib
import io
import ipaddress
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from georetrieve.errors import (
    GeoRetrieveError,
    MissingExtraError,
    ServiceBusyError,
    ServiceError,
    SourceError,
    StoreError,
    UnknownFormatError,
)
from georetrieve.types import FloatArray

__all__ = ["Client"]

Picture: TypeAlias = Path | bytes | Image.Image

IMAGES_A_REQUEST = 16
TEXTS_A_REQUEST = 64
ERRORS: dict[int, type[GeoRetrieveError]] = {
    404: StoreError,
    413: SourceError,
    415: UnknownFormatError,
    422: SourceError,
    429: ServiceBusyError,
    503: ServiceBusyError,
}


class Client:
    """Vectors and neighbours from a server that ``georetrieve serve`` runs.

    Usable as a context manager. Every refusal is raised as the error the same call would raise
    here, with the server's own line.

    Args:
        url: Say ``http://127.0.0.1:8765``.
        timeout: Seconds to wait for an answer.

    Raises:
        MissingExtraError: httpx is not installed.
        ServiceError: The URL is none.
    """

    def __init__(self, url: str, *, timeout: float = 60.0) -> None:
        self._httpx = _httpx()
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ServiceError(f"{url!r} is no address of a server; give http://HOST:PORT.")
        # A proxy, which the environment may name, does not reach this machine's own addresses.
        self._http = self._httpx.Client(base_url=url, timeout=timeout, trust_env=not _is_local(url))

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    def embed(self, images: Iterable[Picture], *, encoder: str | None = None) -> FloatArray:
        """Return the (N, D) vectors of image files, bytes of such, or RGB images.

        Raises:
            SourceError: One of them cannot be read, or is too large for the server.
            ServiceBusyError: The server has too much to do, or this client asks too often.
            ServiceError: It cannot be reached, or failed.
        """
        parts = []
        for some in _blocks(map(_bytes, images), IMAGES_A_REQUEST):
            files = [("file", (f"image {number}", data)) for number, data in enumerate(some)]
            parts.append(self._vectors(params=_given(encoder=encoder), files=files))
        return self._joined(parts)

    def embed_texts(self, texts: Sequence[str], *, encoder: str | None = None) -> FloatArray:
        """Return the (N, D) vectors of texts; see :meth:`embed`."""
        parts = [
            self._vectors(json={"texts": some, **_given(encoder=encoder)})
            for some in _blocks(texts, TEXTS_A_REQUEST)
        ]
        return self._joined(parts)

    def search(
        self,
        image: Picture | None = None,
        *,
        item: str | None = None,
        text: str | None = None,
        k: int = 10,
        where: str | None = None,
        exclude_group: bool = False,
        encoder: str | None = None,
    ) -> dict[str, Any]:
        """Find the k items of the server's index nearest to an image, an item or a text.

        Returns:
            What ``georetrieve search --format json`` prints; ``["hits"]`` are the items, best
            first.

        Raises:
            StoreError: There is no such item, or no index.
            GeoRetrieveError: See :meth:`embed`.
        """
        asked = _given(k=k, where=where, exclude_group=exclude_group, encoder=encoder)
        if image is None:
            body = asked | _given(item=item, text=text)
            values: dict[str, Any] = self._ask("POST", "/search", json=body).json()
            return values
        if item is not None or text is not None:
            raise ServiceError("Give one thing to look for: an image, an item or a text.")
        files = [("file", ("image", _bytes(image)))]
        found: dict[str, Any] = self._ask("POST", "/search", params=asked, files=files).json()
        return found

    def health(self) -> dict[str, Any]:
        """What the server serves: version, encoders, index."""
        values: dict[str, Any] = self._ask("GET", "/healthz").json()
        return values

    def _vectors(self, **content: Any) -> FloatArray:  # noqa: ANN401 - httpx' own
        answer = self._ask("POST", "/embed", headers={"Accept": "application/x-npy"}, **content)
        try:
            vectors: FloatArray = np.load(io.BytesIO(answer.content), allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise ServiceError(
                f"{self._http.base_url} does not answer with vectors; is it georetrieve's?"
            ) from error
        return vectors

    def _joined(self, parts: list[FloatArray]) -> FloatArray:
        if parts:
            return np.concatenate(parts)
        return np.empty((0, self.health()["encoders"][0]["dim"]), np.float32)

    def _ask(self, method: str, path: str, **content: Any) -> Any:  # noqa: ANN401 - httpx' own
        try:
            answer = self._http.request(method, path, **content)
        except self._httpx.TimeoutException as error:
            raise ServiceError(
                f"{self._http.base_url} did not answer within {self._http.timeout.read:g} s."
            ) from error
        except self._httpx.HTTPError as error:
            raise ServiceError(
                f"{self._http.base_url} cannot be reached ({error}); is `georetrieve serve` "
                "running there?"
            ) from error
        if answer.is_success:
            return answer
        raise ERRORS.get(answer.status_code, ServiceError)(_line(answer))


def _line(answer: Any) -> str:  # noqa: ANN401 - httpx' own
    """The line with which the server refuses."""
    try:
        values = answer.json()
    except ValueError:
        values = None
    if isinstance(values, dict) and isinstance(values.get("error"), str):
        return str(values["error"])
    return f"The server answered {answer.status_code} {answer.reason_phrase}."


def _bytes(image: Picture) -> bytes:
    """The bytes of a file; pixels travel as PNG, which loses nothing."""
    if isinstance(image, bytes):
        return image
    if isinstance(image, Path):
        try:
            return image.read_bytes()
        except OSError as error:
            why = error.strerror or error
            raise SourceError(f"{image} cannot be read ({why}); check the file.") from error
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _given(**values: Any) -> dict[str, Any]:  # noqa: ANN401 - values of JSON
    return {name: value for name, value in values.items() if value is not None}


def _blocks(values: Iterable[Any], size: int) -> Iterator[list[Any]]:
    left = iter(values)
    while block := list(itertools.islice(left, size)):
        yield block


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _httpx() -> Any:  # noqa: ANN401 - a module
    try:
        return importlib.import_module("httpx")
    except ImportError as error:
        raise MissingExtraError(
            "The client needs httpx, which is not installed; run: pip install 'georetrieve[serve]'"
        ) from error
