"""Reports that cannot be written say so in a line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from georetrieve.errors import GeoRetrieveError

__all__ = ["saving"]


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
