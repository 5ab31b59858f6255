"""What probes call the tested items of a plan, and how right they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass

import numpy as np

from georetrieve.benchmarks.classification.settings import ProbeSettings
from georetrieve.benchmarks.classification.splits import Plan, Round
from georetrieve.benchmarks.labelled import LabelledVectors
from georetrieve.benchmarks.measure import Bootstrap
from georetrieve.benchmarks.record import Estimate
from georetrieve.metrics.bootstrap import bootstrap_means, percentile_interval, resampling_counts
from georetrieve.metrics.calls import call_scores, log_losses
from georetrieve.metrics.classification import Split
from georetrieve.metrics.ranking import DoubleArray
from georetrieve.probes.classification.centroid import CentroidProbe
from georetrieve.probes.classification.knn import KnnProbe
from georetrieve.probes.classification.linear import LinearProbe
from georetrieve.probes.classification.neighbours import Neighbours
from georetrieve.probes.vote import VoteRule
from georetrieve.types import IntArray

__all__ = ["Called", "ProbeCalls", "call_plan", "estimates", "round_scores"]

_SHARES = 1 << 22  # numbers of a (queries, classes) block of shares: 32 MiB
_PERMUTATIONS = 20


@dataclass(frozen=True, slots=True)
class Called:
    """The calls of one round.

    Attributes:
        tested: (T,) rows.
        predicted: (T,) classes.
        losses: (T,) log losses; None where shares of votes are no probabilities to be judged by.
    """

    tested: IntArray
    predicted: IntArray
    losses: DoubleArray | None = None


@dataclass(frozen=True, slots=True)
class ProbeCalls:
    """The calls of one probe, round by round."""

    probe: str
    rounds: tuple[Called, ...]


def call_plan(
    data: LabelledVectors, plan: Plan, settings: ProbeSettings, *, linear: bool = True
) -> list[ProbeCalls]:
    """Let every probe call what the plan tests.

    Args:
        data: The items.
        plan: What is trained on and tested.
        settings: Which probes.
        linear: Whether the linear probe takes part, if it is asked for.
    """
    by_probe: dict[str, list[Called]] = {}
    for one in plan.rounds:
        parts: dict[str, list[Called]] = {}
        for split in one.splits:
            for name, called in _call_split(data, split, one, settings, linear=linear):
                parts.setdefault(name, []).append(called)
        for name, some in parts.items():
            by_probe.setdefault(name, []).append(_joined(some))
    return [ProbeCalls(name, tuple(rounds)) for name, rounds in by_probe.items()]


def _call_split(
    data: LabelledVectors, split: Split, one: Round, settings: ProbeSettings, *, linear: bool
) -> Iterator[tuple[str, Called]]:
    vectors = data.vectors.astype(np.float32, copy=False)
    known, classes, asked = vectors[split.train], data.labels[split.train], vectors[split.test]
    n_classes = len(data.classes)
    if "knn" in settings.kinds:
        voter = KnnProbe(max(settings.ks), settings.rule, settings.metric)
        voter.fit(known, classes, n_classes)
        found = voter.neighbours(asked)
        for k in settings.ks:
            yield f"knn_{k}", Called(split.test, _voted(voter, found.first(k), n_classes))
    if "centroid" in settings.kinds:
        # The nearest mean is called whatever its word weighs.
        means = CentroidProbe(VoteRule("distance"), settings.metric).fit(known, classes, n_classes)
        parts = [means.predict_proba(asked[rows]).argmax(1) for rows in _blocks(asked, n_classes)]
        yield "centroid", Called(split.test, np.concatenate(parts))
    if "linear" in settings.kinds and linear:
        seed = int(one.name) if one.name else 0
        shares = LinearProbe(seed).fit(known, classes, n_classes).predict_proba(asked)
        losses = log_losses(data.labels[split.test], shares)
        yield "linear", Called(split.test, shares.argmax(1).astype(np.int64), losses)


def _voted(voter: KnnProbe, found: Neighbours, n_classes: int) -> IntArray:
    """(T,) classes of the largest share; of equal ones the first."""
    parts = [
        voter.vote(Neighbours(found.places[rows], found.scores[rows], found.metric)).argmax(1)
        for rows in _blocks(found.places, n_classes)
    ]
    return np.concatenate(parts)


def _blocks(rows: Sized, n_classes: int) -> list[slice]:
    """Slices of rows few enough that their (rows, classes) shares are small."""
    step = max(1, _SHARES // n_classes)
    return [slice(start, start + step) for start in range(0, len(rows), step)]


def _joined(parts: Sequence[Called]) -> Called:
    losses = [one.losses for one in parts if one.losses is not None]
    return Called(
        np.concatenate([one.tested for one in parts]),
        np.concatenate([one.predicted for one in parts]),
        np.concatenate(losses) if losses else None,
    )


def round_scores(
    data: LabelledVectors, called: Called, weights: DoubleArray | None = None
) -> dict[str, DoubleArray]:
    """Scores of one round under (B, N) weightings of all items, each (B,); None: as they are."""
    some = None if weights is None else weights[:, called.tested]
    scores = call_scores(data.labels[called.tested], called.predicted, len(data.classes), some)
    if called.losses is not None:
        counts = np.ones((1, len(called.tested))) if some is None else some
        scores["log_loss"] = bootstrap_means(called.losses[:, None], counts)[:, 0]
    return scores


def estimates(
    data: LabelledVectors, calls: Sequence[ProbeCalls], bootstrap: Bootstrap
) -> dict[str, dict[str, Estimate]]:
    """Scores of each probe, the mean over its rounds, by probe and name.

    Intervals: percentile bootstrap over items (or groups), which keeps an item's weight the same in
    every round and probe. Chance: the same calls shuffled over the tested items, mean over 20
    shuffles; for the log loss that of equal probabilities.
    """
    values = {one.probe: _means(data, one) for one in calls}
    drawn = _drawn(data, calls, bootstrap)
    found: dict[str, dict[str, Estimate]] = {}
    for one in calls:
        chance = _chance(data, one)
        count = len(np.unique(np.concatenate([called.tested for called in one.rounds])))
        found[one.probe] = {}
        for name, value in values[one.probe].items():
            around = None if name == "log_loss" else value
            low, high = None, None
            if drawn:
                low, high = percentile_interval(drawn[one.probe, name], around=around)
            found[one.probe][name] = Estimate(value, low, high, chance[name], count)
    return found


def _means(
    data: LabelledVectors, calls: ProbeCalls, weights: DoubleArray | None = None
) -> dict[str, float]:
    rounds = [round_scores(data, called, weights) for called in calls.rounds]
    return {name: float(np.mean([one[name][0] for one in rounds])) for name in rounds[0]}


def _drawn(
    data: LabelledVectors, calls: Sequence[ProbeCalls], bootstrap: Bootstrap
) -> dict[tuple[str, str], DoubleArray]:
    """Bootstrap samples of every score, by probe and name; none when no samples are drawn."""
    if not bootstrap.draws:
        return {}
    blocks: dict[tuple[str, str], list[DoubleArray]] = {}
    for counts in resampling_counts(
        len(data),
        draws=bootstrap.draws,
        seed=bootstrap.seed,
        clusters=data.groups if bootstrap.by_group else None,
    ):
        for one in calls:
            rounds = [round_scores(data, called, counts) for called in one.rounds]
            for name in rounds[0]:
                samples = np.mean([scores[name] for scores in rounds], axis=0)
                blocks.setdefault((one.probe, name), []).append(samples)
    return {name: np.concatenate(samples) for name, samples in blocks.items()}


def _chance(data: LabelledVectors, calls: ProbeCalls) -> dict[str, float]:
    rng = np.random.default_rng(0)
    shuffled = [
        Called(called.tested, rng.permutation(called.predicted))
        for called in calls.rounds
        for _ in range(_PERMUTATIONS)
    ]
    chance = _means(data, ProbeCalls(calls.probe, tuple(shuffled)))
    return chance | {"log_loss": float(np.log(len(data.classes)))}
