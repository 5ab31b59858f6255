"""What a text benchmark knows of the items of a column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from georetrieve.benchmarks.record import DataFacts
from georetrieve.benchmarks.text.settings import TextColumns
from georetrieve.search import Index
from georetrieve.types import EncoderSpec, FloatArray, IntArray

__all__ = ["TextItems", "read_items"]

FEW_GROUPS = 10


@dataclass(frozen=True, slots=True)
class TextItems:
    """N items of a column, with what is known of them.

    Attributes:
        ids: Of the items.
        vectors: (N, D).
        labels: What each is; None where that is not known.
        sets: What is in each, empty where that is not known; None: the index does not say.
        captions: Sentences that describe them; None where there is none.
        groups: Of the items; None where unknown.
    """

    ids: list[str]
    vectors: FloatArray
    labels: list[str | None]
    sets: list[frozenset[str]] | None
    captions: list[str | None]
    groups: list[str | None]

    def clusters(self, rows: IntArray) -> IntArray | None:
        """(M,) numbers of the groups of some items, -1 for none; None with fewer than two."""
        names = sorted({one for one in self.groups if one})
        if len(names) < 2:
            return None
        number = {name: place for place, name in enumerate(names)}
        return np.array([number.get(self.groups[row] or "", -1) for row in rows], np.int64)

    def notes(self) -> list[str]:
        """What a reader must know of the intervals."""
        count = len({one for one in self.groups if one})
        if not 1 < count < FEW_GROUPS:
            return []
        return [
            f"Whole groups are drawn for the intervals over items; there are only {count}, which "
            "makes them too narrow."
        ]

    def directions(self, rows: IntArray) -> FloatArray:
        """(M, D) vectors of some items, of length 1."""
        vectors = self.vectors[rows]
        unit: FloatArray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def facts(self, index: Index) -> DataFacts:
        """For the record."""
        labelled = [label for label in self.labels if label]
        return DataFacts(
            index=index.manifest.name,
            n_items=len(self.ids),
            n_labelled=len(labelled),
            n_queries=len(set(labelled)),
            version=str(index.store.version),
            classes=dict(sorted(Counter(labelled).items())),
            groups=dict(sorted(Counter(one for one in self.groups if one).items())),
        )


def read_items(
    index: Index, spec: EncoderSpec, columns: TextColumns, where: str | None
) -> TextItems:
    """The items that have a vector, with the columns that the index has.

    Raises:
        StoreError: The condition is not valid.
    """
    ids, vectors = index.store.vectors(spec.column, where)
    known = [name for name in (columns.label, columns.several, columns.caption) if name]
    there = [name for name in known if name in index.store.columns]
    table = index.store.take(ids, [*dict.fromkeys([*there, "group"])]) if ids else None
    empty = [None] * len(ids)
    values: Mapping[str, list[Any]] = {
        name: table.column(name).to_pylist() if table is not None else empty
        for name in [*there, "group"]
    }
    several = values.get(columns.several)
    return TextItems(
        ids=list(ids),
        vectors=vectors,
        labels=[None if one is None else str(one) for one in values.get(columns.label, empty)],
        sets=None if several is None else [_names(one, columns.separator) for one in several],
        captions=[one if one is None else str(one) for one in values.get(columns.caption, empty)],
        groups=values["group"],
    )


def _names(cell: object, separator: str) -> frozenset[str]:
    names = str(cell or "").split(separator) if separator else [str(cell or "")]
    return frozenset(name.strip() for name in names if name.strip())
