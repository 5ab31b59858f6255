"""Labelled vectors, brought into the order and the numbers that a benchmark works with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from georetrieve.errors import StoreError
from georetrieve.types import IntArray

__all__ = ["LabelledVectors", "labelled_vectors"]


@dataclass(frozen=True, slots=True)
class LabelledVectors:
    """N labelled items in the order of their ids, as scikit-learn's splits need it.

    Attributes:
        ids: N item ids.
        vectors: (N, D).
        labels: (N,) positions in ``classes``.
        classes: C class names, sorted.
        group_names: G group names, sorted; empty where none are known.
        groups: (N,) positions in ``group_names``, -1 for an item without a group.
        contents: N digests of what the items show, "" where unknown.
        n_offered: Items offered, unlabelled ones included.
    """

    ids: tuple[str, ...]
    vectors: npt.NDArray[np.floating]
    labels: IntArray
    classes: tuple[str, ...]
    group_names: tuple[str, ...]
    groups: IntArray
    contents: tuple[str, ...]
    n_offered: int

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def repeated(self) -> IntArray:
        """Rows of the items whose class has at least two."""
        sizes = np.bincount(self.labels, minlength=len(self.classes))
        return np.flatnonzero(sizes[self.labels] > 1).astype(np.int64)

    @property
    def has_groups(self) -> bool:
        """Whether leaving a query's group out differs from leaving out the query alone."""
        return len(self.group_names) >= 2 and bool((np.bincount(self.groups + 1)[1:] > 1).any())

    def take(self, rows: IntArray) -> LabelledVectors:
        """The items of some rows, in ascending order; classes and groups keep their numbers."""
        return replace(
            self,
            ids=tuple(self.ids[row] for row in rows),
            vectors=self.vectors[rows],
            labels=self.labels[rows],
            groups=self.groups[rows],
            contents=tuple(self.contents[row] for row in rows),
        )


def labelled_vectors(
    vectors: npt.NDArray[np.floating],
    labels: Sequence[str | None],
    ids: Sequence[str],
    *,
    groups: Sequence[str | None] | None = None,
    content_hashes: Sequence[str] | None = None,
) -> LabelledVectors:
    """Drop what has no label and sort the rest by path.

    The order is that of an image folder read class by class (first folder, then the folder below
    it, then the file name), which the published benchmark's splits depend on.

    Args:
        vectors: (N, D).
        labels: N labels, None or "" for none.
        ids: N item ids.
        groups: N groups, None or "" for none.
        content_hashes: N digests of the files the items were cut from; with the region in the id
            they tell which items show the same.

    Raises:
        StoreError: Lengths differ, ids repeat, or fewer than two items carry a label.
    """
    count = len(ids)
    groups = groups if groups is not None else [None] * count
    hashes = content_hashes if content_hashes is not None else [""] * count
    lengths = {len(vectors), len(labels), count, len(groups), len(hashes)}
    if len(lengths) > 1:
        raise StoreError(
            f"Vectors, labels, ids, groups and hashes must be equally many; got {sorted(lengths)}."
        )
    if len(set(ids)) < count:
        raise StoreError(f"{count - len(set(ids))} ids repeat: a benchmark needs each item once.")
    rows = sorted((row for row in range(count) if labels[row]), key=lambda row: _place(ids[row]))
    if len(rows) < 2:
        raise StoreError(
            f"{len(rows)} of {count} items carry a label, and retrieval needs two or more: give "
            "labels when indexing (by folder, table or file name)."
        )
    classes, label_codes = np.unique([str(labels[row]) for row in rows], return_inverse=True)
    names = [groups[row] or "" for row in rows]
    known = sorted(set(names) - {""})
    code = {name: number for number, name in enumerate(known)} | {"": -1}
    return LabelledVectors(
        ids=tuple(ids[row] for row in rows),
        vectors=vectors[rows],
        labels=label_codes.reshape(-1).astype(np.int64),
        classes=tuple(str(name) for name in classes),
        group_names=tuple(known),
        groups=np.asarray([code[name] for name in names], dtype=np.int64),
        contents=tuple(_content(hashes[row], ids[row]) for row in rows),
        n_offered=count,
    )


def _place(item: str) -> tuple[str, str, str]:
    """(first folder, folder, name) of an item's id."""
    path, mark, region = item.partition("#")
    folder, _, name = path.rpartition("/")
    return folder.partition("/")[0], folder, name + mark + region


def _content(digest: str, item: str) -> str:
    """What an item shows: the file's digest and the region cut from it."""
    return f"{digest}#{item.partition('#')[2]}" if digest else ""
