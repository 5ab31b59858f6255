"""Votes of many patches side by side, most of which are as good as the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from georetrieve.types import FloatArray

__all__ = ["thinned_votes"]

Votes = Callable[[FloatArray], FloatArray]


def thinned_votes(features: FloatArray, votes: Votes, alike: float) -> FloatArray:
    """Look up every second patch of every second row, and of the others those unlike it.

    A patch takes the vote of the nearest in features of the looked-up patches around it, up to
    four, where these lie within ``alike``; the rest are looked up too. In a grain nearly all take a
    vote, at its border nearly none.

    Args:
        features: (rows, columns, D).
        votes: (Q, D) → (Q, C).
        alike: Distance of features that makes no difference to a vote; 0: only equal ones.

    Returns:
        (rows, columns, C).
    """
    rows, columns, width = features.shape
    coarse = features[::2, ::2]
    asked = votes(np.ascontiguousarray(coarse).reshape(-1, width))
    given = asked.reshape(*coarse.shape[:2], -1)
    taken = np.empty((rows, columns, given.shape[2]), np.float32)
    nearest = np.full((rows, columns), np.inf, np.float32)
    for down in (0, 1):
        for right in (0, 1):
            # Beyond the last looked-up row or column there is none: the one before stands again.
            from_row = np.minimum((np.arange(rows) + down) // 2, coarse.shape[0] - 1)
            from_column = np.minimum((np.arange(columns) + right) // 2, coarse.shape[1] - 1)
            apart = features - coarse[from_row[:, None], from_column]
            distance = np.einsum("rcd,rcd->rc", apart, apart)
            better = distance < nearest
            nearest[better] = distance[better]
            taken[better] = given[from_row[:, None], from_column][better]
    alone = nearest > alike**2
    if alone.any():
        taken[alone] = votes(features[alone])
    return taken
