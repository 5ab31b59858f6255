"""What a user decides when a folder is indexed, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import SourceError

__all__ = ["IndexOptions", "IndexReport", "Silent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexOptions:
    """Choices of one run; None means "as the index has it", for a new index the default.

    Attributes:
        encoder: Name of an encoder; one that the index does not have yet becomes a further vector
            column, filled for every item. None: those the index has, or ``bundled``.
        adapt: Fit the bundled encoder, without labels, to a new index's images, if enough.
        labels: Where labels come from: ``none``, ``folder``, a CSV file, or ``regex:…``.
        groups: Where groups come from: likewise; None: the slide or volume an item was cut from.
        cutting: How items are cut: fields of ``CutOptions`` that differ from the default.
        reading: How files are read: fields of ``ReadOptions`` that differ from the default.
        runtime: How encoders run.
        workers: Threads that read and decode; 0: as many as there are processors.
        batch_size: Images an encoder is given at once.
        commit_items: Items after which a commit is due.
        retry: Read files again that failed before, though they have not changed.

    Raises:
        SourceError: ``workers``, ``batch_size`` or ``commit_items`` is too small.
    """

    encoder: str | None = None
    adapt: bool = True
    labels: str | None = None
    groups: str | None = None
    cutting: Mapping[str, Any] = field(default_factory=dict)
    reading: Mapping[str, Any] = field(default_factory=dict)
    runtime: Runtime = field(default_factory=Runtime)
    workers: int = 0
    batch_size: int = 32
    commit_items: int = 512
    retry: bool = False

    def __post_init__(self) -> None:
        """Refuse numbers with which nothing would be read or encoded."""
        for name, least in (("workers", 0), ("batch_size", 1), ("commit_items", 1)):
            if getattr(self, name) < least:
                raise SourceError(
                    f"{name} = {getattr(self, name)} cannot be: it is {least} or more."
                )


@dataclass(slots=True, kw_only=True)
class IndexReport:
    """What a run did.

    Attributes:
        index: Folder of the index.
        items: Items in the index now.
        labels: Distinct labels in the index now.
        files: Files the walk found.
        indexed: Files read in this run and now in the index.
        unchanged: Files left alone because nothing about them changed.
        moved: Files found under a new name; their vectors were kept.
        relabelled: Items whose label, group or metadata changed without being read again.
        missing: Files in the index that are no longer on disk (``georetrieve prune`` removes them).
        failed: (path, reason) of every file that could not be indexed, earlier runs included.
        ignored: Files without an image's name, not looked at.
        encoded: Item vectors computed in this run.
        remarks: What the user should know, one line each.
        encode_seconds: Wall time of reading, encoding and writing.
        seconds: Wall time of the whole run.
    """

    index: str
    items: int = 0
    labels: int = 0
    files: int = 0
    indexed: int = 0
    unchanged: int = 0
    moved: int = 0
    relabelled: int = 0
    missing: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    ignored: int = 0
    encoded: int = 0
    remarks: list[str] = field(default_factory=list)
    encode_seconds: float = 0.0
    seconds: float = 0.0


class Silent:
    """A :class:`~georetrieve.protocols.Progress` that keeps quiet."""

    def start(self, stage: str, total: int | None, unit: str = "items") -> None:
        """Say nothing."""

    def advance(self, steps: int = 1) -> None:
        """Say nothing."""

    def grow(self, steps: int) -> None:
        """Say nothing."""

    def say(self, message: str) -> None:
        """Say nothing."""

    def finish(self) -> None:
        """Say nothing."""
