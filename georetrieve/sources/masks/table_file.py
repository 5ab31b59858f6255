"""Tables of classes in files: CSV, JSON or TOML with a name, a code and a colour each."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from georetrieve.errors import SourceError
from georetrieve.sources.csv_file import read_csv
from georetrieve.sources.masks.classes import ClassTable, MapClass, distinct_colours

__all__ = ["parse_colour", "read_class_table"]

KNOWN = ("name", "code", "colour", "color")


def read_class_table(path: Path) -> ClassTable:
    """Read a table of classes.

    CSV: the columns ``name``, ``code`` and ``colour`` (or ``color``). JSON: a list of objects with
    these keys, or an object with such a list under ``classes``. TOML: ``[[classes]]`` tables. A
    colour is ``#rrggbb`` or ``r,g,b``; classes without one get one that is easily told apart.
    Without codes, classes count 0, 1, 2 … in their order.

    Raises:
        SourceError: It cannot be read, has no names, or a code or colour is none.
    """
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".tsv", ".txt", ".json", ".toml"):
        raise SourceError(
            f"{path} is no table of classes; give a .csv, .json or .toml file with name, code and "
            "colour."
        )
    rows = _csv_rows(path) if suffix in (".csv", ".tsv", ".txt") else _object_rows(path, suffix)
    if not rows:
        raise SourceError(f"{path} names no class; give each a line with name, code and colour.")
    coded = ["code" in row for row in rows]
    if any(coded) and not all(coded):
        raise SourceError(f"{path} gives some classes a code and others none; give all or none.")
    spare = distinct_colours(len(rows))
    return ClassTable(
        tuple(_class(path, number, row, spare[number]) for number, row in enumerate(rows))
    )


def _csv_rows(path: Path) -> list[dict[str, Any]]:
    header, lines, _ = read_csv(path, [], columns="name,code,colour")
    lowered = [name.lower() for name in header]
    if "name" not in lowered:
        raise SourceError(
            f"{path} has no column 'name' (its columns: {', '.join(header)}); a table of classes "
            "has name, code and colour."
        )
    rows = []
    for number, line in enumerate(lines[1:], 2):
        if not any(cell.strip() for cell in line):
            continue
        if len(line) > len(header):
            raise SourceError(
                f"{path}, line {number}: more fields than the header; put a colour r,g,b into "
                'quotation marks: "200,30,40".'
            )
        cells = {name: cell.strip() for name, cell in zip(lowered, line, strict=False)}
        rows.append({name: cell for name, cell in cells.items() if name in KNOWN and cell})
    return rows


def _object_rows(path: Path, suffix: str) -> list[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        values = json.loads(text) if suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise SourceError(f"{path} is not {suffix[1:].upper()} ({error}); mend it.") from error
    rows = values.get("classes") if isinstance(values, Mapping) else values
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise SourceError(
            f"{path} holds no list of classes; each is an object with name, code and colour."
        )
    return [{str(key).lower(): value for key, value in row.items()} for row in rows]


def _class(
    path: Path, number: int, row: Mapping[str, Any], spare: tuple[int, int, int]
) -> MapClass:
    name = str(row.get("name", "")).strip()
    if not name:
        raise SourceError(f"{path}: class {number + 1} has no name.")
    code = row.get("code", number)
    try:
        whole = int(code)
    except (TypeError, ValueError) as error:
        raise SourceError(f"{path}: the code {code!r} of {name!r} is no whole number.") from error
    colour = row.get("colour", row.get("color"))
    try:
        return MapClass(name, whole, spare if colour is None else parse_colour(colour))
    except SourceError as error:
        raise SourceError(f"{path}: {name!r}: {error}") from error


def parse_colour(value: str | Sequence[int]) -> tuple[int, int, int]:
    """Read ``#rrggbb``, ``r,g,b`` or three numbers.

    Raises:
        SourceError: It is no colour.
    """
    if isinstance(value, str):
        match = re.fullmatch(r"#?([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})", value.strip())
        parts = [int(one, 16) for one in match.groups()] if match else _numbers(value)
    else:
        parts = list(value)
    whole = all(isinstance(part, int) and 0 <= part <= 255 for part in parts)
    if len(parts) != 3 or not whole:
        raise SourceError(f"{value!r} is no colour; write #rrggbb, or r,g,b of 0 to 255.")
    red, green, blue = parts
    return red, green, blue


def _numbers(text: str) -> list[int]:
    parts = re.split(r"[,; ]+", text.strip().removeprefix("rgb").strip("()[] "))
    return [int(part) for part in parts if part.isdigit()] if all(parts) else []
