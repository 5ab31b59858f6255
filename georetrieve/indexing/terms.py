"""What an index was made with, and what a later run may change of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from georetrieve.errors import StoreError
from georetrieve.indexing.options import IndexOptions, IndexReport
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest, SourceRoot

__all__ = ["findable", "refuse_other", "register_source", "with_wider_reading"]


def with_wider_reading(options: IndexOptions, store: IndexStore) -> Manifest:
    """The manifest with options that let more files be read and change no pixel of the others.

    These are the layout of ``.raw`` files, where there was none, and the largest image.
    """
    manifest = store.manifest
    new = {
        name: value
        for name, value in options.reading.items()
        if (name in ("raw_shape", "raw_dtype") and manifest.reading.get(name) is None)
        or (name == "max_pixels" and manifest.reading.get(name) != value)
    }
    return replace(manifest, reading={**manifest.reading, **new}) if new else manifest


def refuse_other(asked: Mapping[str, Any], kept: Mapping[str, Any], verb: str, name: str) -> None:
    """An index is read and cut in one way: refuse options that differ from its own."""
    differing = [
        f"{option} is {kept.get(option)!r} there, {value!r} was asked"
        for option, value in asked.items()
        if kept.get(option) != value
    ]
    if differing:
        raise StoreError(
            f"Index {name!r} was {verb} otherwise: {'; '.join(differing)}. Leave the option out, "
            "or make another index with --index."
        )


def findable(rule: str | None) -> str | None:
    """A label rule as the index keeps it: tables by their whole path."""
    return str(Path(rule).resolve()) if rule and Path(rule).is_file() else rule


def register_source(source: Path, store: IndexStore, report: IndexReport) -> str:
    """Return the key of a source folder, entering it in the manifest if it is new.

    A folder that the index knew under a path that no longer exists has been moved or renamed.
    """
    roots = store.manifest.sources
    for root in roots:
        if Path(root.root) == source:
            return root.key
    gone = [root for root in roots if not Path(root.root).exists()]
    if gone:
        moved = SourceRoot(key=gone[0].key, root=str(source))
        sources = tuple(moved if root is gone[0] else root for root in roots)
        report.remarks.append(f"{gone[0].root} is gone; its files are looked for in {source}")
        key = moved.key
    else:
        key = _free_key(source.name, {root.key for root in roots}) if roots else ""
        sources = (*roots, SourceRoot(key=key, root=str(source)))
    store.update_manifest(replace(store.manifest, sources=sources))
    return key


def _free_key(name: str, taken: set[str]) -> str:
    key, number = name, 1
    while key in taken:
        number += 1
        key = f"{name}-{number}"
    return key
