"""An order in which look-alikes are far apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from georetrieve.probes.classification.pair_scores import pair_scores
from georetrieve.types import FloatArray, Metric

__all__ = ["spread_out"]


def spread_out(
    vectors: FloatArray,
    weights: npt.NDArray[np.float64],
    distances: FloatArray,
    metric: Metric,
) -> list[int]:
    """Order N items, always the one next that weighs most times its distance to what came before.

    With equal weights this is the farthest-first choice of a core set (O. Sener, S. Savarese, 2018,
    algorithm 1: greedy k-centre, the labelled items being the first centres); with others its
    weighted form (M. Dyer, A. Frieze, 1985). A copy of what came before is at distance 0 and so
    comes last, and of equals the first.

    Args:
        vectors: (N, D); all pairs are held, so N is a thousand or so.
        weights: (N,) ≥ 0.
        distances: (N,) to the nearest of what came before all of them.
        metric: Of the distances: Euclidean, or 1 - cosine.

    Returns:
        Rows, all of them.
    """
    scores = pair_scores(vectors, vectors, metric).astype(np.float64)
    apart = -scores if metric == "euclidean" else 1.0 - scores
    gaps = np.maximum(distances.astype(np.float64), 0.0)
    waiting = np.ones(len(vectors), bool)
    order = []
    for _ in range(len(vectors)):
        chosen = int(np.where(waiting, weights * gaps, -1.0).argmax())
        order.append(chosen)
        waiting[chosen] = False
        np.minimum(gaps, apart[chosen], out=gaps)
    return order
