"""Labels, groups and metadata of items that are in the index already, when their source changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from georetrieve.sources.labels import Annotation, Annotator
from georetrieve.stores.label_journal import LabelJournal
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.schema import sql_literal
from georetrieve.types import Region, Scalar

__all__ = ["forget_annotations", "refresh_annotations", "region_of", "restore_given_labels"]


def refresh_annotations(store: IndexStore, key: str, annotator: Annotator) -> int:
    """Bring labels, groups and metadata of one source folder up to date; no image is read.

    Does nothing when the annotator says what it said when the index was last refreshed.

    Returns:
        Number of items that changed.
    """
    kept = store.manifest.annotation.get(key, {})
    if kept.get("digest") == annotator.digest:
        return 0
    kinds = {record.path: record.kind for record in store.files().values() if record.source == key}
    given = LabelJournal(store.path).said()
    changed: dict[str, dict[str, Scalar]] = {}
    for row in store.scan(where=f"source = {sql_literal(key)}", without=("thumbnail",)).to_pylist():
        note = annotator.annotate(row["path"], kinds.get(row["path"], ""), region_of(row))
        difference = _difference(row, note)
        if row["id"] in given:  # what people said of an item outlasts what its file says
            difference.pop("label", None)
        if difference:
            changed[row["id"]] = difference
    if changed:
        store.update_items(changed)
    annotation = {**store.manifest.annotation, key: {**kept, "digest": annotator.digest}}
    store.update_manifest(replace(store.manifest, annotation=annotation))
    return len(changed)


def forget_annotations(store: IndexStore, key: str) -> None:
    """Have the next refresh look at every item of a source folder."""
    kept = dict(store.manifest.annotation.get(key, {}))
    kept.pop("digest", None)
    annotation = {**store.manifest.annotation, key: kept}
    store.update_manifest(replace(store.manifest, annotation=annotation))


def region_of(row: Mapping[str, Any]) -> Region | None:
    """The region in a row of the items table."""
    if row["width"] is None:
        return None
    return Region(row["x"], row["y"], row["width"], row["height"], row["slice_index"], row["axis"])


def restore_given_labels(store: IndexStore) -> int:
    """Give items the labels people gave them, where an item was made anew or a process was killed.

    Returns:
        Number of items that changed.
    """
    given = LabelJournal(store.path).said()
    if not given:
        return 0
    table = store.scan(["id", "label"])
    labels = dict(zip(*(table.column(name).to_pylist() for name in ("id", "label")), strict=True))
    changed: dict[str, dict[str, Scalar]] = {
        one: {"label": label}
        for one, label in given.items()
        if one in labels and labels[one] != label
    }
    if changed:
        store.update_items(changed)
    return len(changed)


def _difference(row: Mapping[str, Any], note: Annotation) -> dict[str, Scalar]:
    wanted: dict[str, Scalar] = {"label": note.label, "group": note.group, **note.metadata}
    return {name: value for name, value in wanted.items() if row.get(name) != value}
