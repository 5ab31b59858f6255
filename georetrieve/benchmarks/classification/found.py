"""All that takes a look at vectors: splits, calls, and the ranking of all items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from georetrieve.benchmarks.classification.calls import ProbeCalls, call_plan
from georetrieve.benchmarks.classification.settings import TaskSettings
from georetrieve.benchmarks.classification.splits import Plan, plan_splits
from georetrieve.benchmarks.labelled import LabelledVectors
from georetrieve.benchmarks.measure import Bootstrap, Judgement, judge
from georetrieve.errors import StoreError
from georetrieve.metrics.ranking import SCAMPI_KS

__all__ = ["Found", "classify_all", "draw_per_class"]


@dataclass(frozen=True, slots=True)
class Found:
    """All that a task's probes called, before it is scored.

    Attributes:
        data: The labelled items, in the order of their ids.
        plans: Ways to split, from the easiest to the strictest.
        calls: Calls of each plan; none where it has no split.
        ranking: Retrieval among all items, and what it is worth.
        notes: What a reader must know.
    """

    data: LabelledVectors
    plans: tuple[Plan, ...]
    calls: tuple[tuple[ProbeCalls, ...], ...]
    ranking: Judgement
    notes: tuple[str, ...] = ()

    @property
    def place(self) -> int:
        """Number of the strictest plan that could be followed."""
        return max(number for number, calls in enumerate(self.calls) if calls)

    @property
    def strictest(self) -> Plan:
        """The last plan that could be followed: the one that tables of classes are made of."""
        return self.plans[self.place]

    @property
    def main(self) -> ProbeCalls:
        """What the first probe called in it."""
        return self.calls[self.place][0]


def classify_all(data: LabelledVectors, settings: TaskSettings, bootstrap: Bootstrap) -> Found:
    """Split the items, let the probes call them, and rank them.

    Args:
        data: The items.
        settings: Of the task.
        bootstrap: How intervals of the ranking's numbers are drawn.

    Raises:
        StoreError: There is no way to split; the reasons are named.
    """
    plans = plan_splits(data, settings.split)
    if not any(plan.rounds for plan in plans):
        reasons = " ".join(dict.fromkeys(plan.reason for plan in plans))
        raise StoreError(f"Nothing can be classified. {reasons}")
    notes = [note for plan in plans for note in plan.notes]
    linear = len(data.classes) <= settings.probe.max_linear_classes
    if "linear" in settings.probe.kinds and not linear:
        notes.append(
            f"The linear probe is left out: {len(data.classes):,} classes are more than the "
            f"{settings.probe.max_linear_classes:,} of max_linear_classes."
        )
    calls = [
        tuple(call_plan(data, plan, settings.probe, linear=linear)) if plan.rounds else ()
        for plan in plans
    ]
    if not any(calls):
        raise StoreError("No probe is left to call anything: raise max_linear_classes or add knn.")
    ranking = judge(data, metric=settings.probe.metric, ks=SCAMPI_KS, bootstrap=bootstrap)
    return Found(data, tuple(plans), tuple(calls), ranking, tuple(notes))


def draw_per_class(data: LabelledVectors, most: int | None, *, seed: int = 0) -> LabelledVectors:
    """At most so many items of each class, drawn at random; all where ``most`` is None."""
    if most is None:
        return data
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(data))
    drawn = [order[data.labels[order] == code][:most] for code in range(len(data.classes))]
    return data.take(np.sort(np.concatenate(drawn)))
