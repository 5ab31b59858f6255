"""What Lance says when it fails, in a line."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from georetrieve.errors import StoreError

__all__ = ["LANCE_ERRORS", "first_sentence", "in_one_line"]

LANCE_ERRORS = (OSError, ValueError, RuntimeError, pa.ArrowException)


@contextlib.contextmanager
def in_one_line(path: Path, what: str) -> Iterator[None]:
    """Say in a line what of a table Lance could not do.

    Args:
        path: Of the table.
        what: As in "cannot be read".

    Raises:
        StoreError: It could not.
    """
    try:
        yield
    except LANCE_ERRORS as error:
        raise StoreError(f"{path} cannot {what} ({first_sentence(error)}).") from error


def first_sentence(error: Exception) -> str:
    """What Lance says, without where in its code it says so."""
    text = re.split(r", (?:/|\w+/src/)\S*\.rs:\d+", " ".join(str(error).split()))[0]
    text = re.split(r" Valid fields are | You can use double quotes ", text)[0]
    text = re.sub(r"^.*?(?:Invalid user input: |LanceError\(\w+\): )", "", text)
    text = re.sub(r"Error resolving filter expression .*?: Invalid user input: ", "", text)
    text = re.sub(r"^Schema error: |^Error parsing statement: SELECT 1 FROM t WHERE ", "", text)
    return text.strip().rstrip(".,") or type(error).__name__
