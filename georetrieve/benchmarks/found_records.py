"""Records of benchmark runs that lie in folders.

Folders are searched within bounds, links are not followed, and a JSON file of something else is
passed over; what is a record but cannot be read is named with its reason.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from georetrieve.benchmarks.record import Estimate, RunRecord, load_record
from georetrieve.errors import StoreError

__all__ = [
    "QUERIES",
    "FoundRecord",
    "FoundRecords",
    "find_records",
    "read_records",
    "record_files",
    "report_places",
]

QUERIES = ".queries.csv"
"""Ends the name of the file beside a record that holds the values of each query."""
MOST_FILES = 2000
MOST_FOLDERS = 20_000
DEEPEST = 6
MOST_BYTES = 64 << 20
_BEGINNING = 400  # a record begins with its task


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """A record and where it lies.

    Attributes:
        name: Tells it apart from the others that were found: its folder below the one searched.
        path: Of its file.
        record: What it says.
    """

    name: str
    path: Path
    record: RunRecord

    @property
    def title(self) -> str:
        """Method or encoder, and name."""
        encoder = self.record.encoder
        method = str(self.record.settings.get("method") or "") or (encoder and encoder.name)
        return f"{method} · {self.name}" if method else self.name

    @property
    def page(self) -> Path | None:
        """The web report beside the record, or a folder above; None where there is none."""
        places = (self.path.parent, self.path.parent.parent)
        return next((one for folder in places if (one := folder / "report.html").is_file()), None)


@dataclass(frozen=True, slots=True)
class FoundRecords:
    """What was found.

    Attributes:
        records: The oldest first.
        damaged: Files that hold a record that cannot be read, and why.
    """

    records: tuple[FoundRecord, ...]
    damaged: tuple[tuple[Path, str], ...] = ()


def report_places(index: Path) -> list[Path]:
    """Where benchmarks write by default: the index itself, and the working directory."""
    here = Path()
    return [index / "reports", here / "reports", *sorted(here.glob("segmentation-*/"))]


def find_records(places: Iterable[Path]) -> FoundRecords:
    """Read the records below some folders; a file that is named itself must be one.

    Raises:
        StoreError: A place does not exist, a file that is named is no record, or there are too
            many files to look through.
    """
    places = list(places)
    for place in places:
        if not place.exists():
            raise StoreError(f"There is nothing at {place}: name a record, or a folder of records.")
        if place.is_file():
            load_record(place)
    return read_records(record_files(places))


def record_files(places: Iterable[Path]) -> dict[Path, str]:
    """Files below some folders that begin like a record, each with a name to tell it by.

    Places that do not exist are passed over.

    Raises:
        StoreError: There are more than 2,000 JSON files, or more than 20,000 folders.
    """
    found: dict[Path, str] = {}
    for place in places:
        for path in _json_files(place):
            if path in found or not (path == place or _begins_like_a_record(path)):
                continue
            name = _name(path, place)
            taken = set(found.values())
            if name in taken:
                name = next(
                    one for n in range(2, MOST_FILES) if (one := f"{name} ({n})") not in taken
                )
            found[path] = name
    return found


def _json_files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
        return
    files = 0
    for folders, (name, inside, names) in enumerate(os.walk(place), start=1):
        folder = Path(name)
        deep = len(folder.relative_to(place).parts) >= DEEPEST
        # Tables of an index are folders of many thousand files, none of which is a record.
        inside[:] = (
            []
            if deep
            else sorted(
                one for one in inside if not one.startswith(".") and not one.endswith(".lance")
            )
        )
        found = [folder / one for one in sorted(names) if one.endswith(".json")]
        files += len(found)
        if files > MOST_FILES or folders > MOST_FOLDERS:
            raise StoreError(
                f"{place} holds more than {MOST_FILES:,} JSON files or {MOST_FOLDERS:,} folders: "
                "name a folder nearer to the records."
            )
        yield from (path for path in found if not path.is_symlink())


def _begins_like_a_record(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            beginning = file.read(_BEGINNING)
    except OSError:
        return path.name == "record.json"  # reading it will say why it cannot be read
    return (b'"task":' in beginning and b'"protocol":' in beginning) or path.name == "record.json"


def _name(path: Path, place: Path) -> str:
    relative = path.relative_to(place) if path != place else Path(path.parent.name, path.name)
    parts = relative.with_suffix("").parts
    if parts[-1] == "record":
        parts = parts[:-1] or (place.resolve().name,)
    return "/".join(parts)


def read_records(files: Mapping[Path, str]) -> FoundRecords:
    """Read records.

    Args:
        files: With the name each is to have.
    """
    records, damaged = [], []
    for path, name in files.items():
        try:
            records.append(FoundRecord(name, path, _read(path)))
        except StoreError as error:
            damaged.append((path, str(error)))
    records.sort(key=lambda one: (one.record.created, one.name))
    return FoundRecords(tuple(records), tuple(damaged))


def _read(path: Path) -> RunRecord:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror or error}).") from error
    if size > MOST_BYTES:
        raise StoreError(f"{path} has {size:,} bytes; no record is larger than {MOST_BYTES:,}.")
    record = load_record(path)
    wrong = next(_faults(record), None)
    if wrong is not None:
        raise StoreError(
            f"{path} is damaged ({wrong}): run the benchmark again to make a new record."
        )
    return record


def _faults(record: RunRecord) -> Iterator[str]:
    """What is not of the kind a record has; it may have been written by hand."""
    data = record.data
    for name in ("task", "protocol", "created", "command", "georetrieve_version"):
        if not isinstance(getattr(record, name), str):
            yield f"its {name} is no text"
    for name in ("settings", "tables", "environment"):
        if not isinstance(getattr(record, name), Mapping):
            yield f"its {name} have no names"
            return
    numbers = {name: getattr(data, name) for name in ("n_items", "n_labelled", "n_queries")}
    numbers |= {"seconds": record.seconds, **_of(data.classes), **_of(data.groups)}
    yield from (f"{name} is no number" for name, one in numbers.items() if not _is_number(one))
    for name, one in record.metrics.items():
        if not _is_estimate(one):
            yield f"measure {name!r} is no number"
    for name, rows in record.tables.items():
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            yield f"table {name!r} has no rows"


def _of(counts: object) -> Mapping[str, object]:
    return counts if isinstance(counts, Mapping) else {"a count": counts}


def _is_estimate(one: Estimate) -> bool:
    numbers = (one.value, one.low, one.high, one.chance, one.n)
    return all(value is None or _is_number(value) for value in numbers)


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value)
