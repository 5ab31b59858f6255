"""What may be stored and what may be asked: finite, non-zero vectors of the encoder's width."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from georetrieve.errors import SpecMismatchError, StoreError
from georetrieve.types import EncoderSpec, FloatArray

__all__ = ["check_queries", "check_vectors"]


def check_vectors(spec: EncoderSpec, ids: Sequence[str], vectors: FloatArray) -> None:
    """Refuse vectors that must not be stored.

    Args:
        spec: Encoder of the column.
        ids: Of the N items.
        vectors: (N, D).

    Raises:
        SpecMismatchError: D is not the encoder's.
        StoreError: There are not N, or one is zero or not finite; the first such item is named.
    """
    if vectors.ndim != 2 or len(vectors) != len(ids):
        raise StoreError(f"{len(ids)} items need as many vectors; got shape {vectors.shape}.")
    if vectors.shape[1] != spec.dim:
        raise SpecMismatchError(
            f"Vectors of width {vectors.shape[1]} cannot be those of {spec.name}, whose width is "
            f"{spec.dim}; use the encoder the column was made with."
        )
    finite = np.atleast_1d(np.isfinite(vectors).all(axis=1))
    bad = np.flatnonzero(~finite | ~vectors.any(axis=1))
    if len(bad):
        what = "a zero" if finite[bad[0]] else "a non-finite"
        raise StoreError(
            f"Item {ids[bad[0]]!r} has {what} vector, which has no neighbours; leave it out and "
            "record why."
        )


def check_queries(spec: EncoderSpec, queries: FloatArray, k: int) -> FloatArray:
    """Return (Q, D) queries as float32.

    Raises:
        SpecMismatchError: D is not the encoder's.
        StoreError: k < 1, or a query is zero or not finite.
    """
    if k < 1:
        raise StoreError(f"k = {k}: ask for at least one neighbour.")
    queries = np.asarray(queries, dtype=np.float32)
    if queries.ndim != 2:
        raise StoreError(f"Queries must have shape (Q, D); got {queries.shape}.")
    check_vectors(spec, [f"query {number}" for number in range(len(queries))], queries)
    return queries
