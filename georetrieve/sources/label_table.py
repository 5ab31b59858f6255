"""A CSV of labels, groups and metadata, read as people write such files."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from georetrieve.errors import SourceError, did_you_mean
from georetrieve.sources.csv_file import read_csv
from georetrieve.types import Region, Scalar

__all__ = ["RESERVED", "LabelTable", "column_name", "counted", "read_table", "typed_column"]

# Columns every index has; a user's column of the same name gets "user_" in front.
RESERVED = frozenset({
    "id", "source", "path", "kind", "x", "y", "width", "height", "slice_index", "axis", "region",
    "um_per_px", "group", "label", "content_hash", "thumbnail", "score", "rank", "distance",
    "percentile",
})  # fmt: skip
PATH_NAMES = ("path", "file", "filename", "file_name", "image")
BOX_NAMES = ("x", "y", "width", "height")
TRUE, FALSE = ("true", "yes"), ("false", "no")
MISSING = ("NA", "N/A", "NaN", "nan")  # as R and pandas write what is not there; "Na" is sodium
EMPTY = ("", "na", "n/a", "nan", "null", "none")
INTEGER = re.compile(r"[+-]?(0|[1-9]\d{0,17})")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(slots=True)
class LabelTable:
    """The rows of a label table.

    Attributes:
        rows: Path as written (POSIX), of a row with a box ``path#x,y,width,height`` → label, group
            (None where empty) and metadata.
        columns: Metadata column → ``int``, ``float``, ``bool`` or ``str``.
        remarks: What was odd, one line each.
    """

    rows: dict[str, tuple[str | None, str | None, dict[str, Scalar]]] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def read_table(path: Path) -> LabelTable:
    """Read a CSV with a column ``path`` and, if present, ``label``, ``group`` and further ones.

    A row is said of a file; or, where the columns ``x``, ``y``, ``width`` and ``height`` are filled
    (whole level-0 pixels) or the path is an item's id (``path#x,y,width,height``), of what lies
    there.

    Comma, semicolon or tab; UTF-8 (with or without a mark), UTF-16 with one, else Windows-1252.
    A further column becomes metadata: whole numbers, numbers (with a decimal comma where the
    semicolon separates), true/false, or text when any of its values is none of these.

    Raises:
        SourceError: It cannot be read, is empty, or has no column of paths.
    """
    table = LabelTable()
    header, lines, delimiter = read_csv(path, table.remarks, columns="path,label,group")
    places = _places(path, header)
    cells = _cells(path, lines, header, places, table)
    names = _metadata_names(header, places, table)
    values = {
        name: typed_column([row[place] for row in cells.values()], decimal_comma=delimiter == ";")
        for name, place in names.items()
    }
    table.columns = {name: kind for name, (kind, _) in values.items()}
    missing = 0
    for number, (key, row) in enumerate(cells.items()):
        said = [row[places[name]].strip() if name in places else "" for name in ("label", "group")]
        missing += sum(one in MISSING for one in said)
        label, group = (one if one and one not in MISSING else None for one in said)
        metadata = {name: column[number] for name, (_, column) in values.items()}
        table.rows[key] = (label, group, metadata)
    if missing:
        table.remarks.append(
            f"{path.name}: {counted(missing, 'cell')} of label or group that say NA or NaN are "
            "read as empty"
        )
    if "label" not in places:
        table.remarks.append(f"{path.name} has no column 'label'; no item gets a label from it")
    return table


def _places(path: Path, header: list[str]) -> dict[str, int]:
    """Where the columns with a meaning stand."""
    lowered = [name.lower() for name in header]
    places: dict[str, int] = {
        name: lowered.index(name) for name in ("label", "group") if name in lowered
    }
    if all(name in lowered for name in BOX_NAMES):
        places |= {name: lowered.index(name) for name in BOX_NAMES}
    for name in PATH_NAMES:
        if name in lowered:
            return {**places, "path": lowered.index(name)}
    raise SourceError(
        f"{path} has no column 'path' (its columns: {', '.join(header)}); name the column with the "
        f"image files so.{did_you_mean('path', lowered) if len(header) > 1 else ''}"
    )


def _cells(
    path: Path,
    lines: Sequence[list[str]],
    header: list[str],
    places: dict[str, int],
    table: LabelTable,
) -> dict[str, list[str]]:
    """Rows by path; ragged, nameless and repeated ones are left out and reported."""
    cells: dict[str, list[str]] = {}
    ragged, nameless, repeated, boxless = [], [], [], []
    for number, line in enumerate(lines[1:], 2):
        if not any(cell.strip() for cell in line):
            continue
        if len(line) > len(header):
            ragged.append(number)
            continue
        row = line + [""] * (len(header) - len(line))
        key = _key(row, places)
        if key is None:
            boxless.append(number)
        elif not key:
            nameless.append(number)
        elif key in cells:
            repeated.append(number)
        else:
            cells[key] = row
    for rows, what in (
        (ragged, "more fields than the header (a comma that is not quoted?)"),
        (nameless, "no file is named"),
        (boxless, "x, y, width and height are not four whole numbers of a box"),
        (repeated, "names what an earlier row names, and the earlier row counts"),
    ):
        if rows:
            lines_shown = ", ".join(str(row) for row in rows[:5]) + (" …" if len(rows) > 5 else "")
            table.remarks.append(
                f"{path.name}: {counted(len(rows), 'row')} left out: {what} (line {lines_shown})"
            )
    return cells


def _key(row: list[str], places: dict[str, int]) -> str | None:
    """What a row is said of; "" when it names no file, None when its box is no box."""
    name = _posix(row[places["path"]])
    box = [row[places[side]].strip() for side in BOX_NAMES] if BOX_NAMES[0] in places else []
    if not name or not any(box):
        return name
    try:
        x, y, width, height = (int(side) for side in box)
        return f"{name}#{Region(x, y, width, height)}"
    except ValueError:  # a SourceError is one too
        return None


def _posix(name: str) -> str:
    clean = name.strip().replace("\\", "/")
    while clean.startswith("./"):
        clean = clean[2:]
    return clean


def counted(count: int, what: str) -> str:
    """``1 row``, ``2,000 rows``."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _metadata_names(header: list[str], places: dict[str, int], table: LabelTable) -> dict[str, int]:
    """Column name in the index → place in the file."""
    names: dict[str, int] = {}
    for place, name in enumerate(header):
        if place in places.values() or not name:
            continue
        wanted = column_name(name)
        clean = wanted
        while clean in names:
            clean += "_"
        if clean != name:
            table.remarks.append(f"column {name!r} is called {clean!r} in the index")
        names[clean] = place
    return names


