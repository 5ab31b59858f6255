"""The weights on this machine: one folder an encoder, found, downloaded and checked.

The folder can be carried: see :mod:`georetrieve.encoders.catalogue.carry`. Nothing in it is opened
as weights here; it holds files and their digests.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from georetrieve.encoders.catalogue.addresses import offline_by
from georetrieve.encoders.catalogue.entry import Entry, RemoteFile
from georetrieve.encoders.catalogue.ledger import (
    Ledger,
    Verdict,
    folder_name,
    joint_sha256,
    verdicts,
)
from georetrieve.encoders.catalogue.meter import Meter
from georetrieve.encoders.catalogue.obtaining import by_stick, cache_folder, download, now
from georetrieve.errors import EncoderError, did_you_mean
from georetrieve.protocols import Progress

__all__ = ["LocalWeights", "WeightsFolder"]

PLACE = "GEORETRIEVE_WEIGHTS"
LOCKS = ".locks"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalWeights:
    """The weights of one encoder, on this machine.

    Attributes:
        folder: Where they lie.
        files: Name → path, the weights first; optional ones that do not exist are left out.
        sha256: Digest of the file if there is one, else of the sorted lines ``DIGEST  NAME``.
        revision: Commit of the hub the weights are from; "" for those from elsewhere.
        source: Where the weights are from, as the catalogue has it.
    """

    folder: Path
    files: Mapping[str, Path]
    sha256: str
    revision: str
    source: str

    @property
    def path(self) -> Path:
        """The weights themselves: the first file."""
        return next(iter(self.files.values()))


class WeightsFolder:
    """A folder of weights.

    Args:
        root: The folder; it is made when something is put into it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def default(cls) -> WeightsFolder:
        """The folder that ``GEORETRIEVE_WEIGHTS`` names, else one in the user's cache."""
        named = os.environ.get(PLACE)
        return cls(
            Path(named).expanduser() if named else cache_folder() / "georetrieve" / "weights"
        )

    def folder(self, name: str) -> Path:
        """Where the weights of an encoder lie, or would lie."""
        return self.root / folder_name(name)

    def ledger(self, name: str) -> Ledger | None:
        """What is written down of an encoder's weights; None where there is nothing.

        Raises:
            EncoderError: It is damaged, or is of another encoder.
        """
        ledger = Ledger.read(self.folder(name))
        if ledger and ledger.name != name:
            raise EncoderError(
                f"The weights of {name} would lie in {self.folder(name)}, where those of "
                f"{ledger.name} are; move that folder away."
            )
        return ledger

    def ledgers(self, *, strict: bool = False) -> list[Ledger]:
        """What is written down of all weights that are here, in alphabetical order.

        Args:
            strict: Refuse a damaged ledger; else weights without a readable one are left out.

        Raises:
            EncoderError: A ledger is damaged.
        """
        found = []
        for folder in sorted(self.root.iterdir()) if self.root.is_dir() else []:
            try:
                ledger = Ledger.read(folder) if folder.is_dir() else None
            except EncoderError:
                if strict:
                    raise
                continue
            if ledger:
                found.append(ledger)
        return found

    def is_here(self, entry: Entry) -> bool:
        """Whether the files of an encoder are here with their sizes; digests are not taken."""
        ledger = self.ledger(entry.name)
        if ledger is None or self._lacking(entry, ledger):
            return False
        sizes = {self.folder(entry.name) / name: facts.size for name, facts in ledger.files.items()}
        return all(path.stat().st_size == size for path, size in sizes.items() if path.is_file())

    def find(self, entry: Entry) -> LocalWeights | None:
        """The weights of an encoder if they are here.

        A file whose size and modification time are as they were when its digest was taken is taken
        to be the same; of others the digest is taken again.

        Raises:
            EncoderError: A file is not the one that was downloaded, or that the catalogue pins.
        """
        ledger = self.ledger(entry.name)
        if ledger is None or self._lacking(entry, ledger):
            return None
        self._verify(ledger, entry)
        return self._local(ledger, [file.name for file in entry.files])

    def find_sha256(self, sha256: str) -> LocalWeights | None:
        """The weights with a digest as in :attr:`LocalWeights.sha256`, whatever their name.

        Raises:
            EncoderError: A file of theirs is not the one that was downloaded.
        """
        for ledger in self.ledgers():
            if joint_sha256(ledger.files) == sha256:
                self._verify(ledger)
                return self._local(ledger, list(ledger.files))
        return None

    def obtain(self, entry: Entry, *, progress: Progress | None = None) -> LocalWeights:
        """The weights of an encoder; downloaded if they are not here.

        Raises:
            EncoderError: They cannot be had, or the licence was not accepted explicitly.
        """
        return self.find(entry) or self.pull(entry, progress=progress)

    def pull(
        self, entry: Entry, *, accept_licence: bool = False, progress: Progress | None = None
    ) -> LocalWeights:
        """Download what is not here of an encoder's weights, or is not as it was.

        Args:
            entry: The encoder.
            accept_licence: The user accepts the licence; asked for where it is not a usual one.
            progress: Told of the download, in megabytes.

        Raises:
            EncoderError: They cannot be had, or the licence was not accepted explicitly.
        """
        ledger = self.ledger(entry.name) or Ledger(name=entry.name)
        accepted = ledger.accepted or (now() if accept_licence else "")
        if entry.gated and not accepted:
            raise EncoderError(
                f"{entry.name} comes under the {entry.licence} ({entry.licence_url}). If you "
                f"accept it: georetrieve encoders pull {entry.name} --accept-licence"
            )
        if self._missing(entry, ledger):
            if variable := offline_by():
                raise EncoderError(
                    f"The weights of {entry.name} are not in {self.root}, and {variable} forbids "
                    f"downloads. {by_stick(entry.name)}"
                )
            with self._locked(entry, progress):
                ledger = self.ledger(entry.name) or ledger
                ledger = replace(
                    ledger, licence=entry.licence, licence_url=entry.licence_url, accepted=accepted
                )
                for file in self._missing(entry, ledger):
                    ledger = download(entry, file, ledger, self.folder(entry.name), progress)
        if not ledger.files:
            raise EncoderError(f"{entry.page or entry.name} has none of the files of weights.")
        return self._local(ledger, [file.name for file in entry.files])

    def check(
        self, name: str, entry: Entry | None = None, *, progress: Progress | None = None
    ) -> list[Verdict]:
        """Take the digest of every file of an encoder.

        Args:
            name: The encoder.
            entry: Its entry of the catalogue, whose digests its files must have too.
            progress: Told of the bytes read, in megabytes.

        Raises:
            EncoderError: Its weights are not here.
        """
        ledger = self.ledger(name)
        if ledger is None:
            hint = did_you_mean(name, [ledger.name for ledger in self.ledgers()])
            raise EncoderError(f"The weights of {name} are not in {self.root}.{hint}")
        with Meter(f"checking {name}", progress) as meter:
            return list(verdicts(self.folder(name), ledger, entry, report=meter.add))

    def _verify(self, ledger: Ledger, entry: Entry | None = None) -> None:
        """Take the digests of files that may have changed, and write down that they have not."""
        folder = self.folder(ledger.name)
        files = dict(ledger.files)
        for verdict in verdicts(folder, ledger, entry, thorough=False):
            if not verdict.ok:
                raise EncoderError(verdict.reason)
            files[verdict.file] = verdict.facts
        if files != ledger.files:
            with contextlib.suppress(OSError):  # a folder that cannot be written to can be read
                replace(ledger, files=files).write(folder)

    def _lacking(self, entry: Entry, ledger: Ledger) -> list[RemoteFile]:
        """Files that are not here; of optional ones those that were here once."""
        folder = self.folder(entry.name)
        return [
            file
            for file in entry.files
            if (file.name in ledger.files or not file.optional)
            and not (file.name in ledger.files and (folder / file.name).is_file())
        ]

    def _missing(self, entry: Entry, ledger: Ledger) -> list[RemoteFile]:
        """Files to download: what lacks, what has changed, and what may or may not exist."""
        lacking = {file.name for file in self._lacking(entry, ledger)}
        present = replace(ledger, files={k: v for k, v in ledger.files.items() if k not in lacking})
        good = {
            verdict.file
            for verdict in verdicts(self.folder(entry.name), present, entry, thorough=False)
            if verdict.ok
        }
        asked_before = bool(ledger.files) and not lacking
        return [
            file
            for file in entry.files
            if file.name not in good
            and not (file.optional and asked_before and file.name not in ledger.files)
        ]

    def _local(self, ledger: Ledger, names: Sequence[str]) -> LocalWeights:
        folder = self.folder(ledger.name)
        facts = {name: ledger.files[name] for name in names if name in ledger.files}
        first = next(iter(facts.values()))
        return LocalWeights(
            folder=folder,
            files={name: folder / name for name in facts},
            sha256=joint_sha256(facts),
            revision=first.revision,
            source=first.source,
        )

    @contextlib.contextmanager
    def _locked(self, entry: Entry, progress: Progress | None) -> Iterator[None]:
        """One process downloads an encoder's weights; others wait, and find them."""
        folder, locks = self.folder(entry.name), self.root / LOCKS
        try:
            locks.mkdir(parents=True, exist_ok=True)
            lock = FileLock(locks / f"{folder.name}.lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                if progress:
                    progress.say(f"Another process downloads {entry.name}; waiting for it.")
                lock.acquire()
        except OSError as error:
            raise EncoderError(
                f"{self.root} cannot be written to ({error.strerror or error}); name another "
                f"folder in {PLACE}."
            ) from error
        try:
            folder.mkdir(exist_ok=True)
            yield
        finally:
            with contextlib.suppress(OSError):
                folder.rmdir()  # if nothing arrived
            lock.release()
