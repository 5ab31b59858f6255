"""Models of maps kept in a folder, by name."""

from __future__ import annotations

import re
from pathlib import Path

from georetrieve.errors import StoreError, did_you_mean
from georetrieve.probes.segmentation.interface import Segmenter

__all__ = ["model_file", "save_model", "saved_models"]

SUFFIX = ".segmenter"
NAME = re.compile(r"\w[\w .+-]{0,59}")


def saved_models(folder: Path) -> dict[str, Path]:
    """Name → file of the models in a folder, by name; none where there is no such folder."""
    found = folder.glob(f"*{SUFFIX}") if folder.is_dir() else ()
    return {path.stem: path for path in sorted(found) if NAME.fullmatch(path.stem)}


def model_file(folder: Path, name: str) -> Path:
    """The file of a model.

    Raises:
        StoreError: There is none of this name.
    """
    known = saved_models(folder)
    if name not in known:
        raise StoreError(f"There is no model {name!r}.{did_you_mean(name, known)}")
    return known[name]


def save_model(segmenter: Segmenter, folder: Path, name: str, *, replace: bool = False) -> Path:
    """Save a model under a name.

    Args:
        segmenter: Fitted.
        folder: Is made.
        name: Letters, digits, spaces and ``_ . + -``.
        replace: Whether another model of this name may be overwritten.

    Raises:
        StoreError: The name is none, or taken, or the file cannot be written.
    """
    name = name.strip()
    if not NAME.fullmatch(name):
        raise StoreError(
            f"A model cannot be called {name[:60]!r}; use letters, digits, spaces, _ . + and -, at "
            "most 60."
        )
    path = folder / f"{name}{SUFFIX}"
    if path.exists() and not replace:
        raise StoreError(f"There is a model {name!r} already; choose another name, or replace it.")
    segmenter.save(path)
    return path