def column_name(name: str) -> str:
    """A name that filters can use: letters, digits, underscores, and none an index has itself."""
    clean = re.sub(r"\W+", "_", name.strip()).strip("_") or "column"
    if clean[0].isdigit():
        clean = f"c_{clean}"
    reserved = clean.lower() in RESERVED or clean.lower().startswith("vector_")
    return f"user_{clean}" if reserved else clean


def typed_column(values: Sequence[str], *, decimal_comma: bool) -> tuple[str, list[Scalar]]:
    """The narrowest type all values of a column have, and the values; empty ones are None.

    Numbers with a leading zero (``007``) are names, and stay text.
    """
    clean = [value.strip() for value in values]
    known = [value for value in clean if value.lower() not in EMPTY]
    if known and all(value.lower() in TRUE + FALSE for value in known):
        return "bool", [_or_none(value, lambda v: v.lower() in TRUE) for value in clean]
    if known and all(INTEGER.fullmatch(value) for value in known):
        return "int", [_or_none(value, int) for value in clean]
    plain = [_point(value) if decimal_comma else value for value in clean]
    known = [value for value in plain if value.lower() not in EMPTY]
    if known and all(_is_number(value) for value in known):
        return "float", [_or_none(value, float) for value in plain]
    return "str", [value or None for value in clean]


def _point(value: str) -> str:
    return value.replace(",", ".") if value.count(",") == 1 and "." not in value else value


def _is_number(value: str) -> bool:
    digits = value.lstrip("+-")
    coded = len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()
    return NUMBER.fullmatch(value) is not None and not coded


def _or_none(value: str, convert: Callable[[str], Scalar]) -> Scalar:
    if value.lower() in EMPTY:
        return None
    return convert(value)
