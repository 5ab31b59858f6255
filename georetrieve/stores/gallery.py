"""What is searched: N vectors in a fixed order, their ids and groups, and what is left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from georetrieve.types import FloatArray, IntArray

__all__ = ["Block", "Directory", "Exclusions", "Gallery", "HeldVectors", "squared_lengths"]


@dataclass(frozen=True, slots=True)
class Block:
    """B vectors of a gallery.

    Attributes:
        places: (B,) their places in the gallery.
        vectors: (B, D).
        squares: (B,) their squared lengths.
    """

    places: IntArray
    vectors: FloatArray
    squares: FloatArray


class Gallery(Protocol):
    """N vectors in a fixed order, in memory or not."""

    def __len__(self) -> int: ...

    def blocks(self, rows: int, chosen: IntArray | None) -> Iterator[Block]:
        """The vectors, or the chosen places of them, at most ``rows`` at a time."""
        ...

    def take(self, places: IntArray) -> FloatArray:
        """(M, D) vectors at some places."""
        ...


class HeldVectors:
    """A gallery in memory."""

    def __init__(self, matrix: FloatArray) -> None:
        self._matrix = matrix
        self._squares = squared_lengths(matrix)
        self._places = np.arange(len(matrix))

    def __len__(self) -> int:
        return len(self._matrix)

    def blocks(self, rows: int, chosen: IntArray | None) -> Iterator[Block]:
        """See :class:`Gallery`; without a choice the blocks are views."""
        places = self._places if chosen is None else chosen
        for start in range(0, len(places), rows):
            some = places[start : start + rows]
            part = slice(start, start + rows) if chosen is None else some
            yield Block(some, self._matrix[part], self._squares[part])

    def take(self, places: IntArray) -> FloatArray:
        """See :class:`Gallery`."""
        return self._matrix[places]


def squared_lengths(matrix: npt.NDArray[np.floating]) -> FloatArray:
    """(N,) squared lengths of (N, D) vectors."""
    squares: FloatArray = np.einsum("nd,nd->n", matrix, matrix)
    return squares


class Directory:
    """Ids and groups of the N vectors of a gallery, in its order."""

    def __init__(self, ids: pa.Array, groups: pa.Array) -> None:
        self.ids = ids
        self._groups = groups

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def _coded(self) -> tuple[IntArray, dict[str, int]]:
        coded = self._groups.dictionary_encode()
        codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        return codes, {name: code for code, name in enumerate(coded.dictionary.to_pylist())}

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.ids.to_pylist())}

    def exclusions(
        self, groups: Sequence[str | None] | None, ids: Sequence[str | None] | None
    ) -> Exclusions:
        """What each of Q queries leaves out."""
        own_groups = own_places = None
        if groups is not None and any(group is not None for group in groups):
            codes = self._coded[1]
            own_groups = np.array([codes.get(group, -2) if group else -2 for group in groups])
        if ids is not None and any(one is not None for one in ids):
            own_places = np.array([self._places.get(one, -1) if one else -1 for one in ids])
        return Exclusions(None if own_groups is None else self._coded[0], own_groups, own_places)

    def id_ranks(self, places: IntArray) -> tuple[npt.NDArray[np.object_], IntArray]:
        """The ids at some places, and numbers that sort like them."""
        names = np.array(self.ids.take(pa.array(places)).to_pylist(), dtype=object)
        ranks = np.empty(len(names), np.int64)
        ranks[np.argsort(names, kind="stable")] = np.arange(len(names))
        return names, ranks


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Items that are not to be found.

    Attributes:
        groups: (N,) group of each vector as a number, -1 for none; None when no group is left out.
        own_groups: (Q,) the number of the group each query leaves out, -2 for none.
        own_places: (Q,) the place each query leaves out, -1 for none.
    """

    groups: IntArray | None
    own_groups: IntArray | None
    own_places: IntArray | None

    def of(self, queries: slice) -> Exclusions:
        """Those of some of the queries."""
        return Exclusions(
            self.groups,
            None if self.own_groups is None else self.own_groups[queries],
            None if self.own_places is None else self.own_places[queries],
        )

    def apply(self, scores: FloatArray, places: IntArray) -> None:
        """Set (B, Q) scores of what is left out to -inf."""
        if self.groups is not None and self.own_groups is not None:
            scores[self.groups[places][:, None] == self.own_groups[None, :]] = -np.inf
        if self.own_places is not None:
            scores[places[:, None] == self.own_places[None, :]] = -np.inf

    def counts(self) -> IntArray | int:
        """(Q,) how many items each query leaves out at most; 0 when none leaves anything out."""
        counts: IntArray | int = 0
        if self.groups is not None and self.own_groups is not None:
            sizes = np.bincount(self.groups + 2, minlength=int(self.own_groups.max()) + 3)
            sizes[0] = 0  # -2: no group
            counts = sizes[self.own_groups + 2]
        if self.own_places is not None:
            counts = counts + (self.own_places >= 0)
        return counts

    def left_out(self, queries: IntArray, places: IntArray) -> npt.NDArray[np.bool_]:
        """(M,) whether a query leaves a place out, for M pairs of them."""
        out = np.zeros(len(places), bool)
        if self.groups is not None and self.own_groups is not None:
            out |= self.groups[places] == self.own_groups[queries]
        if self.own_places is not None:
            out |= places == self.own_places[queries]
        return out
