"""Scores with intervals and chance levels, from arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from georetrieve.benchmarks.record import Estimate
from georetrieve.metrics.bootstrap import (
    bootstrap_means,
    percentile_interval,
    resampling_counts,
)
from georetrieve.metrics.classification import macro_f1, weighted_macro_f1
from georetrieve.metrics.multilabel import set_scores
from georetrieve.metrics.ranking import DoubleArray
from georetrieve.metrics.text_retrieval import (
    QueryScores,
    expected_average_precision,
    expected_hit,
)
from georetrieve.types import IntArray

__all__ = ["Draws", "named_estimates", "retrieval_estimates", "set_estimates"]

BoolArray = npt.NDArray[np.bool_]
PERMUTATIONS = 20


@dataclass(frozen=True, slots=True)
class Draws:
    """How intervals are drawn.

    Attributes:
        count: Bootstrap samples.
        seed: Of the draws.
    """

    count: int = 1000
    seed: int = 0

    def counts(self, n: int, clusters: IntArray | None) -> DoubleArray:
        """(B, n) how often each of n is drawn; whole clusters where there are some."""
        blocks = resampling_counts(n, draws=self.count, seed=self.seed, clusters=clusters)
        return np.concatenate(list(blocks))

    def means(self, values: DoubleArray, clusters: IntArray | None = None) -> list[Estimate]:
        """The mean of each of F columns of (n, F) values, with its interval; nan takes no part."""
        known = ~np.isnan(values).any(axis=1)
        if not known.any():
            return [Estimate(None, reason="nothing to find") for _ in range(values.shape[1])]
        kept = values[known]
        counts = self.counts(len(kept), None if clusters is None else clusters[known])
        drawn = bootstrap_means(kept, counts)
        return [
            Estimate(float(kept[:, one].mean()), *percentile_interval(drawn[:, one]), n=len(kept))
            for one in range(values.shape[1])
        ]


def retrieval_estimates(
    found: QueryScores,
    gallery: int,
    ks: Sequence[int],
    draws: Draws,
    *,
    name: str,
    clusters: IntArray | None = None,
) -> dict[str, Estimate]:
    """Mean AP and R@k over queries, under ``NAME_map`` and ``NAME_r@K``.

    Args:
        found: Of Q queries.
        gallery: What each was ranked among.
        ks: Of R@k.
        draws: Of queries.
        name: ``text_to_image`` or ``image_to_text``.
        clusters: (Q,) groups of queries that are drawn whole, -1 for none.
    """
    names = [f"{name}_map", *(f"{name}_r@{k}" for k in ks)]
    values = np.column_stack([found.average_precision, found.hits])
    known = found.relevant[found.relevant > 0]
    by_chance = np.column_stack(
        [expected_average_precision(known, gallery), expected_hit(known, gallery, ks)]
    )
    chance = by_chance.mean(axis=0) if len(known) else np.zeros(len(names))
    return {
        title: _with_chance(one, float(level))
        for title, one, level in zip(names, draws.means(values, clusters), chance, strict=True)
    }


def named_estimates(
    true: IntArray,
    called: IntArray,
    n_classes: int,
    draws: Draws,
    clusters: IntArray | None = None,
) -> dict[str, Estimate]:
    """Accuracy and macro-F1 of names given to N items; chance: the same names dealt at random.

    Args:
        true: (N,) classes.
        called: (N,) classes.
        n_classes: C.
        draws: Of items.
        clusters: (N,) groups that are drawn whole, -1 for none.
    """
    right = (true == called).astype(np.float64)
    shares = [np.bincount(each, minlength=n_classes) / len(true) for each in (true, called)]
    accuracy = _with_chance(draws.means(right[:, None], clusters)[0], float(shares[0] @ shares[1]))
    f1 = macro_f1(true, called, n_classes)
    drawn = weighted_macro_f1(true, called, n_classes, draws.counts(len(true), clusters))
    rng = np.random.default_rng(draws.seed)
    dealt = [macro_f1(true, rng.permutation(called), n_classes) for _ in range(PERMUTATIONS)]
    low, high = percentile_interval(drawn, around=f1)
    return {
        "zero_shot_accuracy": accuracy,
        "zero_shot_macro_f1": Estimate(f1, low, high, float(np.mean(dealt)), len(true)),
    }


def set_estimates(
    true: BoolArray, said: BoolArray, draws: Draws, clusters: IntArray | None = None
) -> dict[str, Estimate]:
    """Jaccard, recall, precision and F1 of sets, averaged over N images.

    Chance: the sets that were said, dealt to the images at random.

    Args:
        true: (N, C).
        said: (N, C).
        draws: Of images.
        clusters: (N,) groups that are drawn whole, -1 for none.
    """
    rng = np.random.default_rng(draws.seed)
    dealt = [_columns(true, said[rng.permutation(len(said))]) for _ in range(PERMUTATIONS)]
    chance = np.mean(dealt, axis=(0, 1))
    estimates = draws.means(_columns(true, said), clusters)
    names = ("jaccard", "recall", "precision", "f1")
    return {
        f"sets_{name}": _with_chance(one, float(level))
        for name, one, level in zip(names, estimates, chance, strict=True)
    }


def _columns(true: BoolArray, said: BoolArray) -> DoubleArray:
    """(N, 4) Jaccard, recall, precision and F1."""
    scores = set_scores(true, said)
    return np.column_stack([scores.jaccard, scores.recall, scores.precision, scores.f1])


def _with_chance(one: Estimate, chance: float) -> Estimate:
    return one if one.value is None else replace(one, chance=chance)
