"""The rules annotations come from: folder names, patterns, tables."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Protocol

from georetrieve.errors import SourceError, did_you_mean
from georetrieve.sources.folder import walk
from georetrieve.sources.label_table import LabelTable, column_name, counted, read_table
from georetrieve.sources.options import VolumeRule
from georetrieve.types import Region, Scalar

__all__ = ["Annotation", "FolderRule", "PatternRule", "Rule", "TableRule", "make_rule"]

SAME_PLACE = 0.5
# A named group that matches digits only, or digits and one point, gives a number.
GROUP = re.compile(r"\(\?P<(\w+)>((?:[^()\\]|\\.|\((?:[^()\\]|\\.)*\))*)\)")
DIGITS = re.compile(r"(?:(?:\\d|\[0-9\])(?:[+*?]|\{\d+(?:,\d*)?\})?)+")
DECIMAL = re.compile(
    r"-?\??(?:\\d|\[0-9\]|\[\\d\.\]|\[0-9\.\]|\\\.|\(\?:|\)|[+*?]|\{\d+(?:,\d*)?\})+"
)


@dataclass(frozen=True, slots=True)
class Annotation:
    """What is said of an item: label, group, metadata."""

    label: str | None = None
    group: str | None = None
    metadata: Mapping[str, Scalar] = field(default_factory=dict)


class Rule(Protocol):
    """One source of annotations."""

    columns: dict[str, str]

    def look_up(self, path: str, region: Region | None = None) -> Annotation | None:
        """What is said of a file, or of what lies somewhere in it; None when nothing is."""
        ...

    def report(self) -> list[str]:
        """What the user should know."""
        ...

    def state(self) -> object:
        """JSON-able values that change when answers do."""
        ...


def make_rule(option: str | None, root: Path, volumes: VolumeRule, what: str) -> Rule | None:
    """The rule an option of :meth:`georetrieve.sources.labels.Annotator.from_options` names.

    Raises:
        SourceError: No such file, not a table, or not a pattern.
    """
    if option is None or option == "none":
        return None
    if option == "folder":
        return FolderRule(what)
    if option.startswith("regex:"):
        return PatternRule(option.removeprefix("regex:"), what)
    folder = root if root.is_dir() else root.parent
    for path in (Path(option).expanduser(), folder / option):
        if path.is_file():
            return TableRule(path, root, volumes)
    hint = did_you_mean(option, ("none", "folder")) if "." not in option else ""
    raise SourceError(
        f"{what} {option!r} is no file here or in {folder}, nor 'folder', 'none' or 'regex:…'; "
        f"give one of these.{hint}"
    )


class FolderRule:
    """Label: the folder's name. Group: its path."""

    def __init__(self, what: str) -> None:
        self.columns: dict[str, str] = {}
        self._what = what
        self._outside: set[str] = set()

    def look_up(self, path: str, region: Region | None = None) -> Annotation | None:
        """Name and path of the folder the file lies in."""
        del region  # said of the whole file
        parent = PurePosixPath(path).parent
        if not parent.name:
            self._outside.add(path)
            return None
        return Annotation(parent.name, str(parent))

    def report(self) -> list[str]:
        """What the user should know."""
        count = len(self._outside)
        if not count:
            return []
        where = "in no folder below the source"
        return [f"no {self._what} for {counted(count, 'file')} ({where}, so without a folder name)"]

    def state(self) -> object:
        """JSON-able values that change when answers do."""
        return "folder"


class PatternRule:
    """Named groups of a regular expression."""

    def __init__(self, pattern: str, what: str) -> None:
        try:
            self._pattern = re.compile(pattern)
        except re.error as error:
            raise SourceError(
                f"{what} pattern {pattern!r} is not a regular expression ({error})."
            ) from error
        names = self._pattern.groupindex
        if not names:
            raise SourceError(
                f"{what} pattern {pattern!r} has no named group; write (?P<label>…) around the "
                "label or (?P<group>…) around the group."
            )
        kinds = {name: _group_type(inner) for name, inner in GROUP.findall(pattern)}
        self._names = {name: column_name(name) for name in names if name not in ("label", "group")}
        self._kinds = {name: kinds.get(name, "str") for name in self._names}
        self.columns = {column: self._kinds[name] for name, column in self._names.items()}
        self._unmatched: set[str] = set()

    def look_up(self, path: str, region: Region | None = None) -> Annotation | None:
        """What the pattern finds in the path."""
        del region  # said of the whole file
        match = self._pattern.search(path)
        if match is None:
            self._unmatched.add(path)
            return None
        found = match.groupdict()
        metadata = {
            column: _number(found[name], self._kinds[name]) for name, column in self._names.items()
        }
        return Annotation(found.get("label") or None, found.get("group") or None, metadata)

    def report(self) -> list[str]:
        """What the user should know."""
        if not self._unmatched:
            return []
        example = min(self._unmatched)
        return [
            f"the pattern {self._pattern.pattern!r} does not match "
            f"{counted(len(self._unmatched), 'file')} (for instance {example})"
        ]

    def state(self) -> object:
        """JSON-able values that change when answers do."""
        return ["regex", self._pattern.pattern]


