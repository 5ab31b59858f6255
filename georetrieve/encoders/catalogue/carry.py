"""Weights on a stick: to a machine without network, with their digests and licences.

What is written is a weights folder like any other. Every file is checked as it is copied.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from georetrieve.encoders.catalogue.entry import Entry
from georetrieve.encoders.catalogue.ledger import (
    LEDGER,
    FileFacts,
    Ledger,
    joint_sha256,
    verdicts,
)
from georetrieve.encoders.catalogue.meter import Meter
from georetrieve.encoders.catalogue.weights_folder import WeightsFolder
from georetrieve.errors import EncoderError, did_you_mean
from georetrieve.protocols import Progress

__all__ = ["Carried", "export_weights", "import_weights"]

CHUNK = 1 << 20
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What became of the weights of one encoder.

    Attributes:
        name: The encoder.
        megabytes: Size of its files.
        outcome: ``copied``, ``already there`` or ``refused``.
        reason: Why it was refused, and what to do.
    """

    name: str
    megabytes: float = 0.0
    outcome: str = "copied"
    reason: str = ""


def export_weights(
    kept: WeightsFolder, names: Sequence[str], target: Path, *, progress: Progress | None = None
) -> list[Carried]:
    """Copy weights into a folder, say on a stick.

    Args:
        kept: The weights of this machine.
        names: Encoders whose weights are here.
        target: The folder; made if need be. Others' weights in it stay.
        progress: Told of the bytes copied, in megabytes.

    Raises:
        EncoderError: Weights are not here; nothing is copied then.
    """
    ledgers = {name: kept.ledger(name) for name in names}
    for name, ledger in ledgers.items():
        if ledger is None:
            hint = did_you_mean(name, [one.name for one in kept.ledgers()])
            raise EncoderError(
                f"The weights of {name} are not in {kept.root}; fetch them with georetrieve "
                f"encoders pull {name}.{hint}"
            )
    there = WeightsFolder(target.expanduser())
    return [
        _carry(kept.folder(ledger.name), ledger, there, None, progress)
        for ledger in ledgers.values()
        if ledger
    ]


def import_weights(
    kept: WeightsFolder,
    source: Path,
    entries: Sequence[Entry] = (),
    *,
    progress: Progress | None = None,
) -> list[Carried]:
    """Take weights from a folder that :func:`export_weights` has written.

    Nothing is taken that is damaged, or that is not what the catalogue pins; the rest is.

    Args:
        kept: The weights of this machine.
        source: The folder.
        entries: The catalogue.
        progress: Told of the bytes copied, in megabytes.

    Raises:
        EncoderError: There are no weights in it.
    """
    source = source.expanduser()
    folders = [source, *sorted(source.iterdir())] if source.is_dir() else []
    folders = [folder for folder in folders if (folder / LEDGER).is_file()]
    if not folders:
        raise EncoderError(
            f"{source} holds no weights; name the folder that georetrieve encoders export wrote."
        )
    pinned = {entry.name: entry for entry in entries}
    carried = []
    for folder in folders:
        try:
            ledger = Ledger.read(folder)
        except EncoderError as error:
            carried.append(Carried(name=folder.name, outcome="refused", reason=str(error)))
            continue
        if ledger:
            carried.append(_carry(folder, ledger, kept, pinned.get(ledger.name), progress))
    return carried


def _carry(
    folder: Path,
    ledger: Ledger,
    there: WeightsFolder,
    entry: Entry | None,
    progress: Progress | None,
) -> Carried:
    carried = Carried(
        name=ledger.name, megabytes=sum(f.size for f in ledger.files.values()) / MEGABYTE
    )
    try:
        _refuse_links(folder, ledger)
        if _is_there(ledger, there):
            return replace(carried, outcome="already there")
        _refuse_unpinned(folder, ledger, entry)
        _copy(folder, ledger, there.folder(ledger.name), progress)
    except EncoderError as error:
        return replace(carried, outcome="refused", reason=str(error))
    except OSError as error:
        reason = f"{error.filename or there.root}: {error.strerror or error}."
        return replace(carried, outcome="refused", reason=reason)
    return carried


def _refuse_links(folder: Path, ledger: Ledger) -> None:
    for name in ledger.files:
        if (folder / name).is_symlink():
            raise EncoderError(f"{folder / name} is a link to elsewhere; copy the file itself.")


def _is_there(ledger: Ledger, there: WeightsFolder) -> bool:
    """Whether the same files are there, whole.

    Raises:
        EncoderError: Other files are there under that name.
    """
    found = there.ledger(ledger.name)
    if found is None:
        return False
    place = there.folder(ledger.name)
    if joint_sha256(found.files) != joint_sha256(ledger.files):
        raise EncoderError(
            f"Other weights of {ledger.name} are in {place}; move that folder away to replace them."
        )
    return all(verdict.ok for verdict in verdicts(place, found, None))


def _refuse_unpinned(folder: Path, ledger: Ledger, entry: Entry | None) -> None:
    for file in entry.files if entry else ():
        facts = ledger.files.get(file.name)
        if facts and not facts.sha256.startswith(file.sha256.lower()):
            raise EncoderError(
                f"{folder / file.name} is not the file of the catalogue: its SHA-256 is "
                f"{facts.sha256[:12]}… and not {file.sha256[:12]}…. Fetch it again: georetrieve "
                f"encoders pull {ledger.name}"
            )


def _copy(folder: Path, ledger: Ledger, place: Path, progress: Progress | None) -> None:
    """Copy the files beside their names, then name them all, then write the ledger."""
    made = not place.exists()
    place.mkdir(parents=True, exist_ok=True)
    parts = {name: place / f"{name}.copy" for name in ledger.files}
    try:
        _refuse_full_disk(place, ledger.files)
        files = {}
        for name, facts in ledger.files.items():
            with Meter(f"{ledger.name}: {name}", progress) as meter:
                _copy_checked(folder / name, parts[name], facts, meter)
            files[name] = replace(facts, mtime_ns=parts[name].stat().st_mtime_ns)
        for name, part in parts.items():
            part.replace(place / name)
        replace(ledger, files=files).write(place)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
        if made and not any(place.iterdir()):
            place.rmdir()


def _copy_checked(source: Path, part: Path, facts: FileFacts, meter: Meter) -> None:
    digest, done = hashlib.sha256(), 0
    try:
        with source.open("rb") as from_, part.open("wb") as to:
            while block := from_.read(CHUNK):
                to.write(block)
                digest.update(block)
                done += len(block)
                meter.reach(done, facts.size)
            to.flush()
            os.fsync(to.fileno())
    except FileNotFoundError as error:
        raise EncoderError(f"{source} is gone; export the weights again.") from error
    if done < facts.size:
        raise EncoderError(
            f"{source} is truncated: it has {done} of its {facts.size} bytes. Copy it again."
        )
    if digest.hexdigest() != facts.sha256:
        raise EncoderError(
            f"{source} is damaged: its SHA-256 is {digest.hexdigest()[:12]}… and was "
            f"{facts.sha256[:12]}… when it was downloaded. Copy it again."
        )


def _refuse_full_disk(place: Path, files: Mapping[str, FileFacts]) -> None:
    wanted, free = sum(facts.size for facts in files.values()), shutil.disk_usage(place).free
    if wanted > free:
        raise EncoderError(
            f"{place} has {free / MEGABYTE:,.0f} MB left and {wanted / MEGABYTE:,.0f} MB are to "
            "come; make room."
        )
