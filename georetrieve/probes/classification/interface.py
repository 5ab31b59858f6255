"""What a classifying probe is: fitted to labelled vectors, asked for shares of classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

from georetrieve.errors import StoreError
from georetrieve.types import FloatArray, IntArray

__all__ = ["Probe", "check_labelled", "share_blocks"]

SHARES_AT_ONCE = 1 << 22  # (Q, C) numbers in double precision: 32 MiB


class Probe(Protocol):
    """A small classifier of vectors."""

    @property
    def description(self) -> str:
        """What it is, in a few words, its settings included."""
        ...

    def fit(self, vectors: FloatArray, classes: IntArray, n_classes: int) -> Probe:
        """Learn from labelled vectors, and return itself.

        Args:
            vectors: (N, D), N ≥ 1.
            classes: (N,), 0..C-1; a class may have no member.
            n_classes: C.

        Raises:
            StoreError: Nothing is labelled, or the arrays do not fit together.
        """
        ...

    def predict_proba(self, queries: FloatArray) -> npt.NDArray[np.float64]:
        """Return the (Q, C) share of each class in (Q, D) queries, rows of sum 1."""
        ...


def check_labelled(vectors: FloatArray, classes: IntArray, n_classes: int) -> None:
    """Refuse labelled vectors that no probe can learn from.

    Raises:
        StoreError: There is none, or the arrays do not fit together.
    """
    if not len(vectors):
        raise StoreError("Nothing is labelled; a probe learns from one labelled item or more.")
    if len(vectors) != len(classes):
        raise StoreError(f"{len(vectors)} vectors have {len(classes)} labels; give one for each.")
    if classes.min() < 0 or classes.max() >= n_classes:
        raise StoreError(
            f"Class {classes.min() if classes.min() < 0 else classes.max()} is none of "
            f"0..{n_classes - 1}; leave unlabelled items out."
        )


def share_blocks(queries: int, n_classes: int) -> Iterator[slice]:
    """Blocks of Q queries whose (q, C) shares can be held at once, whatever C."""
    step = max(1, SHARES_AT_ONCE // max(1, n_classes))
    for start in range(0, queries, step):
        yield slice(start, min(start + step, queries))
