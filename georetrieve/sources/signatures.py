"""The first bytes by which files are told apart."""

from __future__ import annotations

from pathlib import Path

__all__ = ["NPY_MAGIC", "TIFF_MAGIC", "is_tiff"]

# Classic and BigTIFF, little- and big-endian.
TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
NPY_MAGIC = b"\x93NUMPY"


def is_tiff(path: Path) -> bool:
    """Whether a file starts like a TIFF."""
    with path.open("rb") as file:
        return file.read(4).startswith(TIFF_MAGIC)
