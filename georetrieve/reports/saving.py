"""Reports that cannot be written say so in a line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from georetrieve.errors import GeoRetrieveError, SourceError

__all__ = ["check_figure_name", "saving"]

FIGURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".pdf", ".svg")


def check_figure_name(path: Path) -> None:
    """Refuse a file whose ending says of no kind that a figure can be drawn as.

    Raises:
        SourceError: It is one.
    """
    if path.suffix.lower() not in FIGURE_SUFFIXES:
        endings = ", ".join(FIGURE_SUFFIXES)
        raise SourceError(f"{path} cannot be drawn: its name ends in none of {endings}.")


@contextmanager
def saving(path: Path) -> Iterator[None]:
    """Make the folder of a file that is then written.

    Raises:
        GeoRetrieveError: The folder or the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise GeoRetrieveError(
            f"{path} cannot be written ({error.strerror or error}): name a file in a folder you "
            "may write to."
        ) from error
