"""Asking a server for a file: redirects, tokens, and what its refusals mean."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Iterator, Mapping
from http.client import HTTPMessage
from typing import IO
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

import georetrieve
from georetrieve.encoders.catalogue.addresses import Address, trusted_with_token

__all__ = ["Answer", "DownloadError", "ask"]

TIMEOUT_SECONDS = 30.0
PAST_THE_END = http.client.REQUESTED_RANGE_NOT_SATISFIABLE


class DownloadError(Exception):
    """A file could not be had.

    Attributes:
        reason: Why, without a full stop.
        remedy: What to do about it, a sentence; "" where no server could be reached.
        status: The server's answer; 0 where there was none.
    """

    def __init__(self, reason: str, remedy: str = "", *, status: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.remedy, self.status = reason, remedy, status


class Answer:
    """What a server sends.

    Attributes:
        body: To be read in pieces.
        headers: Of the server that sends the body.
        revision: Commit the file is from, as the hub said on the way; "" elsewhere.
        published_sha256: Digest of a large file, as the hub said on the way; "" elsewhere.
    """

    def __init__(self, body: http.client.HTTPResponse | HTTPError, said: Mapping[str, str]) -> None:
        self.body = body
        self.headers = body.headers
        self.revision = said.get("X-Repo-Commit", "")
        linked = said.get("X-Linked-Etag", "")
        self.published_sha256 = linked if len(linked) == 64 else ""

    @property
    def past_the_end(self) -> bool:
        """The part that was asked for begins where the file ends, or behind it."""
        return self.body.status == PAST_THE_END

    def begins_at(self, offset: int) -> bool:
        """Whether it is the part from ``offset`` on, and not the whole file."""
        asked = f"bytes {offset}-"
        return self.body.status == http.client.PARTIAL_CONTENT and self.headers.get(
            "Content-Range", ""
        ).startswith(asked)

    @property
    def length(self) -> int:
        """Bytes to come; 0: unknown."""
        return int(self.headers.get("Content-Length") or 0)

    @property
    def validator(self) -> str:
        """What tells this content from a later one at the same place; "" if nothing does."""
        etag: str = self.headers.get("ETag", "")
        weak = not etag or etag.startswith("W/")
        return self.headers.get("Last-Modified", "") if weak else etag


class _Redirects(HTTPRedirectHandler):
    """Follows redirects; a token stays with the server it is for, what the hub says is kept."""

    def __init__(self, token: str | None) -> None:
        self.token = token
        self.said: dict[str, str] = {}

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        """As every redirect, but never to what is no encrypted server where one was asked."""
        self.listen(headers)
        old, asked = urlsplit(req.full_url), urlsplit(newurl)
        if asked.scheme not in {"https", old.scheme}:
            fp.close()
            raise DownloadError(
                f"{old.netloc} leads to {asked.scheme}://{asked.netloc}",
                "A download without encryption is not trusted.",
            )
        new = super().redirect_request(req, fp, code, msg, headers, newurl)
        if new and self.token and (old.scheme, old.netloc) == (asked.scheme, asked.netloc):
            new.add_unredirected_header("Authorization", f"Bearer {self.token}")
        return new

    def listen(self, headers: HTTPMessage) -> None:
        """Keep the hub's word on the commit, and on the digest of a large file."""
        for name in ("X-Repo-Commit", "X-Linked-Etag"):
            if name in headers:
                self.said.setdefault(name, headers[name].strip('"'))


@contextlib.contextmanager
def ask(
    address: Address, *, token: str | None = None, offset: int = 0, validator: str = ""
) -> Iterator[Answer]:
    """Ask for a file.

    Args:
        address: Where it is.
        token: Proves who asks; goes to the address's own server only, and only encrypted.
        offset: Bytes that are here already; the server may send the whole file nevertheless.
        validator: Of the content these bytes are of; the whole is sent if it has changed.

    Raises:
        DownloadError: The server cannot be reached, or refuses.
    """
    agent = f"georetrieve/{georetrieve.__version__}"
    request = Request(address.url, headers={"User-Agent": agent})
    if offset:
        request.add_header("Range", f"bytes={offset}-")
        request.add_header("If-Range", validator)
    redirects = _Redirects(token if trusted_with_token(address.url) else None)
    if redirects.token:
        # Not carried to where a redirect leads.
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        body = _opener(redirects).open(request, timeout=TIMEOUT_SECONDS)
    except HTTPError as error:
        if error.code != PAST_THE_END:
            error.close()
            raise _refusal(address, error) from error
        body = error.fp
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(f"{address.host} cannot be reached ({_why(error)})") from error
    with contextlib.closing(body):
        redirects.listen(body.headers)
        yield Answer(body, redirects.said)


def _opener(redirects: _Redirects) -> OpenerDirector:
    """Only HTTP: the usual opener would follow an address to a local file or an FTP server."""
    opener = OpenerDirector()
    for handler in (
        ProxyHandler(),
        HTTPHandler(),
        HTTPSHandler(),
        HTTPDefaultErrorHandler(),
        HTTPErrorProcessor(),
        redirects,
    ):
        opener.add_handler(handler)
    return opener


def _why(error: object) -> str:
    cause = getattr(error, "reason", error)
    return str(getattr(cause, "strerror", None) or cause) or type(cause).__name__


def _refusal(address: Address, error: HTTPError) -> DownloadError:
    answer = f"{error.code} {error.reason}"
    if error.code in {401, 403}:
        return DownloadError(
            f"{address.host} refuses {address.url} ({answer})",
            "It is private or does not exist, or its licence must be accepted on its page; then "
            "log in with 'hf auth login'.",
            status=error.code,
        )
    if error.code in {404, 410}:
        return DownloadError(
            f"there is no {address.url} ({answer})",
            "Its publisher has moved or removed it.",
            status=error.code,
        )
    return DownloadError(
        f"{address.host} answers {answer} to {address.url}", "Try again later.", status=error.code
    )
