"""The tables of the SCAMPI benchmark, named and laid out as its evaluation script writes them.

Source: equinor/scampi-benchmark, ``run_evaluation.py``. Its confusion matrix is only drawn there;
here it is a table too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from georetrieve.benchmarks.classification.calls import ProbeCalls, round_scores
from georetrieve.benchmarks.classification.found import Found
from georetrieve.benchmarks.classification.tables import confusion_of
from georetrieve.metrics.calls import CALL_SCORES
from georetrieve.metrics.classification import class_scores, confusion_matrix
from georetrieve.metrics.ranking import DoubleArray, class_means
from georetrieve.types import Scalar

__all__ = ["Files", "scampi_files"]

Files = Mapping[str, Sequence[Mapping[str, Scalar]]]
"""Rows by file name; the first column, without a name, is the row's."""

_ROW = ""
_LINEAR_SCORES = ("log_loss", "balanced_accuracy", "accuracy", "mean_precision")


def scampi_files(found: Found) -> Files:
    """All tables of a run of task ``scampi``, by file name.

    Args:
        found: With a stratified plan; its probes decide which tables there are.
    """
    files = dict(_retrieval(found))
    stratified = [
        calls
        for plan, calls in zip(found.plans, found.calls, strict=True)
        if plan.kind == "stratified" and calls
    ]
    seeds = next((plan.rounds for plan in found.plans if plan.kind == "stratified"), ())
    names = [one.name for one in seeds]
    for calls in stratified[0] if stratified else ():
        if calls.probe == "linear":
            rows = [f"log_model_{name}" for name in names]
            files["summary_metrics.csv"] = _summary(found, calls, rows, _LINEAR_SCORES)
            files["confusion_matrix_log_model.csv"] = _confusion(found, calls)
        elif calls.probe.startswith("knn_"):
            k = calls.probe.removeprefix("knn_")
            rows = [f"k={k}_seed={name}" for name in names]
            files[f"summary_metrics_knn_{k}.csv"] = _summary(found, calls, rows, CALL_SCORES)
            if k == "1":
                files["class_wise_nn_stats.csv"] = _class_wise(found, calls)
    return files


def _retrieval(found: Found) -> Files:
    ranking, data = found.ranking.ranking, found.data
    precision = np.concatenate([ranking.precision_at_nr[:, None], ranking.precision], axis=1)
    recall = np.concatenate([ranking.precision_at_nr[:, None], ranking.recall], axis=1)
    names = ["k", *(str(k) for k in ranking.ks)]
    columns = {
        f"{measure}_at_{name}": [_number(value) for value in values[:, place]]
        for place, name in enumerate(names)
        for measure, values in (("precision", precision), ("recall", recall))
    }
    means = {"precision": precision[ranking.judged], "recall": recall[ranking.judged]}
    by_class = class_means(ranking.precision_at_nr, data.labels, len(data.classes))
    return {
        "cbir_accuracy.csv": [
            {
                _ROW: row,
                "label": int(data.labels[row]),
                "filename": item.rpartition("/")[2],
                **{name: values[row] for name, values in columns.items()},
            }
            for row, item in enumerate(data.ids)
        ],
        "cbir_mean_accuracy.csv": [
            {_ROW: measure} | dict(zip(names, values.mean(axis=0).tolist(), strict=True))
            for measure, values in means.items()
            if len(values)
        ],
        "cbir_classwise.csv": [
            {_ROW: code, "class": code, "precision_at_k": _number(value)}
            for code, value in enumerate(by_class)
        ],
    }


def _summary(
    found: Found, calls: ProbeCalls, names: Sequence[str], scores: Sequence[str]
) -> list[dict[str, Scalar]]:
    """A row a seed and one of their means."""
    rounds = [round_scores(found.data, called) for called in calls.rounds]
    values = np.array([[one[score][0] for score in scores] for one in rounds])
    columns = ["f1_score" if score == "f1" else score for score in scores]
    rows = [*zip(names, values, strict=True), ("mean", values.mean(axis=0))]
    return [{_ROW: name} | dict(zip(columns, row.tolist(), strict=True)) for name, row in rows]


def _class_wise(found: Found, calls: ProbeCalls) -> list[dict[str, Scalar]]:
    """A row a class: its mean scores over the seeds."""
    data = found.data
    scores = [
        class_scores(confusion_matrix(data.labels[one.tested], one.predicted, len(data.classes)))
        for one in calls.rounds
    ]
    means: dict[str, DoubleArray] = {
        column: np.mean([getattr(one, score) for one in scores], axis=0)
        for column, score in (("recall", "recall"), ("precision", "precision"), ("f1_score", "f1"))
    }
    return [
        {_ROW: code} | {column: float(values[code]) for column, values in means.items()}
        for code in range(len(data.classes))
    ]


def _confusion(found: Found, calls: ProbeCalls) -> list[dict[str, Scalar]]:
    """A row a class: how often its items were called each class, all seeds together."""
    names = found.data.classes
    return [
        {_ROW: name} | dict(zip(names, row.tolist(), strict=True))
        for name, row in zip(names, confusion_of(found.data, calls), strict=True)
    ]


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
