"""Getting one file of an encoder: its sources in their order, the token, the ledger."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from georetrieve.encoders.catalogue.addresses import Address, address_of, hub_token
from georetrieve.encoders.catalogue.connection import DownloadError
from georetrieve.encoders.catalogue.download import Fetched, fetch
from georetrieve.encoders.catalogue.entry import Entry, RemoteFile
from georetrieve.encoders.catalogue.ledger import FileFacts, Ledger
from georetrieve.encoders.catalogue.meter import Meter
from georetrieve.errors import EncoderError
from georetrieve.protocols import Progress

__all__ = ["by_stick", "cache_folder", "download", "now"]

NOT_THERE = frozenset({404, 410})
WHO_ARE_YOU = frozenset({401, 403})


def download(
    entry: Entry, file: RemoteFile, ledger: Ledger, folder: Path, progress: Progress | None = None
) -> Ledger:
    """Download a file of an encoder from the first of its sources that has it.

    The ledger is written before the file gets its name, so that nothing half-written is taken for
    whole, and nothing whole is without its digest.

    Args:
        entry: The encoder.
        file: One of its files.
        ledger: What is written down of the encoder so far.
        folder: Where the file goes.
        progress: Told of the download, in megabytes.

    Returns:
        The ledger with the file; as it was where the file is optional and does not exist.

    Raises:
        EncoderError: No source has it, or what they have is another file.
    """
    part = folder / f"{file.name}.part"
    failures: list[DownloadError] = []
    for source in file.sources:
        address = address_of(source, revision=_commit(source, ledger))
        try:
            with Meter(f"{entry.name}: {file.name}", progress) as meter:
                fetched = _fetch(address, file, part, meter, gated=entry.gated)
        except DownloadError as error:
            failures.append(error)
            continue
        facts = FileFacts(
            sha256=fetched.sha256,
            size=fetched.size,
            mtime_ns=part.stat().st_mtime_ns,
            source=source,
            url=address.url,
            revision=fetched.revision,
            fetched=now(),
        )
        ledger = replace(ledger, files=_in_order(entry, {**ledger.files, file.name: facts}))
        ledger.write(folder)
        part.replace(folder / file.name)
        part.with_name(f"{part.name}.json").unlink(missing_ok=True)
        return ledger
    if file.optional and all(failure.status in NOT_THERE for failure in failures):
        return ledger
    raise _cannot_be_had(entry, failures)


def by_stick(name: str) -> str:
    """How weights come to a machine without network."""
    return (
        f"On a machine with network: georetrieve encoders pull {name}; georetrieve encoders export "
        f"{name} stick/; then here: georetrieve encoders import stick/"
    )


def cache_folder() -> Path:
    """The user's folder for what can be downloaded again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def now() -> str:
    """The time, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _commit(source: str, ledger: Ledger) -> str:
    """Files of one repository are taken from one commit, although its branch may move on."""
    for facts in ledger.files.values():
        if facts.revision and _repository(facts.source) == _repository(source):
            return facts.revision
    return ""


def _repository(source: str) -> str:
    """``hub:OWNER/REPO@REVISION`` of a source."""
    before, _, after = source.partition("@")
    return f"{before}@{after.partition('/')[0]}"


def _fetch(address: Address, file: RemoteFile, part: Path, meter: Meter, *, gated: bool) -> Fetched:
    """The user's token goes where the licence asks for it, or the hub who is there."""
    token = hub_token() if address.repo else None
    try:
        return fetch(
            address,
            part,
            sha256=file.sha256,
            token=token if gated else None,
            report=meter.reach,
        )
    except DownloadError as error:
        if error.status not in WHO_ARE_YOU or gated or not token:
            raise
    return fetch(address, part, sha256=file.sha256, token=token, report=meter.reach)


def _cannot_be_had(entry: Entry, failures: list[DownloadError]) -> EncoderError:
    reasons = "; ".join(dict.fromkeys(failure.reason for failure in failures))
    remedy = failures[-1].remedy or by_stick(entry.name)
    page = f" Its page: {entry.page}" if failures[-1].status in WHO_ARE_YOU else ""
    return EncoderError(f"The weights of {entry.name} cannot be had: {reasons}. {remedy}{page}")


def _in_order(entry: Entry, files: Mapping[str, FileFacts]) -> dict[str, FileFacts]:
    order = {file.name: place for place, file in enumerate(entry.files)}
    return dict(sorted(files.items(), key=lambda item: order.get(item[0], len(order))))
