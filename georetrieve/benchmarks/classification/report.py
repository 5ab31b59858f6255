"""What was found, put into the words and numbers of a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from georetrieve.benchmarks.classification.calls import ProbeCalls
from georetrieve.benchmarks.classification.found import Found
from georetrieve.benchmarks.classification.settings import SplitKind, TaskSettings
from georetrieve.benchmarks.classification.splits import SPLIT_WORDS
from georetrieve.benchmarks.classification.tables import (
    class_rows,
    confusion_of,
    confusion_rows,
    leak_rows,
    round_rows,
    side_by_side_rows,
)
from georetrieve.benchmarks.labelled import LabelledVectors
from georetrieve.benchmarks.measure import Bootstrap
from georetrieve.benchmarks.record import DataFacts, Estimate
from georetrieve.benchmarks.tasks import Task
from georetrieve.metrics.duplicates import NEAR_SHARE
from georetrieve.metrics.ranking import SCAMPI_KS
from georetrieve.types import EncoderSpec, Scalar

__all__ = ["SplitScores", "facts", "metrics", "notes", "settings_of", "tables"]

SplitScores = Mapping[SplitKind, Mapping[str, Mapping[str, Estimate]]]
"""Estimates by split, probe and name; splits from the easiest to the strictest."""

_TELLING = 0.02
"""Difference of accuracies from which a sentence is worth it."""


def facts(offered: LabelledVectors, found: Found, index: str, version: str) -> DataFacts:
    """What was measured on."""
    data = found.data
    groups = np.bincount(data.groups + 1, minlength=len(data.group_names) + 1)[1:]
    tested = [one.tested for calls in found.calls for probe in calls for one in probe.rounds]
    return DataFacts(
        index=index,
        version=version,
        n_items=offered.n_offered,
        n_labelled=len(offered),
        n_queries=len(np.unique(np.concatenate(tested))),
        classes=dict(zip(data.classes, np.bincount(data.labels).tolist(), strict=True)),
        groups=dict(zip(data.group_names, groups.tolist(), strict=True)),
        excluded={
            "unlabelled": offered.n_offered - len(offered),
            "beyond per_class": len(offered) - len(data),
            "only one of its class": len(data) - len(data.repeated),
        },
    )


def metrics(found: Found, scores: SplitScores) -> dict[str, Estimate]:
    """The numbers: first those of the strictest split's first probe, then all, then retrieval."""
    strictest = scores[found.strictest.kind]
    named = dict(strictest[found.main.probe])
    for plan in found.plans:
        if not plan.rounds:
            named[f"{plan.kind}/{found.main.probe}/accuracy"] = Estimate(None, reason=plan.reason)
        for probe, by_name in scores.get(plan.kind, {}).items():
            named |= {f"{plan.kind}/{probe}/{name}": value for name, value in by_name.items()}
    retrieved = dict(found.ranking.metrics)
    retrieved.pop("nn_f1", None)  # knn_1/f1 is that
    return named | retrieved


def settings_of(
    task: Task, settings: TaskSettings, bootstrap: Bootstrap, found: Found
) -> dict[str, Any]:
    """The task as it was read, and how intervals were drawn."""
    strictest, main = found.strictest.kind, found.main.probe
    headline = [
        *(f"{plan.kind}/{main}/accuracy" for plan in found.plans),
        *(f"{strictest}/{probe.probe}/f1" for probe in found.calls[found.place]),
        "p_at_nr",
        "pr_auc",
    ]
    return {
        "title": task.title,
        "citation": task.citation,
        "headline": headline,
        "tables_of": f"{strictest}/{main}",
        "ks": list(SCAMPI_KS),
        **{name: dict(asdict(getattr(settings, name))) for name in ("data", "split", "probe")},
        "bootstrap_draws": bootstrap.draws,
        "bootstrap_unit": "group" if bootstrap.by_group else "item",
        "near_duplicate_share": NEAR_SHARE,
    }


def tables(
    found: Found, scores: SplitScores, settings: TaskSettings
) -> dict[str, list[dict[str, Scalar]]]:
    """Tables by name; ``per_class`` and ``confusion`` are the strictest split's."""
    data = found.data
    confusion = confusion_of(data, found.main)
    made = {
        "per_class": class_rows(data, confusion),
        "confusion": confusion_rows(data, confusion),
        "accuracy_by_split": side_by_side_rows(scores),
        "leaks": leak_rows(data, found.plans, found.ranking.ranking, settings.probe.metric),
        "rounds": [
            row
            for plan, calls in zip(found.plans, found.calls, strict=True)
            for row in round_rows(data, plan, calls)
        ],
    }
    for plan, calls in zip(found.plans, found.calls, strict=True):
        if calls and plan is not found.strictest:
            made[f"per_class_{plan.kind}"] = class_rows(data, confusion_of(data, calls[0]))
    return made


def notes(
    task: Task,
    encoder: EncoderSpec | None,
    found: Found,
    scores: SplitScores,
    bootstrap: Bootstrap,
) -> list[str]:
    """What a reader must know, one sentence each."""
    data = found.data
    said = [*task.notes, *_differences(found, scores), *found.notes]
    said += [
        f"Not measured with {SPLIT_WORDS[plan.kind]}: {plan.reason}"
        for plan in found.plans
        if not plan.rounds
    ]
    if encoder is not None and encoder.adapted:
        said.append(
            "The encoder's codebook was fitted, without labels, to this same collection: expect "
            "less from it on a collection it has not seen."
        )
    alone = len(data) - len(data.repeated)
    if alone:
        said.append(f"{alone} items are the only ones of their class and cannot be tested.")
    if bootstrap.draws and data.has_groups and not bootstrap.by_group:
        said.append(
            f"The intervals draw items, not groups, since {len(data.group_names)} groups are too "
            "few to draw from: they leave out how much one group differs from another."
        )
    return said


def _differences(found: Found, scores: SplitScores) -> list[str]:
    """How much of the easiest split's score is gone in the strictest, as a sentence."""
    measured = [plan for plan in found.plans if plan.kind in scores]
    probe = found.main.probe
    named = [(SPLIT_WORDS[plan.kind], scores[plan.kind][probe]["accuracy"]) for plan in measured]
    values = [(words, one.value) for words, one in named if one.value is not None]
    if len(values) < 2:
        return []
    text = ", ".join(f"{value:.1%} with {words}" for words, value in values)
    lost = values[0][1] - values[-1][1]
    if lost < _TELLING:
        return [f"Accuracy ({_probe_words(found.main)}) is {text}: nothing to speak of leaks."]
    return [
        f"Accuracy ({_probe_words(found.main)}) is {text}. What is lost between the first and the "
        f"last, {100 * lost:.0f} points, is owed to what is tested being nearly the same as what "
        "is trained on; the last says what to expect of new material."
    ]


def _probe_words(calls: ProbeCalls) -> str:
    return calls.probe.replace("knn_", "k = ")
