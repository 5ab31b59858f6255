"""Bootstrap intervals: how far a mean could be off, had other items been drawn.

Percentile intervals (Efron & Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13) over
queries, the gallery as it is. Items of one slide resemble each other; where groups are known, whole
groups are drawn instead of items (cluster bootstrap), which widens the interval to what it is.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from georetrieve.errors import StoreError
from georetrieve.metrics.ranking import DoubleArray
from georetrieve.types import IntArray

__all__ = [
    "bootstrap_class_balanced",
    "bootstrap_means",
    "percentile_interval",
    "resampling_counts",
]

_BLOCK_BYTES = 64 * 2**20


def resampling_counts(
    n: int,
    *,
    draws: int = 1000,
    seed: int = 0,
    strata: IntArray | None = None,
    clusters: IntArray | None = None,
) -> Iterator[DoubleArray]:
    """Yield blocks of (B, n) counts: how often each of n items occurs in each bootstrap sample.

    The blocks together hold ``draws`` rows; the same arguments give the same counts.

    Args:
        n: Number of items, ≥ 1.
        draws: Number of samples.
        seed: Seed of the draws.
        strata: (n,) classes; each is resampled by itself and so keeps its size.
        clusters: (n,) groups; whole groups are drawn. An item of group -1 is its own group.

    Raises:
        StoreError: Both strata and clusters are given, or n or ``draws`` is below 1.
    """
    if n < 1 or draws < 1:
        raise StoreError(f"A bootstrap needs items and draws; got {n} items and {draws} draws.")
    if strata is not None and clusters is not None:
        raise StoreError("A bootstrap draws within strata or whole clusters, not both: name one.")
    rng = np.random.default_rng(seed)
    units = _own_clusters(clusters) if clusters is not None else np.arange(n)
    pools = [np.arange(units.max() + 1)]
    if strata is not None:
        pools = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    step = max(1, _BLOCK_BYTES // (8 * n))
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        counts = np.zeros((rows, int(units.max()) + 1))
        for pool in pools:
            drawn = rng.integers(len(pool), size=(rows, len(pool)))
            drawn += np.arange(rows)[:, None] * len(pool)
            tally = np.bincount(drawn.ravel(), minlength=rows * len(pool))
            counts[:, pool] = tally.reshape(rows, len(pool))
        yield counts[:, units]


def _own_clusters(clusters: IntArray) -> IntArray:
    """Number the clusters from 0, giving each item of group -1 one of its own."""
    lonely = clusters < 0
    own = clusters.astype(np.int64)
    own[lonely] = clusters.max(initial=-1) + 1 + np.arange(lonely.sum())
    return np.unique(own, return_inverse=True)[1].reshape(-1).astype(np.int64)


def bootstrap_means(values: DoubleArray, counts: DoubleArray) -> DoubleArray:
    """Mean of (n, F) ``values`` in each of B samples given as (B, n) counts: (B, F).

    A sample of no item at all has nan means.
    """
    totals = counts.sum(axis=1, keepdims=True)
    out = np.full((len(counts), values.shape[1]), np.nan)
    np.divide(counts @ values, totals, out=out, where=totals > 0)
    return out


def percentile_interval(
    samples: DoubleArray, *, around: float | None = None, level: float = 0.95
) -> tuple[float, float]:
    """Ends of the central interval holding ``level`` of the (B,) bootstrap ``samples``.

    Args:
        samples: One value a sample; nan ones (nothing was drawn) take no part.
        around: The estimate. The samples are moved so that their mean is it, which takes off the
            resampling's own bias: a resampled macro-F1 lies low, as rare classes drop out of
            samples. The ends are then kept within [0, 1].
        level: Share of samples inside.
    """
    tail = 50.0 * (1.0 - level)
    low, high = np.nanpercentile(samples, [tail, 100.0 - tail])
    if around is None:
        return float(low), float(high)
    shift = around - np.nanmean(samples)
    return float(np.clip(low + shift, 0.0, 1.0)), float(np.clip(high + shift, 0.0, 1.0))


def bootstrap_class_balanced(
    values: DoubleArray, labels: IntArray, n_classes: int, counts: DoubleArray
) -> DoubleArray:
    """Mean over classes of their mean of (n,) ``values``, in each of B samples: (B,).

    Args:
        values: (n,) one value an item; nan takes no part.
        labels: (n,) classes.
        n_classes: C.
        counts: (B, n) how often each item was drawn; a class that was not drawn takes no part.
    """
    known = ~np.isnan(values)
    items = np.flatnonzero(known)
    shape = (n_classes, len(items))
    place = (labels[items], np.arange(len(items)))
    drawn = counts[:, items].T
    sums = sparse.csr_matrix((values[items], place), shape=shape) @ drawn
    sizes = sparse.csr_matrix((np.ones(len(items)), place), shape=shape) @ drawn
    means = np.zeros_like(sums)
    np.divide(sums, sizes, out=means, where=sizes > 0)
    present = (sizes > 0).sum(axis=0)
    out = np.full(len(counts), np.nan)
    np.divide(means.sum(axis=0), present, out=out, where=present > 0)
    return out
