"""The tables of a classification record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from georetrieve.benchmarks.classification.calls import ProbeCalls, round_scores
from georetrieve.benchmarks.classification.settings import SplitKind
from georetrieve.benchmarks.classification.splits import SPLIT_WORDS, Plan
from georetrieve.benchmarks.labelled import LabelledVectors
from georetrieve.benchmarks.record import Estimate
from georetrieve.metrics.classification import class_scores, confusion_matrix
from georetrieve.metrics.duplicates import (
    NEAR_SHARE,
    copies,
    count_duplicates,
    near_pairs,
    typical_distance,
)
from georetrieve.metrics.ranking import Ranking
from georetrieve.types import IntArray, Metric, Scalar

__all__ = [
    "class_rows",
    "confusion_of",
    "confusion_rows",
    "leak_rows",
    "round_rows",
    "side_by_side_rows",
]


def round_rows(
    data: LabelledVectors, plan: Plan, calls: Sequence[ProbeCalls]
) -> list[dict[str, Scalar]]:
    """One row a probe and round: how many were trained on and tested, and the scores."""
    rows: list[dict[str, Scalar]] = []
    for one in calls:
        for part, called in zip(plan.rounds, one.rounds, strict=True):
            sizes = [len(split.train) for split in part.splits]
            scores = {name: float(v[0]) for name, v in round_scores(data, called).items()}
            rows.append(
                {
                    "split": plan.kind,
                    "probe": one.probe,
                    "seed": part.name or None,
                    "folds": len(sizes),
                    "trained_on": round(float(np.mean(sizes)), 1),
                    "tested": len(called.tested),
                    **scores,
                }
            )
    return rows


def confusion_of(data: LabelledVectors, calls: ProbeCalls) -> IntArray:
    """(C, C) true class by called one, added up over the rounds."""
    tested = np.concatenate([called.tested for called in calls.rounds])
    predicted = np.concatenate([called.predicted for called in calls.rounds])
    return confusion_matrix(data.labels[tested], predicted, len(data.classes))


def class_rows(data: LabelledVectors, confusion: IntArray) -> list[dict[str, Scalar]]:
    """One row a class: counts and scores of all its calls, and what it was most often taken for."""
    scores = class_scores(confusion)
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    sizes = np.bincount(data.labels, minlength=len(data.classes))
    rows: list[dict[str, Scalar]] = []
    for code, name in enumerate(data.classes):
        other = int(wrong[code].argmax())
        tested = int(confusion[code].sum())
        row: dict[str, Scalar] = {"class": name, "items": int(sizes[code]), "tested": tested}
        for count in ("true_positives", "false_positives", "false_negatives", "true_negatives"):
            row[count] = int(getattr(scores, count)[code])
        for score in ("precision", "recall", "specificity", "f1"):
            row[score] = float(getattr(scores, score)[code]) if tested else None
        row["taken_for"] = data.classes[other] if wrong[code, other] else None
        row["taken_for_count"] = int(wrong[code, other])
        rows.append(row)
    return rows


def confusion_rows(data: LabelledVectors, confusion: IntArray) -> list[dict[str, Scalar]]:
    """The cells above 0 of a confusion matrix."""
    return [
        {
            "truth": data.classes[row],
            "predicted": data.classes[column],
            "count": int(confusion[row, column]),
        }
        for row, column in np.argwhere(confusion)
    ]


def side_by_side_rows(
    found: Mapping[SplitKind, Mapping[str, Mapping[str, Estimate]]],
) -> list[dict[str, Scalar]]:
    """One row a probe: its accuracy under each way to split, and what the easiest adds.

    Args:
        found: Estimates by split, probe and name, splits from the easiest to the strictest.
    """
    probes = {probe for by_probe in found.values() for probe in by_probe}
    order = [probe for by_probe in found.values() for probe in by_probe]
    rows: list[dict[str, Scalar]] = []
    for probe in sorted(probes, key=order.index):
        row: dict[str, Scalar] = {"probe": probe}
        for kind, by_probe in found.items():
            row[kind] = by_probe[probe]["accuracy"].value if probe in by_probe else None
        known = [value for name, value in row.items() if name != "probe" and value is not None]
        if len(known) > 1:
            row["easiest_minus_strictest"] = float(known[0]) - float(known[-1])
        rows.append(row)
    return rows


def leak_rows(
    data: LabelledVectors, plans: Sequence[Plan], ranking: Ranking, metric: Metric
) -> list[dict[str, Scalar]]:
    """One row a split and kind of copy: tested items whose copy is trained on, mean over rounds.

    Args:
        data: The items.
        plans: Ways to split.
        ranking: Of the items; it knows each item's nearest.
        metric: Of the ranking.
    """
    limit = NEAR_SHARE * typical_distance(data.vectors, metric=metric)
    pairs = {"near-identical vector": near_pairs(ranking.neighbours, ranking.distances, limit)}
    if any(data.contents):
        pairs = {"identical content": copies(data.contents)} | pairs
    rows: list[dict[str, Scalar]] = []
    for plan in plans:
        splits = [split for one in plan.rounds for split in one.splits]
        if not splits:
            continue
        trained = [np.isin(split.test, split.train).sum() for split in splits]
        tested = sum(len(split.test) for split in splits) / len(plan.rounds)
        kinds = {"the item itself": float(np.mean(trained))} | {
            kind: count_duplicates(some, data.labels, splits=splits).across_splits
            for kind, some in pairs.items()
        }
        for kind, leaking in kinds.items():
            per_round = (leaking or 0.0) * len(splits) / len(plan.rounds)
            rows.append(
                {
                    "split": plan.kind,
                    "what": SPLIT_WORDS[plan.kind],
                    "trained_on_too": kind,
                    "tested_items": round(tested, 1),
                    "of_them_leaked": round(per_round, 1),
                }
            )
    return rows
