"""Scores of pairs of vectors: cosines, or minus Euclidean distances.

Products are summed in double precision, so that scores are right to the last digit of the single
precision they are given in. Where two vectors are so near to each other that the product form of
their Euclidean distance cancels, it is computed again by differences: a vector is at distance 0
from its copy and from nothing else.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from georetrieve.errors import StoreError
from georetrieve.types import FloatArray, IntArray, Metric

__all__ = ["coarse_scores", "pair_scores", "scores_of_pairs", "unit_vectors"]

DoubleArray: TypeAlias = npt.NDArray[np.float64]
Vectors: TypeAlias = npt.NDArray[np.floating]

STEADY = 1024.0  # beside it a cosine keeps 43 bits after the point
CANCELLED = 1e-6  # d² / (|q|² + |x|²) below which products tell less than single precision
GATHERED = 1 << 17  # numbers brought together at once: 1 MB, which stays near the processor
ROUNDING = 2.0**-24  # of single precision; a sum of D products is off by D of them at most
NOT_FINITE = "A vector is not finite, and so near to nothing; leave it out."


def pair_scores(queries: Vectors, gallery: Vectors, metric: Metric) -> FloatArray:
    """(Q, N) scores of all pairs: cosines, or minus Euclidean distances; see the module.

    Raises:
        StoreError: The widths differ, or a vector is zero (for cosines) or not finite.
    """
    _check_widths(queries, gallery)
    if metric == "cosine":
        return _cosines(unit_vectors(queries) @ unit_vectors(gallery).T)
    asked, held = _doubled(queries), _doubled(gallery)
    scale = _squares(asked)[:, None] + _squares(held)
    squares = asked @ held.T
    squares *= -2.0
    squares += scale
    rows, columns = np.nonzero(squares < CANCELLED * scale)
    step = _step(asked)
    for start in range(0, len(rows), step):
        near = rows[start : start + step], columns[start : start + step]
        squares[near] = _squares(asked[near[0]] - held[near[1]])
    return _nearness(squares)


def coarse_scores(
    queries: FloatArray, gallery: FloatArray, metric: Metric, least: DoubleArray
) -> tuple[FloatArray, FloatArray]:
    """(Q, N) numbers that rise with the score, and (Q,) what they are at least above ``least``.

    In single precision, off by no more than the bound that the second allows for (N. Higham,
    Accuracy and Stability of Numerical Algorithms, 2002, 3.1).

    Raises:
        StoreError: As :func:`pair_scores`.
    """
    _check_widths(queries, gallery)
    bound = (queries.shape[1] + 8) * ROUNDING
    if metric == "cosine":
        asked = unit_vectors(queries).astype(np.float32)
        return asked @ unit_vectors(gallery).astype(np.float32).T, _below(least - bound)
    asked_squares, held_squares = _squares(queries), _squares(gallery)
    size = max(asked_squares.max(), held_squares.max()) or 1.0  # of which all is a share
    if not np.isfinite(size):
        raise StoreError(NOT_FINITE)
    shrink = 1.0 / np.sqrt(size)
    asked = (queries * shrink).astype(np.float32)
    products = asked @ (gallery * shrink).astype(np.float32).T
    products -= (held_squares / (2 * size)).astype(np.float32)
    nearest = least * least * (1.0 + 8 * ROUNDING)
    scale = (asked_squares + held_squares.max()) / size
    return products, _below((asked_squares - nearest) / (2 * size) - bound * scale)


def scores_of_pairs(
    queries: FloatArray, gallery: FloatArray, rows: IntArray, columns: IntArray, metric: Metric
) -> FloatArray:
    """(P,) scores of some pairs, as in :func:`pair_scores`.

    Args:
        queries: (Q, D).
        gallery: (N, D).
        rows: (P,) which query.
        columns: (P,) which vector of the gallery.
        metric: Of the scores.
    """
    exact = unit_vectors if metric == "cosine" else _doubled
    asked, held = exact(queries), exact(gallery)
    found = np.empty(len(rows))
    step = _step(queries)
    for start in range(0, len(rows), step):
        some = slice(start, start + step)
        one, other = asked[rows[some]], held[columns[some]]
        if metric == "cosine":
            found[some] = np.einsum("pd,pd->p", one, other)
        else:
            one -= other
            found[some] = _squares(one)
    return _cosines(found) if metric == "cosine" else _nearness(found)


def unit_vectors(vectors: Vectors) -> DoubleArray:
    """(N, D) vectors of length 1, double precision.

    Raises:
        StoreError: One is zero or not finite.
    """
    exact = vectors.astype(np.float64)
    lengths = np.sqrt(_squares(exact))
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise StoreError(
            "A vector is zero or not finite, and so has no direction to be compared by; leave it "
            "out."
        )
    exact /= lengths[:, None]
    return exact


def _check_widths(queries: Vectors, gallery: Vectors) -> None:
    if queries.shape[1] != gallery.shape[1]:
        raise StoreError(
            f"Vectors of width {queries.shape[1]} cannot be compared with those of width "
            f"{gallery.shape[1]}; use the encoder the labelled items were encoded with."
        )


def _below(numbers: DoubleArray) -> FloatArray:
    """Single precision, never rounded up."""
    below: FloatArray = np.nextafter(numbers.astype(np.float32), np.float32(-np.inf))
    return below


def _cosines(products: DoubleArray) -> FloatArray:
    products += STEADY  # so that right angles are equal, whatever the order of the sums
    products -= STEADY
    return np.clip(products, -1.0, 1.0).astype(np.float32)


def _nearness(squares: DoubleArray) -> FloatArray:
    if not np.isfinite(squares).all():
        raise StoreError(NOT_FINITE)
    scores: FloatArray = (0.0 - np.sqrt(squares)).astype(np.float32)  # no minus zero
    return scores


def _doubled(vectors: Vectors) -> DoubleArray:
    return vectors.astype(np.float64)


def _squares(vectors: Vectors) -> DoubleArray:
    """(N,) squared lengths."""
    squares: DoubleArray = np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64)
    return squares


def _step(vectors: Vectors) -> int:
    """How many vectors are brought together at once."""
    return max(1, GATHERED // max(1, int(vectors.shape[1])))
