"""The vectors of a column as a gallery: read from disk each time, or held once that pays."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np

from georetrieve.stores.gallery import Block, HeldVectors, squared_lengths
from georetrieve.stores.schema import matrix_of
from georetrieve.stores.tables import LanceTable
from georetrieve.types import EncoderSpec, FloatArray, IntArray

__all__ = ["SoonHeldVectors", "StreamedVectors", "with_vector"]

TAKEN_BEFORE_HELD = 100  # Lance fetches a vector by its row about as fast as it scans 100


def with_vector(spec: EncoderSpec) -> str:
    """The condition of items that have a vector of an encoder."""
    return f"`{spec.column}` IS NOT NULL"


class StreamedVectors:
    """A gallery that is read from disk each time it is compared with queries."""

    def __init__(
        self, table: LanceTable, spec: EncoderSpec, rows: IntArray, ordinals: IntArray
    ) -> None:
        self._table, self._spec = table, spec
        self._rows, self._ordinals = rows, ordinals

    def __len__(self) -> int:
        return len(self._ordinals)

    def read(self) -> FloatArray:
        """All of it, (N, D)."""
        matrix = np.empty((len(self), self._spec.dim), np.float32)
        for block in self.blocks(8192, None):
            matrix[block.places] = block.vectors
        return matrix

    def blocks(self, rows: int, chosen: IntArray | None) -> Iterator[Block]:
        """See :class:`~georetrieve.stores.gallery.Gallery`."""
        column = self._spec.column
        if chosen is not None:
            for start in range(0, len(chosen), rows):
                some = chosen[start : start + rows]
                vectors = self.take(some)
                yield Block(some, vectors, squared_lengths(vectors))
            return
        for batch in self._table.batches(
            [column], with_vector(self._spec), rows=rows, row_ids=True
        ):
            places = np.searchsorted(self._rows, batch.column("_rowid").to_numpy().astype(np.int64))
            vectors = matrix_of(batch.column(column), self._spec.dim)
            yield Block(places, vectors, squared_lengths(vectors))

    def take(self, places: IntArray) -> FloatArray:
        """See :class:`~georetrieve.stores.gallery.Gallery`."""
        wanted, back = np.unique(places, return_inverse=True)
        column = self._spec.column
        table = self._table.take(self._ordinals[wanted].tolist(), [column])
        return matrix_of(table.column(column).combine_chunks(), self._spec.dim)[back]


class SoonHeldVectors:
    """A gallery that is read into memory once that pays.

    A search through an ANN index looks at a few vectors, which Lance fetches; reading the whole
    column for one such search would take longer than an exact one.
    """

    def __init__(self, streamed: StreamedVectors, same: SoonHeldVectors | None = None) -> None:
        self._streamed = streamed
        self._held: HeldVectors | None = same._held if same else None
        self._reading = threading.Lock()
        self._taken = 0

    def __len__(self) -> int:
        return len(self._streamed)

    def blocks(self, rows: int, chosen: IntArray | None) -> Iterator[Block]:
        """See :class:`~georetrieve.stores.gallery.Gallery`."""
        return self.hold().blocks(rows, chosen)

    def take(self, places: IntArray) -> FloatArray:
        """See :class:`~georetrieve.stores.gallery.Gallery`."""
        self._taken += len(places)
        if self._held is None and self._taken <= len(self) // TAKEN_BEFORE_HELD:
            return self._streamed.take(places)
        return self.hold().take(places)

    def hold(self) -> HeldVectors:
        """The vectors, read now if they have not been."""
        with self._reading:
            if self._held is None:
                self._held = HeldVectors(self._streamed.read())
            return self._held