def _group_type(inner: str) -> str:
    if DIGITS.fullmatch(inner):
        return "int"
    return "float" if DECIMAL.fullmatch(inner) else "str"


def _number(text: str | None, kind: str) -> Scalar:
    if text is None or kind == "str":
        return text
    try:
        return int(text) if kind == "int" else float(text)
    except ValueError:
        return None


class TableRule:
    """Rows of a CSV, matched to the files that are there, and to what lies in them.

    A row with a box is said of an item whose region covers the same place: of several the one with
    the largest overlap (intersection over union), at least one half.
    """

    def __init__(self, path: Path, root: Path, volumes: VolumeRule) -> None:
        self._table: LabelTable = read_table(path)
        self.columns = self._table.columns
        files = [file.path for file in walk(root, volumes=volumes).files]
        rows: dict[str, list[tuple[str, Region | None]]] = defaultdict(list)
        for row in self._table.rows:
            name, region = _split_row(row)
            rows[name].append((row, region))
        file_of, unmatched, ambiguous = _match_rows(list(rows), files, root)
        self._row_of: dict[str, str] = {}
        self._boxes: dict[str, list[tuple[str, Region]]] = defaultdict(list)
        for file, name in file_of.items():
            for row, region in rows[name]:
                if region is None:
                    self._row_of[file] = row
                else:
                    self._boxes[file].append((row, region))
        self._remarks = list(self._table.remarks)
        if unmatched:
            self._remarks.append(f"{path.name}: no file is there for {_shown(unmatched)}")
        if ambiguous:
            self._remarks.append(
                f"{path.name}: more than one file fits {_shown(ambiguous)}; write the folder too"
            )
        bare = [file for file in files if file not in file_of]
        if bare:
            self._remarks.append(
                f"{path.name}: no row for {counted(len(bare), 'file')} (for instance {bare[0]})"
            )

    def look_up(self, path: str, region: Region | None = None) -> Annotation | None:
        """The row of the box, else that of the file."""
        row = self._row_of.get(path)
        if region is not None and path in self._boxes:
            overlap, nearest = max((_iou(box, region), one) for one, box in self._boxes[path])
            row = nearest if overlap >= SAME_PLACE else row
        return None if row is None else Annotation(*self._table.rows[row])

    def report(self) -> list[str]:
        """What the user should know."""
        return self._remarks

    def state(self) -> object:
        """JSON-able values that change when answers do."""
        said = {path: self._table.rows[row] for path, row in self._row_of.items()}
        boxes = {
            file: [(row, self._table.rows[row]) for row, _ in found]
            for file, found in self._boxes.items()
        }
        return [said, boxes]


def _shown(rows: list[str]) -> str:
    return f"{counted(len(rows), 'row')} ({', '.join(rows[:3])}{' …' if len(rows) > 3 else ''})"


def _split_row(row: str) -> tuple[str, Region | None]:
    """File and region of an item's id; a file whose name has a ``#`` is a file."""
    name, mark, place = row.rpartition("#")
    if mark:
        with suppress(SourceError):
            return name, Region.parse(place)
    return row, None


def _iou(one: Region, other: Region) -> float:
    """Intersection over union of two regions; 0 in different slices."""
    if (one.axis, one.index) != (other.axis, other.index):
        return 0.0
    (left, top, right, bottom), (x0, y0, x1, y1) = one.box, other.box
    wide, high = min(right, x1) - max(left, x0), min(bottom, y1) - max(top, y0)
    both = max(0, wide) * max(0, high)
    return both / (one.width * one.height + other.width * other.height - both)


def _match_rows(
    rows: list[str], files: list[str], root: Path
) -> tuple[dict[str, str], list[str], list[str]]:
    """File → row; rows without a file; rows that fit several files.

    A row fits by its path below the root, else by an absolute path, a path that starts with the
    root's own name, or the end of the path (a bare file name, say) when that is unambiguous.
    """
    names = set(files)
    by_end: dict[str, list[str]] = defaultdict(list)
    for file in files:
        parts = PurePosixPath(file).parts
        for start in range(len(parts)):
            by_end["/".join(parts[start:])].append(file)
        if "*" in parts[-1]:
            by_end["/".join(parts[:-1])].append(file)
    row_of: dict[str, str] = {}
    unmatched, ambiguous = [], []
    later = []
    for row in rows:
        if row in names:
            row_of[row] = row
        else:
            later.append(row)
    for row in later:
        short = row.removeprefix(f"{root.as_posix()}/").removeprefix(f"{root.name}/")
        fits = [short] if short in names else by_end.get(short, [])
        if len(fits) > 1:
            ambiguous.append(row)
        elif not fits or fits[0] in row_of:
            unmatched.append(row)
        else:
            row_of[fits[0]] = row
    return row_of, unmatched, ambiguous
