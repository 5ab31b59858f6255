"""One file over the network: resumed where it was cut off, its digest taken as it arrives."""

from __future__ import annotations

import errno
import hashlib
import http.client
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from georetrieve.encoders.catalogue.addresses import Address
from georetrieve.encoders.catalogue.connection import Answer, DownloadError, ask

__all__ = ["Fetched", "fetch"]

CHUNK = 1 << 20
ATTEMPTS = 3
SPARE_BYTES = 64 << 20  # left free on the disk
MEGABYTE = 1_000_000
ANOTHER_DISK = "Make room, or name a folder on another disk in GEORETRIEVE_WEIGHTS."
WRITABLE = "Name a folder that can be written to in GEORETRIEVE_WEIGHTS."


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A file that arrived whole.

    Attributes:
        sha256: Its digest.
        size: Bytes.
        revision: Commit it is from, as the hub said; "" elsewhere.
    """

    sha256: str
    size: int
    revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """Of which content something is a part; it lies beside the part."""

    source: str = ""
    validator: str = ""
    total: int = 0
    revision: str = ""
    published_sha256: str = ""


class _BrokenError(Exception):
    """The connection ended before the file did."""


def fetch(
    address: Address,
    part: Path,
    *,
    sha256: str = "",
    token: str | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Fetched:
    """Download a file into ``part``; what is there already of the same content is kept.

    Beside it, ``part.json`` says of which content it is a part, so that a file that has changed
    meanwhile is fetched anew and never spliced.

    Args:
        address: Where it is.
        part: The file to write; its folder must exist.
        sha256: Digest it must have, or the first digits; "" for any.
        token: See :func:`~georetrieve.encoders.catalogue.connection.ask`.
        report: Told the bytes that are here and how many there will be (0: unknown).

    Raises:
        DownloadError: It cannot be had, or is another file. What arrived of the right one is kept.
    """
    failures = 0
    while failures < ATTEMPTS:
        before = _size(part)
        try:
            return _attempt(address, part, sha256, token, report)
        except _BrokenError:
            failures = 1 if _size(part) > before else failures + 1
            time.sleep(failures - 1)
    raise DownloadError(
        f"the connection to {address.host} broke {ATTEMPTS} times",
        f"{_size(part) / MEGABYTE:,.1f} MB are kept; the same command goes on from there.",
    )


def _attempt(
    address: Address,
    part: Path,
    sha256: str,
    token: str | None,
    report: Callable[[int, int], None],
) -> Fetched:
    facts, offset = _what_is_here(part, address)
    with ask(address, token=token, offset=offset, validator=facts.validator) as answer:
        if answer.past_the_end:
            if offset != facts.total:
                _forget(part)
                raise _BrokenError
            digest = _digest(part).hexdigest()
        else:
            if not answer.begins_at(offset):
                offset = 0
            facts = _facts(address, answer, offset)
            _refuse_page(address, answer)
            _refuse_full_disk(part.parent, facts.total - offset)
            digest = _write(answer, part, offset, facts, report)
    if _size(part) < facts.total:
        raise _BrokenError
    _check(address, part, digest, sha256, facts)
    return Fetched(sha256=digest, size=_size(part), revision=facts.revision)


def _write(
    answer: Answer, part: Path, offset: int, facts: _Facts, report: Callable[[int, int], None]
) -> str:
    """Append what comes; return the digest of it all."""
    try:
        digest = _digest(part) if offset else hashlib.sha256()
        with part.open("r+b" if offset else "wb") as file:
            # Only now: the facts of new content must not lie beside a part of the old.
            _beside(part).write_text(json.dumps(asdict(facts)), encoding="utf-8")
            file.seek(offset)
            report(offset, facts.total)
            while block := _receive(answer):
                file.write(block)
                digest.update(block)
                offset += len(block)
                report(offset, facts.total)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        raise DownloadError(
            f"{part} cannot be written ({error.strerror or error})",
            ANOTHER_DISK if full else WRITABLE,
        ) from error
    return digest.hexdigest()


def _receive(answer: Answer) -> bytes:
    try:
        return answer.body.read(CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenError from error


def _check(address: Address, part: Path, digest: str, sha256: str, facts: _Facts) -> None:
    for who, wanted in (("catalogue", sha256), ("hub", facts.published_sha256)):
        if not digest.startswith(wanted.lower()):
            _forget(part)
            raise DownloadError(
                f"{address.url} has the SHA-256 {digest[:12]}…, and the {who} says {wanted[:12]}…",
                "What arrived was removed. Pull again; if it stays so, the file was replaced.",
            )
    size = _size(part)
    if not size or (facts.total and size != facts.total):
        _forget(part)
        raise DownloadError(
            f"{address.url} has {size} bytes, and the server says {facts.total}",
            "What arrived was removed. Pull again.",
        )


def _what_is_here(part: Path, address: Address) -> tuple[_Facts, int]:
    """The facts of a part, and its bytes; nothing where it cannot be gone on with."""
    try:
        facts = _Facts(**json.loads(_beside(part).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return _Facts(), 0
    if facts.source != address.source or not facts.validator:
        return _Facts(), 0
    return facts, _size(part)


def _facts(address: Address, answer: Answer, offset: int) -> _Facts:
    return _Facts(
        source=address.source,
        validator=answer.validator,
        total=offset + answer.length if answer.length else 0,
        revision=answer.revision,
        published_sha256=answer.published_sha256,
    )


def _refuse_page(address: Address, answer: Answer) -> None:
    if answer.headers.get_content_type() == "text/html":
        raise DownloadError(
            f"{address.host} answers with a web page to {address.url}",
            "A login or a firewall may stand between; open the address in a browser.",
        )


def _refuse_full_disk(folder: Path, wanted: int) -> None:
    free = shutil.disk_usage(folder).free
    if wanted + SPARE_BYTES > free:
        raise DownloadError(
            f"{folder} has {free / MEGABYTE:,.0f} MB left, and {wanted / MEGABYTE:,.0f} MB are to "
            "come",
            ANOTHER_DISK,
        )


def _digest(part: Path) -> hashlib._Hash:
    with part.open("rb") as file:
        return hashlib.file_digest(file, "sha256")


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _beside(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _beside(part).unlink(missing_ok=True)
