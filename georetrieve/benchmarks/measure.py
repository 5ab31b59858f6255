"""One ranking of all labelled items under one distance, and the numbers it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from georetrieve.benchmarks.labelled import LabelledVectors
from georetrieve.benchmarks.record import Estimate
from georetrieve.metrics.bootstrap import (
    bootstrap_class_balanced,
    bootstrap_means,
    percentile_interval,
    resampling_counts,
)
from georetrieve.metrics.chance import (
    expected_precision,
    expected_precision_at_nr,
    expected_recall,
    permuted_nn_f1,
)
from georetrieve.metrics.classification import (
    Split,
    macro_f1,
    nearest_in_training,
    weighted_macro_f1,
)
from georetrieve.metrics.ranking import DoubleArray, Ranking, class_means, pr_auc, rank_all
from georetrieve.types import IntArray, Metric

__all__ = ["Bootstrap", "Judgement", "Votes", "judge"]

_KEEP = 200
"""Neighbours kept of each item: that all of them are tested in a 20 % split does not happen."""

_NOTHING_TO_FIND = "No query has another item of its class to find."

Votes = tuple[IntArray, IntArray]
"""Rows tested, and the rows of their nearest among what is trained on."""


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How intervals are drawn; ``draws`` = 0 leaves them out."""

    draws: int = 1000
    seed: int = 0
    by_group: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """A ranking and what it was found worth.

    Attributes:
        metric: Distance ranked by.
        ranking: The ranking of all N items.
        votes: 1-NN votes of each split; empty where there is no split.
        metrics: Numbers by name.
        points: (2, K + 1) mean recall and precision at N_R and at each k.
        chance_points: (2, K + 1) the same, expected of a random ranking.
    """

    metric: Metric
    ranking: Ranking
    votes: Sequence[Votes]
    metrics: Mapping[str, Estimate]
    points: DoubleArray
    chance_points: DoubleArray


def judge(
    data: LabelledVectors,
    *,
    metric: Metric,
    ks: Sequence[int],
    bootstrap: Bootstrap,
    splits: Sequence[Split] = (),
    no_splits: str = "",
    exclude_groups: bool = False,
) -> Judgement:
    """Rank every item against all others and score the rankings.

    Args:
        data: What to rank.
        metric: Distance.
        ks: Values of k of P@k and R@k, 1 among them.
        bootstrap: How to draw intervals.
        splits: Splits of nn F1.
        no_splits: Why there are none.
        exclude_groups: Leave a query's whole group out of its gallery. nn F1 is then that of
            1-NN with the group left out, over the queries that have something to find.
    """
    groups = data.groups if exclude_groups else None
    ranking = rank_all(data.vectors, data.labels, metric=metric, ks=ks, groups=groups, keep=_KEEP)
    judged = ranking.judged
    points, chance_points = (
        values[judged].mean(axis=0) if judged.any() else np.full(values.shape[1:], np.nan)
        for values in (_query_values(ranking), _chance_values(ranking))
    )
    if not judged.any():
        undefined = dict.fromkeys(
            ("nn_f1", "p_at_nr", "pr_auc"), Estimate(None, reason=_NOTHING_TO_FIND)
        )
        return Judgement(metric, ranking, [], undefined, points, chance_points)
    votes = _group_out_votes(ranking) if exclude_groups else _votes(data, ranking, splits, metric)
    scores = _scores(data, ranking, votes, points)
    chances = _chances(data, ranking, votes, chance_points)
    intervals = _intervals(data, ranking, votes, scores, bootstrap)
    metrics = {}
    for name, value in scores.items():
        low, high = intervals.get(name, (None, None))
        metrics[name] = Estimate(value, low, high, chances[name], int(judged.sum()))
    if not votes:
        metrics = {"nn_f1": Estimate(None, reason=no_splits)} | metrics
    return Judgement(metric, ranking, votes, metrics, points, chance_points)


def _votes(
    data: LabelledVectors, ranking: Ranking, splits: Sequence[Split], metric: Metric
) -> list[Votes]:
    near, far = ranking.neighbours, ranking.distances
    return [
        (split.test, nearest_in_training(data.vectors, near, far, split, metric=metric))
        for split in splits
    ]


def _group_out_votes(ranking: Ranking) -> list[Votes]:
    tested = np.flatnonzero(ranking.judged).astype(np.int64)
    return [(tested, ranking.neighbours[tested, 0])]


