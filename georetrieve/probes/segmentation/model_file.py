"""Fitted segmenters on disk: one safetensors file of numbers, with what they are as JSON in it.

Every method saves with this module. A file holds no code, so that one from a stranger can be
opened: at worst it is refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from georetrieve.errors import StoreError

__all__ = ["model_digest", "read_model", "write_model"]

FORMAT = "georetrieve-segmenter-1"
KEY = "georetrieve"


def write_model(
    path: Path, method: str, facts: Mapping[str, Any], tensors: Mapping[str, npt.NDArray[Any]]
) -> None:
    """Write a model in one step: whoever reads meanwhile sees the old file or the new one.

    Args:
        path: The file; its folder is made.
        method: What the segmenter is called: ``patch-nn``, ``otsu`` ...
        facts: JSON-able values.
        tensors: Arrays of numbers, by name; of any shape.

    Raises:
        StoreError: The file cannot be written.
    """
    text = json.dumps({"format": FORMAT, "method": method, "facts": dict(facts)}, sort_keys=True)
    arrays = {name: np.ascontiguousarray(values) for name, values in tensors.items()}
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not save_file: it makes a file that nobody else may read.
        with temporary.open("wb") as written:
            written.write(save(arrays, metadata={KEY: text}))
            written.flush()
            os.fsync(written.fileno())
        temporary.replace(path)
    except (OSError, SafetensorError) as error:
        raise StoreError(
            f"The model {path} cannot be written ({_one_line(error)}); choose another place, or "
            "make room."
        ) from error
    finally:
        with contextlib.suppress(OSError):  # there is nothing to take away where nothing is written
            temporary.unlink()


def read_model(path: Path) -> tuple[str, dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Read what :func:`write_model` wrote.

    Returns:
        The method, the facts, and the arrays by name.

    Raises:
        StoreError: The file is missing, damaged, or no model of this version.
    """
    try:
        with safe_open(path, framework="np") as file:
            text = (file.metadata() or {}).get(KEY, "{}")
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
        values = json.loads(text)
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise StoreError(
            f"The model {path} cannot be read ({_one_line(error)}); check the path, or fit it "
            "again with 'georetrieve segment fit'."
        ) from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        found = values.get("format") if isinstance(values, dict) else None
        raise StoreError(
            f"{path} is no model of this version of georetrieve (its format is {found!r} and not "
            f"{FORMAT!r}); fit one with 'georetrieve segment fit'."
        )
    method, facts = values.get("method"), values.get("facts")
    if not isinstance(method, str) or not isinstance(facts, dict):
        raise StoreError(f"The model {path} does not say what it is; fit it again.")
    return method, facts, tensors


def model_digest(path: Path) -> str:
    """What tells the model in a file from others, 16 hexadecimal digits.

    Raises:
        StoreError: The file cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise StoreError(f"The model {path} cannot be read ({_one_line(error)}).") from error


def _one_line(error: Exception) -> str:
    return " ".join((getattr(error, "strerror", None) or str(error)).split())
