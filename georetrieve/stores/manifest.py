"""The index's own description: a small JSON file beside the tables."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from georetrieve.errors import IndexNotFoundError, StoreError, did_you_mean
from georetrieve.types import EncoderSpec

__all__ = ["MANIFEST_NAME", "SCHEMA_VERSION", "Manifest", "SourceRoot", "write_text_atomically"]

MANIFEST_NAME = "manifest.json"
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRoot:
    """A source folder of an index.

    Attributes:
        key: Short name that items carry; "" for the first folder.
        root: Absolute path of the folder (or of the single file).
    """

    key: str
    root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an index is made of, and how.

    Attributes:
        name: Name of the index.
        sources: Its source folders.
        encoders: The encoder of each vector column.
        cutting: How files were cut into items.
        reading: How pixels were read.
        annotation: Per source key: where labels, groups and metadata come from.
        created: When, ISO 8601 in UTC.
        georetrieve_version: The version that made it.
        schema_version: Layout of manifest and tables.
    """

    name: str
    sources: tuple[SourceRoot, ...] = ()
    encoders: tuple[EncoderSpec, ...] = ()
    cutting: Mapping[str, Any] = field(default_factory=dict)
    reading: Mapping[str, Any] = field(default_factory=dict)
    annotation: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    created: str = ""
    georetrieve_version: str = ""
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        columns = [spec.column for spec in self.encoders]
        twice = {column for column in columns if columns.count(column) > 1}
        if twice:
            raise StoreError(
                f"Two encoders of index {self.name!r} would share the column {twice.pop()!r}; "
                "rename one of them."
            )

    def encoder(self, name: str | None = None) -> EncoderSpec:
        """The spec of a column, by encoder or column name; the first when no name is given.

        Raises:
            StoreError: The index has no such column, or none at all.
        """
        if not self.encoders:
            raise StoreError(f"Index {self.name!r} has no encoder yet: nothing was indexed.")
        if name is None:
            return self.encoders[0]
        for spec in self.encoders:
            if name in (spec.name, spec.column):
                return spec
        names = [spec.name for spec in self.encoders]
        raise StoreError(
            f"Index {self.name!r} has no vectors of {name!r}.{did_you_mean(name, names)} "
            f"To add them: georetrieve index SOURCE --index {self.name} --encoder {name}"
        )

    def save(self, folder: Path) -> None:
        """Write to a folder; a reader sees the old file or the new one, never half of one."""
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False, default=str)
        write_text_atomically(folder / MANIFEST_NAME, text + "\n")

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """Read the manifest of an index.

        Raises:
            IndexNotFoundError: There is none.
            StoreError: It is damaged, or of a later version of georetrieve.
        """
        path = folder / MANIFEST_NAME
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise IndexNotFoundError(
                f"{folder} holds no index: {MANIFEST_NAME} is missing."
            ) from None
        except (OSError, ValueError) as error:
            raise _damaged(path, error) from error
        try:
            version = values["schema_version"]
            if version > SCHEMA_VERSION:
                raise StoreError(
                    f"Index {folder} has schema version {version}, written by georetrieve "
                    f"{values.get('georetrieve_version', '?')}; this version reads up to "
                    f"{SCHEMA_VERSION}. Update georetrieve."
                )
            values["sources"] = tuple(SourceRoot(**root) for root in values["sources"])
            values["encoders"] = tuple(EncoderSpec.from_json(spec) for spec in values["encoders"])
            return cls(**values)
        except (KeyError, TypeError) as error:
            raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> StoreError:
    return StoreError(
        f"{path} is damaged ({type(error).__name__}: {error}). Restore it from a backup, or delete "
        "the index folder and index again."
    )


def write_text_atomically(path: Path, text: str) -> None:
    """Replace a file in one step that survives a crash: temporary file, fsync, rename.

    Raises:
        StoreError: It cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written ({error.strerror or error}); make room or mend access, then "
            "run again."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