def _query_values(ranking: Ranking) -> DoubleArray:
    """(N, 2, K + 1) recall and precision of each query at N_R and at each k."""
    at_nr = ranking.precision_at_nr[:, None]
    recall = np.concatenate([at_nr, ranking.recall], axis=1)
    precision = np.concatenate([at_nr, ranking.precision], axis=1)
    return np.stack([recall, precision], axis=1)


def _chance_values(ranking: Ranking) -> DoubleArray:
    """(N, 2, K + 1) what a random ranking is expected to give at N_R and at each k."""
    relevant, gallery, ks = ranking.relevant, ranking.gallery, ranking.ks
    at_nr = expected_precision_at_nr(relevant, gallery)[:, None]
    recall = np.concatenate([at_nr, expected_recall(gallery, ks)], axis=1)
    precision = np.concatenate([at_nr, expected_precision(relevant, gallery, ks)], axis=1)
    return np.stack([recall, precision], axis=1)


def _named(points: DoubleArray, ks: Sequence[int]) -> dict[str, DoubleArray]:
    """Name the numbers in (..., 2, K + 1) mean recalls and precisions."""
    recall, precision = points[..., 0, :], points[..., 1, :]
    names = {"p_at_nr": precision[..., 0], "pr_auc": pr_auc(recall, precision)}
    for column, k in enumerate(ks, start=1):
        names[f"precision_at_{k}"] = precision[..., column]
        names[f"recall_at_{k}"] = recall[..., column]
    return names


def _balanced_values(ranking: Ranking) -> dict[str, DoubleArray]:
    """(N,) query values whose mean over classes is reported beside that over queries."""
    first = np.where(ranking.judged, ranking.precision[:, ranking.ks.index(1)], np.nan)
    return {
        "p_at_nr_class_balanced": ranking.precision_at_nr,
        "precision_at_1_class_balanced": first,
    }


def _scores(
    data: LabelledVectors, ranking: Ranking, votes: Sequence[Votes], points: DoubleArray
) -> dict[str, float]:
    n_classes = len(data.classes)
    scores: dict[str, float] = {}
    if votes:
        f1 = [macro_f1(data.labels[one], data.labels[near], n_classes) for one, near in votes]
        scores["nn_f1"] = float(np.mean(f1))
    scores |= {name: float(value) for name, value in _named(points, ranking.ks).items()}
    for name, values in _balanced_values(ranking).items():
        scores[name] = float(np.nanmean(class_means(values, data.labels, n_classes)))
    return scores


def _chances(
    data: LabelledVectors, ranking: Ranking, votes: Sequence[Votes], points: DoubleArray
) -> dict[str, float]:
    n_classes = len(data.classes)
    chances = {name: float(value) for name, value in _named(points, ranking.ks).items()}
    if votes:
        chances["nn_f1"] = permuted_nn_f1(data.labels, votes, n_classes)
    # A random place holds a class member with the same probability at k = 1 and up to k = N_R.
    expected = expected_precision_at_nr(ranking.relevant, ranking.gallery)
    expected[~ranking.judged] = np.nan
    for name in _balanced_values(ranking):
        chances[name] = float(np.nanmean(class_means(expected, data.labels, n_classes)))
    return chances


def _intervals(
    data: LabelledVectors,
    ranking: Ranking,
    votes: Sequence[Votes],
    scores: Mapping[str, float],
    bootstrap: Bootstrap,
) -> dict[str, tuple[float, float]]:
    """95 % percentile intervals by name; none when no samples are drawn."""
    if not bootstrap.draws:
        return {}
    labels, n_classes, judged = data.labels, len(data.classes), ranking.judged
    values = _query_values(ranking)[judged]
    blocks: dict[str, list[DoubleArray]] = {}
    for counts in resampling_counts(
        len(data),
        draws=bootstrap.draws,
        seed=bootstrap.seed,
        clusters=data.groups if bootstrap.by_group else None,
    ):
        means = bootstrap_means(values.reshape(len(values), -1), counts[:, judged])
        drawn = _named(means.reshape(-1, *values.shape[1:]), ranking.ks)
        for name, single in _balanced_values(ranking).items():
            drawn[name] = bootstrap_class_balanced(single, labels, n_classes, counts)
        if votes:
            f1 = [
                weighted_macro_f1(labels[one], labels[near], n_classes, counts[:, one])
                for one, near in votes
            ]
            drawn["nn_f1"] = np.mean(f1, axis=0)
        for name, samples in drawn.items():
            blocks.setdefault(name, []).append(samples)
    return {
        name: percentile_interval(np.concatenate(samples), around=scores[name])
        for name, samples in blocks.items()
    }
