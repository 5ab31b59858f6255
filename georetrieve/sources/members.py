"""The files behind the path an item carries: one, or the numbered slices of a volume."""

from __future__ import annotations

import re
from pathlib import Path

from georetrieve.errors import SourceError

__all__ = ["member_files"]


def member_files(root: Path, path: str) -> list[Path]:
    """The files on disk, in the order of their numbers.

    Args:
        root: Source folder, or the one file that is a source.
        path: Below it; of a volume in numbered slices ``core_*.tif``.

    Raises:
        SourceError: They are not there any more.
    """
    whole = root if root.is_file() else root / path
    found = [whole]
    if "*" in whole.name and not whole.exists():
        before, _, after = whole.name.rpartition("*")
        name = re.compile(re.escape(before) + r"(\d+)" + re.escape(after))
        numbered = [
            (int(match[1]), one)
            for one in (whole.parent.iterdir() if whole.parent.is_dir() else ())
            if (match := name.fullmatch(one.name))
        ]
        found = [one for _, one in sorted(numbered)]
    if not found or not found[0].is_file():
        raise SourceError(
            f"{whole} is not there any more; bring the file back, or index the folder where it "
            "lies now."
        )
    return found
