"""What a task of classification may say in its tables ``data``, ``split`` and ``probe``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from georetrieve.benchmarks.tasks import Task, TaskTables, task_tables
from georetrieve.errors import StoreError, did_you_mean
from georetrieve.probes.vote import VoteRule, Weighting
from georetrieve.types import Metric

__all__ = [
    "DataSettings",
    "ProbeKind",
    "ProbeSettings",
    "SplitKind",
    "SplitSettings",
    "TaskSettings",
    "task_settings",
]

SplitKind = Literal["stratified", "same_slices", "slice_blocks", "groups"]
ProbeKind = Literal["knn", "centroid", "linear"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSettings:
    """How a folder is indexed when no index is named; fields as in ``georetrieve index``.

    Attributes:
        labels: Where labels come from.
        groups: Where groups come from; None: the slide or volume an item was cut from.
        items: How files are cut.
        step: Every how manieth slice of a volume.
        per_class: At most so many items of each class take part, drawn by seed 0; None: all.
    """

    labels: str = "folder"
    groups: str | None = None
    items: str = "auto"
    step: int = 1
    per_class: int | None = None

    def __post_init__(self) -> None:
        rules = (
            ("step", self.step >= 1, "1 or more"),
            ("per_class", self.per_class is None or self.per_class >= 2, "2 or more"),
        )
        _hold(self, "data", rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSettings:
    """What is trained on and what is tested; :mod:`..splits` says what each way is.

    Attributes:
        kinds: Ways to split, measured side by side. The first gives the tables of classes.
        seeds: One random split each (``stratified``, ``same_slices``).
        test_share: Share of the items tested (``stratified``), in (0, 1).
        train_per_class: Slices of each class trained on (``same_slices``).
        test_per_class: How many of those slices are tested too.
        blocks: Blocks of neighbouring slices a volume is cut into (``slice_blocks``).
        gap: Slices left out of training on either side of a tested block.
        folds: Most folds of ``groups``; with no more groups than that each is left out by itself.
    """

    kinds: tuple[SplitKind, ...] = ("stratified",)
    seeds: tuple[int, ...] = tuple(range(10))
    test_share: float = 0.2
    train_per_class: int = 30
    test_per_class: int = 20
    blocks: int = 5
    gap: int = 8
    folds: int = 10

    def __post_init__(self) -> None:
        _known("split.kinds", self.kinds, get_args(SplitKind))
        rules = (
            ("seeds", bool(self.seeds), "at least one"),
            ("test_share", 0 < self.test_share < 1, "above 0 and below 1"),
            ("train_per_class", self.train_per_class >= 1, "1 or more"),
            (
                "test_per_class",
                1 <= self.test_per_class <= self.train_per_class,
                "1 or more, and no more than train_per_class",
            ),
            ("blocks", self.blocks >= 2, "2 or more"),
            ("gap", self.gap >= 0, "0 or more"),
            ("folds", self.folds >= 2, "2 or more"),
        )
        _hold(self, "split", rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSettings:
    """What calls the items.

    Attributes:
        kinds: Probes, measured side by side.
        ks: Neighbours that vote, one classifier each.
        weighting: What a neighbour's word weighs.
        temperature: Of the weighting ``softmax``.
        metric: Distance neighbours are ranked by.
        max_linear_classes: With more classes the linear probe is left out, and that is said.
        scampi_files: Whether CSV files are written as the SCAMPI benchmark lays them out.
    """

    kinds: tuple[ProbeKind, ...] = ("knn", "centroid", "linear")
    ks: tuple[int, ...] = (1, 5, 10, 20)
    weighting: Weighting = "uniform"
    temperature: float = 0.07
    metric: Metric = "euclidean"
    max_linear_classes: int = 500
    scampi_files: bool = False

    def __post_init__(self) -> None:
        _known("probe.kinds", self.kinds, get_args(ProbeKind))
        _known("probe.metric", (self.metric,), get_args(Metric))
        rules = (
            ("ks", bool(self.ks) and all(k >= 1 for k in self.ks), "whole numbers from 1 on"),
            ("max_linear_classes", self.max_linear_classes >= 0, "0 or more"),
        )
        _hold(self, "probe", rules)
        if self.weighting == "softmax" and self.metric != "cosine":
            raise StoreError("A softmax vote weighs cosines: set probe.metric to 'cosine'.")

    @property
    def rule(self) -> VoteRule:
        """What a neighbour's word weighs."""
        return VoteRule(self.weighting, self.temperature)


TaskSettings: TypeAlias = TaskTables[DataSettings, SplitSettings, ProbeSettings]


def task_settings(task: Task) -> TaskSettings:
    """Check a task's tables.

    Raises:
        StoreError: A key is unknown, or a value is not usable.
    """
    return task_tables(task, DataSettings, SplitSettings, ProbeSettings)


def _known(name: str, values: tuple[str, ...], choices: tuple[str, ...]) -> None:
    if not values:
        raise StoreError(f"{name} names nothing; use any of {', '.join(choices)}.")
    for value in values:
        if value not in choices:
            raise StoreError(f"Unknown {value!r} in {name}.{did_you_mean(value, choices)}")


def _hold(table: object, name: str, rules: tuple[tuple[str, bool, str], ...]) -> None:
    for key, holds, rule in rules:
        if not holds:
            raise StoreError(f"{name}.{key} = {getattr(table, key)!r} cannot be: it is {rule}.")
