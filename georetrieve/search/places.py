"""Where indexes are: a name lives under ``indexes/``, anything else is a path."""

from __future__ import annotations

import os
from pathlib import Path

from georetrieve.errors import IndexNotFoundError, StoreError, did_you_mean
from georetrieve.stores.manifest import MANIFEST_NAME

__all__ = ["INDEXES", "find_index", "index_path", "indexes_here"]

INDEXES = Path("indexes")


def index_path(index: str | Path) -> Path:
    """The folder of an index, which need not exist.

    Args:
        index: A name (``slides`` is ``indexes/slides`` below the working directory), or a path:
            what has a separator, starts with a dot or a tilde, or is the folder of an index.

    Raises:
        StoreError: The text is empty.
    """
    text = os.fspath(index)
    if not text.strip():
        raise StoreError("The name of the index is empty; give a name or a path.")
    path = Path(text).expanduser()
    is_name = isinstance(index, str) and len(path.parts) == 1 and text[0] not in ".~"
    if not is_name:
        return path
    named = INDEXES / text
    if not _is_index(named) and _is_index(path):
        return path
    return named


def find_index(index: str | Path) -> Path:
    """The folder of an index that exists.

    Raises:
        IndexNotFoundError: There is none; the message names the nearest that there are.
    """
    path = index_path(index)
    if _is_index(path):
        return path
    others = sorted(one.name for one in path.parent.glob("*") if _is_index(one))
    hint = did_you_mean(path.name, others)
    make = "" if others else " Make one: georetrieve index FOLDER"
    raise IndexNotFoundError(f"There is no index at {path}.{hint}{make}")


def indexes_here() -> list[Path]:
    """The indexes under ``indexes/``, by name."""
    return sorted(path for path in INDEXES.glob("*") if _is_index(path))


def _is_index(path: Path) -> bool:
    return (path / MANIFEST_NAME).is_file()
