"""The tables, curves and examples of a retrieval record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from georetrieve.benchmarks.labelled import LabelledVectors
from georetrieve.benchmarks.measure import Judgement
from georetrieve.metrics.chance import expected_precision_at_nr
from georetrieve.metrics.classification import (
    ClassScores,
    Split,
    class_scores,
    confusion_matrix,
)
from georetrieve.metrics.duplicates import (
    NEAR_SHARE,
    copies,
    count_duplicates,
    near_pairs,
    typical_distance,
)
from georetrieve.metrics.ranking import class_means
from georetrieve.types import IntArray, Scalar

__all__ = [
    "confusion_rows",
    "curve",
    "duplicate_rows",
    "example_rows",
    "per_class_rows",
    "query_rows",
]

_EXAMPLES = 10
_EXAMPLE_HITS = 9


def curve(judged: Judgement) -> dict[str, list[float | str]]:
    """The points of the precision-recall curve and those of chance, by rising recall."""
    if np.isnan(judged.points).any():
        return {}
    recall, precision = judged.points
    order = np.lexsort((-precision, recall))
    names = ["N_R", *(str(k) for k in judged.ranking.ks)]
    return {
        "k": [names[place] for place in order],
        "recall": recall[order].tolist(),
        "precision": precision[order].tolist(),
        "chance_recall": judged.chance_points[0, order].tolist(),
        "chance_precision": judged.chance_points[1, order].tolist(),
    }


def _nearest_confusion(data: LabelledVectors, judged: Judgement) -> IntArray:
    """(C, C) true class by class of the nearest other item, over the queries."""
    rows = np.flatnonzero(judged.ranking.judged)
    nearest = judged.ranking.neighbours[rows, 0]
    return confusion_matrix(data.labels[rows], data.labels[nearest], len(data.classes))


def per_class_rows(data: LabelledVectors, judged: Judgement) -> list[dict[str, Scalar]]:
    """One row a class: size, retrieval, 1-NN scores averaged over the splits, what it is taken for.

    ``nn_*`` follow the published evaluation (mean over the splits); ``taken_for`` is the commonest
    wrong class of the nearest other item, with its count.
    """
    ranking, n_classes = judged.ranking, len(data.classes)
    at_one = ranking.precision[:, ranking.ks.index(1)]
    columns = np.stack(
        [
            ranking.precision_at_nr,
            expected_precision_at_nr(ranking.relevant, ranking.gallery),
            at_one,
        ],
        axis=1,
    )
    columns[~ranking.judged] = np.nan
    means = class_means(columns, data.labels, n_classes)
    splits = [
        class_scores(confusion_matrix(data.labels[tested], data.labels[nearest], n_classes))
        for tested, nearest in judged.votes
    ]
    confusion = _nearest_confusion(data, judged)
    np.fill_diagonal(confusion, 0)
    sizes = np.bincount(data.labels, minlength=n_classes)
    rows: list[dict[str, Scalar]] = []
    for code, name in enumerate(data.classes):
        wrong = int(confusion[code].argmax())
        missed = int(confusion[code, wrong])
        rows.append(
            {
                "class": name,
                "items": int(sizes[code]),
                "p_at_nr": _number(means[code, 0]),
                "p_at_nr_chance": _number(means[code, 1]),
                "precision_at_1": _number(means[code, 2]),
                **_split_means(splits, code, repeated=sizes[code] > 1),
                "taken_for": data.classes[wrong] if missed else None,
                "taken_for_count": missed,
            }
        )
    return rows


def _split_means(
    splits: Sequence[ClassScores], code: int, *, repeated: bool
) -> dict[str, float | None]:
    names = ("precision", "recall", "f1")
    if not splits or not repeated:
        return dict.fromkeys((f"nn_{name}" for name in names), None)
    return {
        f"nn_{name}": float(np.mean([getattr(scores, name)[code] for scores in splits]))
        for name in names
    }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def confusion_rows(data: LabelledVectors, judged: Judgement) -> list[dict[str, Scalar]]:
    """The cells above 0 of true class by class of the nearest other item."""
    confusion = _nearest_confusion(data, judged)
    return [
        {
            "true": data.classes[row],
            "nearest": data.classes[column],
            "count": int(confusion[row, column]),
        }
        for row, column in np.argwhere(confusion)
    ]


def duplicate_rows(
    data: LabelledVectors, judged: Judgement, splits: Sequence[Split]
) -> list[dict[str, Scalar]]:
    """Counts of exact copies (by content) and of near-duplicates (by vector)."""
    limit = NEAR_SHARE * typical_distance(data.vectors, metric=judged.metric)
    near = near_pairs(judged.ranking.neighbours, judged.ranking.distances, limit)
    known = any(data.contents)
    rows: list[dict[str, Scalar]] = []
    for kind, pairs, threshold in (
        ("identical content", copies(data.contents) if known else None, None),
        ("near-identical vector", near, limit),
    ):
        if pairs is None:
            continue
        groups = data.groups if data.group_names else None
        counts = count_duplicates(pairs, data.labels, groups=groups, splits=splits)
        rows.append(
            {
                "kind": kind,
                "pairs": counts.pairs,
                "items": counts.items,
                "across_labels": counts.across_labels,
                "across_groups": counts.across_groups if groups is not None else None,
                "test_items_leaked_per_split": counts.across_splits,
                "max_distance": threshold,
            }
        )
    return rows


def example_rows(data: LabelledVectors, judged: Judgement, *, best: bool) -> list[dict[str, Any]]:
    """The queries of highest or lowest P@N_R with their nearest hits, best first.

    Of equal ones come first those with more to find when ``best``, and those whose first right hit
    is farther down otherwise.
    """
    ranking = judged.ranking
    rows = np.flatnonzero(ranking.judged)
    value = ranking.precision_at_nr[rows]
    right = data.labels[ranking.neighbours[rows]] == data.labels[rows, None]
    right &= ranking.neighbours[rows] >= 0
    wrong_first = np.where(right.any(axis=1), right.argmax(axis=1), right.shape[1])
    second = ranking.relevant[rows] if best else wrong_first
    order = np.lexsort((rows, -second, -value if best else value))[:_EXAMPLES]
    return [_example(data, judged, int(row)) for row in rows[order]]


def _example(data: LabelledVectors, judged: Judgement, row: int) -> dict[str, Any]:
    ranking = judged.ranking
    hits = []
    for place in range(min(_EXAMPLE_HITS, ranking.neighbours.shape[1])):
        hit = int(ranking.neighbours[row, place])
        if hit < 0:
            break
        distance = float(ranking.distances[row, place])
        hits.append(
            {
                "id": data.ids[hit],
                "label": data.classes[data.labels[hit]],
                "score": -distance if judged.metric == "euclidean" else 1.0 - distance,
                "correct": bool(data.labels[hit] == data.labels[row]),
            }
        )
    return {
        "id": data.ids[row],
        "label": data.classes[data.labels[row]],
        "p_at_nr": float(ranking.precision_at_nr[row]),
        "relevant": int(ranking.relevant[row]),
        "hits": hits,
    }


def query_rows(data: LabelledVectors, judged: Judgement) -> list[dict[str, Scalar]]:
    """One row a labelled item: what it had to find, what it found, what came first."""
    ranking = judged.ranking
    at_nr = ranking.precision_at_nr
    columns = {k: ranking.precision[:, ranking.ks.index(k)] for k in (1, 10)}
    rows: list[dict[str, Scalar]] = []
    for row, item in enumerate(data.ids):
        nearest = int(ranking.neighbours[row, 0])
        group = int(data.groups[row])
        rows.append(
            {
                "id": item,
                "label": data.classes[data.labels[row]],
                "group": data.group_names[group] if group >= 0 else None,
                "relevant": int(ranking.relevant[row]),
                "p_at_nr": _number(at_nr[row]),
                **{f"precision_at_{k}": float(values[row]) for k, values in columns.items()},
                "nearest_id": data.ids[nearest],
                "nearest_label": data.classes[data.labels[nearest]],
                "nearest_distance": float(ranking.distances[row, 0]),
            }
        )
    return rows
