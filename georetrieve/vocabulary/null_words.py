"""Words that fit nothing here: what they score tells what a text that fits nothing scores."""

from __future__ import annotations

import importlib.resources
from functools import cache

__all__ = ["null_words"]


@cache
def null_words() -> tuple[str, ...]:
    """Things that no micrograph, core or CT slice shows, from ``data/null_words.txt``."""
    data = importlib.resources.files("georetrieve.vocabulary") / "data" / "null_words.txt"
    lines = (line.strip() for line in data.read_text(encoding="utf-8").splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))
