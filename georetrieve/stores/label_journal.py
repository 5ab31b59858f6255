"""What people said items are: who, when and what was there before, in a file that only grows.

A line of ``labels.jsonl`` is one act: labels given to any number of items at once, an earlier act
taken back, or files renamed. The line is written, and on disk, before the items are changed; if the
process is killed in between, the next that writes to the index makes good for it, since what people
said last is what the journal says and not what the table happens to hold.
"""

from __future__ import annotations

import json
import os
import secrets
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from georetrieve.errors import StoreError, did_you_mean
from georetrieve.types import item_id

__all__ = ["JOURNAL_NAME", "Act", "How", "LabelJournal"]

JOURNAL_NAME = "labels.jsonl"
How = Literal["given", "suggested", "imported"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Labels given at once.

    Attributes:
        batch: Names the act.
        when: ISO 8601, UTC.
        who: Said so.
        how: ``given`` by hand, ``suggested`` by a probe and accepted, ``imported`` from a table.
        labels: (before, after) by item id; None is no label.
        undone: It was taken back.
    """

    batch: str
    when: str
    who: str
    how: How = "given"
    labels: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
    undone: bool = False


class LabelJournal:
    """The journal of an index.

    Args:
        index: Folder of the index.

    Raises:
        StoreError: The file is damaged elsewhere than in its last line, which a process that was
            killed may leave unfinished.
    """

    def __init__(self, index: Path) -> None:
        self.path = index / JOURNAL_NAME
        self._acts: dict[str, Act] = {}
        for line in self._lines():
            self._meet(line)

    def __len__(self) -> int:
        return len(self._acts)

    @property
    def acts(self) -> list[Act]:
        """All acts, the oldest first."""
        return list(self._acts.values())

    def said(self) -> dict[str, str | None]:
        """What people last said of each item of which anything they said still stands."""
        return {
            one: after
            for act in self._acts.values()
            if not act.undone
            for one, (_, after) in act.labels.items()
        }

    def found(self) -> dict[str, str | None]:
        """What items were labelled before people said anything of them."""
        labels: dict[str, str | None] = {}
        for act in self._acts.values():
            for one, (before, _) in act.labels.items():
                labels.setdefault(one, before)
        return labels

    def sayings(self) -> dict[str, Act]:
        """The act each item has its label from."""
        return {one: act for act in self._acts.values() if not act.undone for one in act.labels}

    def givers(self) -> Counter[str]:
        """Who gave the labels that stand, those of most items first."""
        counts = Counter(act.who for act in self.standing().values())
        return Counter(dict(sorted(counts.items(), key=lambda one: (-one[1], one[0]))))

    def standing(self, *, by: Collection[str] = (), since: date | None = None) -> dict[str, Act]:
        """The act each item has its label from, of those with a label that a person gave.

        Args:
            by: Only by these people; none named: by anybody.
            since: Only given on this day, UTC, or later.

        Raises:
            StoreError: Nobody of such a name has given a label that stands.
        """
        acts = {one: act for one, act in self.sayings().items() if act.labels[one][1] is not None}
        people = {act.who for act in acts.values()}
        for name in by:
            if name not in people:
                raise StoreError(
                    f"No label that stands was given by {name!r}.{did_you_mean(name, people)} See "
                    "georetrieve label history INDEX."
                )
        first = "" if since is None else since.isoformat()
        return {
            one: act
            for one, act in acts.items()
            if (not by or act.who in by) and act.when[: len(first)] >= first
        }

    def give(
        self, labels: Mapping[str, tuple[str | None, str | None]], *, who: str, how: How
    ) -> Act:
        """Note labels, as (before, after) by item id; call it under the index's write lock.

        Raises:
            StoreError: The file cannot be written.
        """
        act = Act(batch=secrets.token_hex(6), when=_now(), who=who, how=how, labels=dict(labels))
        self._append(
            {
                "batch": act.batch,
                "when": act.when,
                "who": who,
                "how": how,
                "labels": {one: list(pair) for one, pair in act.labels.items()},
            }
        )
        return act

    def take_back(self, batch: str, *, who: str) -> Act:
        """Note that an act is undone; call it under the index's write lock.

        Raises:
            StoreError: There is no such act, it was undone before, or the file cannot be written.
        """
        act = self._acts.get(batch)
        if act is None or act.undone:
            why = "was undone before" if act else "is unknown"
            raise StoreError(f"Act {batch!r} {why}; see georetrieve label history INDEX.")
        self._append({"undone": batch, "when": _now(), "who": who})
        return act

    def rename(self, renames: Mapping[tuple[str, str], tuple[str, str]]) -> None:
        """Note that files, by (source, path), are now called otherwise, if any label is theirs."""
        known = {one.partition("#")[0] for act in self._acts.values() for one in act.labels}
        moved = [
            [*old, *new]
            for old, new in renames.items()
            if item_id(old[1], None, source=old[0]) in known
        ]
        if moved:
            self._append({"moved": moved, "when": _now()})

    def _lines(self) -> Iterator[dict[str, Any]]:
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(
                f"{self.path} cannot be read ({error}); restore it from a backup: it holds the "
                "labels people gave."
            ) from error
        lines = text.split("\n")
        for number, line in enumerate(lines, start=1):
            if not line:
                continue
            try:
                yield json.loads(line)
            except ValueError as error:
                if number == len(lines):  # no line end: its writer was killed, nothing followed
                    return
                raise StoreError(
                    f"Line {number} of {self.path} is damaged ({error}); restore the file from a "
                    "backup: it holds the labels people gave."
                ) from error

    def _append(self, line: dict[str, Any]) -> None:
        text = json.dumps(line, ensure_ascii=False)
        try:
            with self.path.open("a+b") as stream:
                # A line that a killed writer left unfinished would swallow this one.
                stream.truncate(_end_of_last_line(stream.tell(), self.path))
                stream.write((text + "\n").encode())
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise StoreError(
                f"{self.path} cannot be written ({error.strerror or error}); make room or mend "
                "access, then label again."
            ) from error
        self._meet(line)

    def _meet(self, line: Mapping[str, Any]) -> None:
        try:
            if "moved" in line:
                self._move(line["moved"])
            elif "undone" in line:
                self._undo(str(line["undone"]))
            else:
                act = _act(line)
                self._acts[act.batch] = act
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(
                f"{self.path} holds a line that is no act ({error}); restore the file from a "
                "backup, or use the version of georetrieve that wrote it."
            ) from error

    def _undo(self, batch: str) -> None:
        act = self._acts[batch]
        self._acts[batch] = _replaced(act, act.labels, undone=True)

    def _move(self, moved: Sequence[Sequence[str]]) -> None:
        new = {
            item_id(path, None, source=source): item_id(to, None, source=new_source)
            for source, path, new_source, to in moved
        }
        for batch, act in self._acts.items():
            labels = {_renamed(one, new): pair for one, pair in act.labels.items()}
            self._acts[batch] = _replaced(act, labels, undone=act.undone)


def _act(line: Mapping[str, Any]) -> Act:
    how = line["how"]
    if how not in get_args(How):
        raise ValueError(f"how is {how!r}")
    labels = {str(one): (before, after) for one, (before, after) in line["labels"].items()}
    return Act(batch=line["batch"], when=line["when"], who=line["who"], how=how, labels=labels)


def _replaced(
    act: Act, labels: Mapping[str, tuple[str | None, str | None]], *, undone: bool
) -> Act:
    return Act(
        batch=act.batch, when=act.when, who=act.who, how=act.how, labels=labels, undone=undone
    )


def _renamed(one: str, new: Mapping[str, str]) -> str:
    stem, mark, region = one.partition("#")
    return new.get(stem, stem) + mark + region


def _end_of_last_line(size: int, path: Path) -> int:
    if not size:
        return 0
    with path.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        if stream.read(1) == b"\n":
            return size
        stream.seek(0)
        return stream.read().rfind(b"\n") + 1


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
