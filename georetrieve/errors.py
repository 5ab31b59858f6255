"""Every error georetrieve raises on purpose.

    GeoRetrieveError
    ├── SourceError         an image, slide, volume or label table is unusable (also a ValueError)
    │   └── UnknownFormatError   it is no image at all, or of no format that is read
    ├── EncoderError        an encoder is unknown, or its weights unusable (also a ValueError)
    ├── StoreError          an index is missing, damaged, or was asked for what it does not hold
    │   ├── IndexNotFoundError   (also a FileNotFoundError)
    │   ├── IndexLockedError     somebody else is writing
    │   └── SpecMismatchError    vectors of one encoder were offered to the column of another
    ├── VocabularyError     a file of words, or a text, cannot be used (also a ValueError)
    ├── ServiceError        a service is closed, or a server refused or cannot be reached
    │   └── ServiceBusyError     more is waiting than it takes; try again later
    └── MissingExtraError   an optional package is not installed (also an ImportError)

A message says three things: the value that was met, why it cannot be used, and what to do about it.
The command line prints it as one line and exits with 1; anything else that escapes is a bug.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "EncoderError",
    "GeoRetrieveError",
    "IndexLockedError",
    "IndexNotFoundError",
    "MissingExtraError",
    "ServiceBusyError",
    "ServiceError",
    "SourceError",
    "SpecMismatchError",
    "StoreError",
    "UnknownFormatError",
    "VocabularyError",
    "did_you_mean",
]


class GeoRetrieveError(Exception):
    """Root of every error raised on purpose; its text is meant for the user."""


class SourceError(GeoRetrieveError, ValueError):
    """An image, slide, volume, region or label table cannot be used."""


class UnknownFormatError(SourceError):
    """What should be an image has no format that is read."""


class EncoderError(GeoRetrieveError, ValueError):
    """An encoder is unknown, or its weights cannot be used."""


class StoreError(GeoRetrieveError):
    """An index is damaged, or was asked for what it does not hold."""


class IndexNotFoundError(StoreError, FileNotFoundError):
    """There is no index at the place that was named."""


class IndexLockedError(StoreError):
    """Another process holds the index for writing."""


class SpecMismatchError(StoreError):
    """Vectors of one encoder were offered to the column of another."""


class VocabularyError(GeoRetrieveError, ValueError):
    """A file of words, or words that are asked for, cannot be used."""


class ServiceError(GeoRetrieveError):
    """The embedding service is closed, or a server refused or cannot be reached."""


class ServiceBusyError(ServiceError):
    """More is waiting than the service takes; try again later."""


class MissingExtraError(GeoRetrieveError, ImportError):
    """An optional package is not installed; the message names the install line."""


def did_you_mean(value: str, choices: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the nearest of ``choices``, or the choices themselves."""
    names = sorted(choices)
    near = difflib.get_close_matches(value, names, n=1, cutoff=0.6)
    if near:
        return f" Did you mean {near[0]!r}?"
    return f" Known: {', '.join(names)}." if names else ""
