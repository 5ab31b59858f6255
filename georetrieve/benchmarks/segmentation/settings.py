"""What a task of segmentation may say in its tables ``data``, ``split`` and ``probe``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, get_args

from georetrieve.baselines.methods import METHODS
from georetrieve.benchmarks.segmentation.splits import SplitKind
from georetrieve.benchmarks.tasks import Task, TaskTables, task_tables
from georetrieve.errors import StoreError, did_you_mean
from georetrieve.sources.masks.classes import ClassTable

__all__ = [
    "DataSettings",
    "ProbeSettings",
    "SplitSettings",
    "TaskSettings",
    "task_settings",
    "with_choices",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSettings:
    """How images and masks are laid out.

    Attributes:
        classes: Names of the classes; with none, classes are as the codes, colours or names found.
        codes: Value of each in a mask; with none 0, 1, 2 ...
        void: Values in a mask of pixels nothing is known of.
        views: Names of registered views, as ``georetrieve segment`` takes them.
        groups: Where the groups of images come from, as an index takes it; None: slides and volumes
            are groups, images have none.
    """

    classes: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()
    void: tuple[int, ...] = ()
    views: tuple[str, ...] = ()
    groups: str | None = None

    def __post_init__(self) -> None:
        if self.codes and len(self.codes) != len(self.classes):
            raise StoreError(
                f"data.classes names {len(self.classes)} classes and data.codes gives "
                f"{len(self.codes)} values; each class needs one."
            )

    @property
    def table(self) -> ClassTable | None:
        """The classes; None where they are as found."""
        return ClassTable.of_names(self.classes, self.codes or None) if self.classes else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSettings:
    """What is trained on and what is tested; :mod:`..splits` says what each kind is.

    Attributes:
        kind: How images are parted.
        train: Numbers of images trained on, measured side by side; of the kind ``even``.
        folds: Parts, of the kinds ``folds`` and ``groups``.
    """

    kind: SplitKind = "even"
    train: tuple[int, ...] = (1,)
    folds: int = 5

    def __post_init__(self) -> None:
        if self.kind not in get_args(SplitKind):
            raise StoreError(
                f"Unknown split {self.kind!r}.{did_you_mean(self.kind, get_args(SplitKind))}"
            )
        if not self.train or min(self.train) < 1:
            raise StoreError(
                f"split.train is {list(self.train)}; name numbers of images from 1 on."
            )
        if self.folds < 2:
            raise StoreError(f"split.folds is {self.folds}; there are two or more.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSettings:
    """What maps the images.

    Attributes:
        methods: Measured side by side.
        encoders: Measured side by side with each method that has an encoder.
        draws: Bootstrap samples of the intervals; 0: none.
        seed: Of the methods and of the bootstrap.
    """

    methods: tuple[str, ...] = tuple(METHODS)
    encoders: tuple[str, ...] = ("bundled",)
    draws: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.methods or not self.encoders:
            raise StoreError("probe.methods and probe.encoders each name at least one.")
        for method in self.methods:
            if method not in METHODS:
                raise StoreError(f"Unknown method {method!r}.{did_you_mean(method, METHODS)}")
        if self.draws < 0:
            raise StoreError(f"probe.draws is {self.draws}; it is 0 or more.")


TaskSettings: TypeAlias = TaskTables[DataSettings, SplitSettings, ProbeSettings]


def task_settings(task: Task) -> TaskSettings:
    """Check a task's tables.

    Raises:
        StoreError: A key is unknown, or a value is not usable.
    """
    return task_tables(task, DataSettings, SplitSettings, ProbeSettings)


def with_choices(
    task: Task,
    *,
    methods: Sequence[str] | None = None,
    encoders: Sequence[str] | None = None,
    kind: str | None = None,
    train: Sequence[int] | None = None,
    folds: int | None = None,
) -> Task:
    """A task with some of its settings chosen otherwise; None and nothing leave them.

    Args:
        task: A task of segmentation.
        methods: See :class:`ProbeSettings`.
        encoders: Likewise.
        kind: See :class:`SplitSettings`. Numbers of images to train on mean ``even``.
        train: Likewise.
        folds: Likewise.
    """
    split = {"kind": kind or ("even" if train else None), "train": train, "folds": folds}
    probe = {"methods": methods, "encoders": encoders}
    return replace(
        task,
        split={**task.split, **{name: value for name, value in split.items() if value}},
        probe={**task.probe, **{name: value for name, value in probe.items() if value}},
    )
