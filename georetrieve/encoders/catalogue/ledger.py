"""What is written down beside weights: where they came from, their digests, the licence."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from georetrieve.encoders.catalogue.entry import Entry
from georetrieve.errors import EncoderError

__all__ = [
    "LEDGER",
    "FileFacts",
    "Ledger",
    "Verdict",
    "folder_name",
    "joint_sha256",
    "sha256_of",
    "verdicts",
]

LEDGER = "weights.json"
SCHEMA = 1
CHUNK = 1 << 20
PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """A file as it was when its digest was taken.

    Attributes:
        sha256: Hex digest.
        size: Bytes.
        mtime_ns: Modification time, nanoseconds.
        source: The source of the catalogue it is from.
        url: The address that was asked.
        revision: Commit of the repository it is from, as the hub said; "" elsewhere.
        fetched: When it was downloaded, ISO 8601.
    """

    sha256: str
    size: int
    mtime_ns: int = 0
    source: str = ""
    url: str = ""
    revision: str = ""
    fetched: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The weights of one encoder.

    Attributes:
        name: The encoder.
        files: Name → facts, the weights first.
        licence: Under which they are published.
        licence_url: Where it can be read.
        accepted: When the user accepted it explicitly, ISO 8601; "" where that was not asked for.
    """

    name: str
    files: Mapping[str, FileFacts] = field(default_factory=dict)
    licence: str = ""
    licence_url: str = ""
    accepted: str = ""

    @classmethod
    def read(cls, folder: Path) -> Ledger | None:
        """Read the ledger of a folder; None where there is none.

        Raises:
            EncoderError: It cannot be read, is damaged, or names files outside of its folder.
        """
        path = folder / LEDGER
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            if values.pop("schema") != SCHEMA:
                raise EncoderError(
                    f"{path} was written by another version of georetrieve; pull the weights again."
                )
            files = {name: FileFacts(**facts) for name, facts in values.pop("files").items()}
            ledger = cls(files=files, **values)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise EncoderError(f"{path} cannot be read ({error.strerror or error}).") from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            if isinstance(error, EncoderError):
                raise
            raise EncoderError(
                f"{path} is damaged; remove the folder {folder} and pull the weights again."
            ) from error
        if not files or not all(PLAIN.fullmatch(name) for name in files):
            raise EncoderError(f"{path} is damaged: it names no files, or files elsewhere.")
        return ledger

    def write(self, folder: Path) -> None:
        """Write it into a folder, whole or not at all."""
        text = json.dumps({"schema": SCHEMA, **asdict(self)}, indent=2, ensure_ascii=False)
        beside = folder / f".{LEDGER}.{os.getpid()}"
        beside.write_text(text + "\n", encoding="utf-8")
        beside.replace(folder / LEDGER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found of a file.

    Attributes:
        name: The encoder.
        file: Name of the file.
        facts: As they are now where it is the right one, else as they should be.
        reason: Why it is not the right one, and what to do; "" where it is.
    """

    name: str
    file: str
    facts: FileFacts
    reason: str = ""

    @property
    def ok(self) -> bool:
        """It is the file that was downloaded, and that the catalogue pins."""
        return not self.reason


def verdicts(
    folder: Path,
    ledger: Ledger,
    entry: Entry | None,
    *,
    thorough: bool = True,
    report: Callable[[int], None] = lambda count: None,
) -> Iterator[Verdict]:
    """Compare the files of a folder with its ledger and with the catalogue.

    Args:
        folder: Where the files lie.
        ledger: What is written down of them.
        entry: The catalogue's entry, whose digests they must have too; None: there is none.
        thorough: Take every digest; else only where size or modification time have changed.
        report: Told of bytes that were read.
    """
    pinned = {file.name: file.sha256.lower() for file in entry.files} if entry else {}
    for name, facts in ledger.files.items():
        path = folder / name
        now, reason = _compare(path, facts, pinned.get(name, ""), thorough, report)
        if reason:
            reason = f"{path} {reason}. Fetch it again: georetrieve encoders pull {ledger.name}"
        yield Verdict(name=ledger.name, file=name, facts=now, reason=reason)


def _compare(
    path: Path, facts: FileFacts, pinned: str, thorough: bool, report: Callable[[int], None]
) -> tuple[FileFacts, str]:
    if not path.is_file():
        return facts, "is gone"
    stat = path.stat()
    if stat.st_size < facts.size:
        return facts, f"is truncated: it has {stat.st_size} of its {facts.size} bytes"
    found = facts.sha256
    if thorough or (stat.st_size, stat.st_mtime_ns) != (facts.size, facts.mtime_ns):
        found = sha256_of(path, report)
    if found != facts.sha256:
        was = f"its SHA-256 was {facts.sha256[:12]}… and is {found[:12]}…"
        return facts, f"has changed since it was downloaded: {was}"
    if not found.startswith(pinned):
        differs = f"its SHA-256 is {found[:12]}… and not {pinned[:12]}…"
        return facts, f"is not the file of the catalogue: {differs}"
    return replace(facts, mtime_ns=stat.st_mtime_ns), ""


def sha256_of(path: Path, report: Callable[[int], None] = lambda count: None) -> str:
    """Hex digest of a file, read in pieces.

    Raises:
        EncoderError: It cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(CHUNK):
                digest.update(block)
                report(len(block))
    except OSError as error:
        raise EncoderError(f"{path} cannot be read ({error.strerror or error}).") from error
    return digest.hexdigest()


def folder_name(encoder: str) -> str:
    """Name of an encoder's folder: ``hf:facebook/dinov2-base`` → ``hf--facebook--dinov2-base``."""
    return re.sub(r"[^A-Za-z0-9._-]+", "--", encoder).lstrip(".-")


def joint_sha256(files: Mapping[str, FileFacts]) -> str:
    """One digest for all files: of the only one, or of the sorted lines ``DIGEST  NAME``."""
    if len(files) == 1:
        return next(iter(files.values())).sha256
    lines = "".join(f"{facts.sha256}  {name}\n" for name, facts in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
