"""Pictures over HTTP, beside a page: thumbnails of items, tiles of the files they are in.

What is shown is named by the key of a shelf and the id of an item, never by a path.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict
from typing import Protocol
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from georetrieve.errors import GeoRetrieveError, StoreError
from georetrieve.serving.shelf import FileFacts, Shelf
from georetrieve.stores.lance import IndexStore

__all__ = ["PICTURES", "PictureShelf", "Pictures", "picture_routes"]

LENT_BYTES = 128 << 20
LONGEST_LINE = 600  # of a refusal: what was asked for is quoted in it
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}
KEEP = {"Cache-Control": "private, max-age=86400, immutable"}


class PictureShelf(Protocol):
    """What pictures are taken from; thread-safe."""

    def thumbnail(self, one: str) -> bytes:
        """A small WebP, or b""."""
        ...

    def facts(self, one: str) -> FileFacts:
        """Of the file that shows something."""
        ...

    def tile(self, one: str, level: int, column: int, row: int) -> bytes:
        """A JPEG tile of it; see :class:`~georetrieve.sources.deep_zoom.DeepZoom`."""
        ...


class Pictures:
    """The shelves a page may show pictures of, by key, and pictures lent to it; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shelves: dict[str, PictureShelf] = {}
        self._stores: dict[str, tuple[int, Shelf]] = {}
        self._lent: OrderedDict[str, tuple[bytes, str]] = OrderedDict()

    def put(self, key: str, shelf: PictureShelf) -> None:
        """Let pictures of a shelf be asked for."""
        with self._lock:
            self._shelves[key] = shelf

    def take_away(self, key: str) -> None:
        """Let pictures of a shelf be asked for no longer."""
        self._shelves.pop(key, None)  # no lock: the garbage collector may call this anywhere

    def put_index(self, store: IndexStore) -> str:
        """Let pictures of an index be asked for, at its version; the key of its shelf."""
        key = hashlib.sha256(str(store.path.resolve()).encode()).hexdigest()[:12]
        with self._lock:
            version, old = self._stores.get(key, (None, None))
            if version == store.version:
                return key
            shelf = old if old is not None and old.follow(store) else Shelf(store)
            self._stores[key] = (store.version, shelf)
            self._shelves[key] = shelf
        if old is not None and old is not shelf:
            old.close()
        return key

    def shelf(self, key: str) -> PictureShelf:
        """The shelf of a key.

        Raises:
            StoreError: There is none.
        """
        with self._lock:
            if key not in self._shelves:
                raise StoreError("This index is not open; open its page first.")
            return self._shelves[key]

    def lend(self, data: bytes, media: str = "image/png") -> str:
        """The address of a picture that is kept in memory until others take its room."""
        token = secrets.token_urlsafe(16)
        with self._lock:
            self._lent[token] = (data, media)
            while (
                len(self._lent) > 1 and sum(len(one) for one, _ in self._lent.values()) > LENT_BYTES
            ):
                self._lent.popitem(last=False)
        return f"/pictures/lent/{token}"

    def lends(self, address: str) -> bool:
        """Whether a picture is still kept at an address that :meth:`lend` gave."""
        with self._lock:
            return address.rpartition("/")[2] in self._lent

    def lent(self, token: str) -> tuple[bytes, str]:
        """A picture that was lent, and its media type.

        Raises:
            StoreError: It is no longer kept.
        """
        with self._lock:
            if token not in self._lent:
                raise StoreError("This picture is no longer kept; make it anew.")
            return self._lent[token]

    @staticmethod
    def thumbnail_url(key: str, one: str, version: str) -> str:
        """Address of a thumbnail; ``version`` changes when the picture does."""
        return f"/pictures/{key}/thumbnail?" + urlencode({"id": one, "v": version[:12]})

    @staticmethod
    def tiles_url(key: str, one: str, version: str = "") -> str:
        """Address of tiles, to which a viewer adds ``&level=…&column=…&row=…``."""
        return f"/pictures/{key}/tile?" + urlencode({"id": one, "v": version[:12]})


PICTURES = Pictures()


def picture_routes(pictures: Pictures = PICTURES) -> list[Route]:
    """The routes that answer for them."""

    def thumbnail(request: Request) -> Response:
        data = pictures.shelf(request.path_params["key"]).thumbnail(_id(request))
        if not data:
            return _problem("This item has no thumbnail.")
        return Response(data, media_type="image/webp", headers={**HEADERS, **KEEP})

    def tile(request: Request) -> Response:
        level, column, row = (_number(request, name) for name in ("level", "column", "row"))
        shelf = pictures.shelf(request.path_params["key"])
        data = shelf.tile(_id(request), level, column, row)
        return Response(data, media_type="image/jpeg", headers={**HEADERS, **KEEP})

    def facts(request: Request) -> Response:
        found = asdict(pictures.shelf(request.path_params["key"]).facts(_id(request)))
        return Response(json.dumps(found), media_type="application/json", headers=HEADERS)

    def lent(request: Request) -> Response:
        data, media = pictures.lent(request.path_params["token"])
        return Response(data, media_type=media, headers={**HEADERS, **KEEP})

    return [
        Route("/pictures/lent/{token}", _told(lent), name="lent"),
        Route("/pictures/{key}/thumbnail", _told(thumbnail), name="thumbnail"),
        Route("/pictures/{key}/tile", _told(tile), name="tile"),
        Route("/pictures/{key}/facts", _told(facts), name="facts"),
    ]


def _told(answer: Callable[[Request], Response]) -> Callable[[Request], Response]:
    def endpoint(request: Request) -> Response:
        try:
            return answer(request)
        except GeoRetrieveError as error:
            return _problem(str(error))

    return endpoint


def _problem(line: str) -> Response:
    line = line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + " …"
    return Response(
        json.dumps({"error": line}), 404, media_type="application/json", headers=HEADERS
    )


def _id(request: Request) -> str:
    return request.query_params.get("id", "")


def _number(request: Request, name: str) -> int:
    text = request.query_params.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise StoreError(f"There is no {name} {text[:20]!r}; give a whole number from 0.")
    return int(text)
