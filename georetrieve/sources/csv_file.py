"""CSV files as people write them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from georetrieve.errors import SourceError

__all__ = ["read_csv"]


def read_csv(
    path: Path, remarks: list[str], *, columns: str
) -> tuple[list[str], list[list[str]], str]:
    """Read all lines of a CSV.

    Comma, semicolon or tab; UTF-8 (with or without a mark), UTF-16 with one, else Windows-1252.

    Args:
        path: The file.
        remarks: Where what was odd is written, one line each.
        columns: What its first line might be, for the message that it is empty.

    Returns:
        The names of the columns; all lines, the first among them; what separates fields.

    Raises:
        SourceError: It cannot be read, is no CSV, or is empty.
    """
    text = _decode(path, remarks)
    delimiter = max((",", ";", "\t"), key=text.partition("\n")[0].count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise SourceError(f"{path} is not a CSV ({error}); check its quotation marks.") from error
    if not lines:
        raise SourceError(f"{path} is empty; its first line names the columns: {columns}.")
    return [name.strip() for name in lines[0]], lines, delimiter


def _decode(path: Path, remarks: list[str]) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(f"Table {path} cannot be read ({error.strerror}).") from error
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        remarks.append(f"{path.name} is not UTF-8; read as Windows-1252")
        return content.decode("cp1252", "replace")
