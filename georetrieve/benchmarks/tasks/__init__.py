"""Benchmark tasks, declared as data: what is measured on what, and how it is split.

A task is a TOML file: those beside this module come with the package, any other is named by its
path. ``kind`` says which benchmark reads it; the tables ``data``, ``split`` and ``probe`` are that
benchmark's, which checks them with :func:`settings`.
"""

from __future__ import annotations

import importlib.resources
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, get_args

from georetrieve.errors import StoreError, did_you_mean

__all__ = [
    "Task",
    "TaskKind",
    "TaskTables",
    "load_task",
    "settings",
    "task_names",
    "task_tables",
]

TaskKind = Literal["classification", "segmentation", "text"]
T = TypeVar("T")
D = TypeVar("D")
S = TypeVar("S")
P = TypeVar("P")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is measured, on what, and how.

    Attributes:
        name: Of its file, without the suffix.
        kind: Which benchmark reads it.
        title: One line.
        citation: Where the protocol or the data come from.
        data: How the data are laid out.
        split: What is trained on and what is tested.
        probe: What is run.
        notes: What a reader must know, one sentence each.
    """

    name: str
    kind: TaskKind
    title: str
    citation: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    split: Mapping[str, Any] = field(default_factory=dict)
    probe: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def task_names(kind: TaskKind) -> list[str]:
    """Names of the tasks of a kind that come with the package."""
    return sorted(name for name, task in _shipped().items() if task.kind == kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskTables(Generic[D, S, P]):
    """The three tables of a task, checked, as the benchmark has them."""

    data: D
    split: S
    probe: P


def load_task(name: str | Path, kind: TaskKind) -> Task:
    """Read a task.

    Args:
        name: One that comes with the package, or the path of a TOML file.
        kind: The kind it must be of.

    Raises:
        StoreError: There is none, it is of another kind, or the file is no task.
    """
    path = Path(name)
    if path.suffix == ".toml":
        try:
            task = _parse(path.read_text(encoding="utf-8"), path.stem)
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(
                f"The task {path} cannot be read ({error}); check the path."
            ) from error
    else:
        shipped = _shipped()
        if str(name) not in shipped:
            raise StoreError(
                f"Unknown task {str(name)!r}.{did_you_mean(str(name), task_names(kind))} Or name a "
                ".toml file."
            )
        task = shipped[str(name)]
    if task.kind != kind:
        raise StoreError(
            f"{task.name} is a task of {task.kind}, not of {kind}; run georetrieve bench "
            f"{task.kind}."
        )
    return task


def task_tables(task: Task, data: type[D], split: type[S], probe: type[P]) -> TaskTables[D, S, P]:
    """The three tables of a task as instances of dataclasses; see :func:`settings`."""
    return TaskTables(
        data=settings(task, "data", data),
        split=settings(task, "split", split),
        probe=settings(task, "probe", probe),
    )


def settings(task: Task, table: Literal["data", "split", "probe"], shape: type[T]) -> T:
    """A table of a task as an instance of a dataclass.

    Raises:
        StoreError: A key is unknown or missing, or the dataclass refuses a value.
    """
    values: Mapping[str, Any] = getattr(task, table)
    known = {one.name: one for one in fields(shape)}  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise StoreError(
                f"Task {task.name}: unknown key {key!r} in [{table}].{did_you_mean(key, known)}"
            )
    for key, one in known.items():
        if key not in values and one.default is MISSING and one.default_factory is MISSING:
            raise StoreError(f"Task {task.name}: [{table}] has no {key!r}; add it.")
    try:
        return shape(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
    except (TypeError, ValueError) as error:
        raise StoreError(f"Task {task.name}: [{table}] is not usable ({error}).") from error


def _shipped() -> dict[str, Task]:
    folder = importlib.resources.files(__name__)
    return {
        one.name.removesuffix(".toml"): _parse(
            one.read_text(encoding="utf-8"), one.name.removesuffix(".toml")
        )
        for one in folder.iterdir()
        if one.name.endswith(".toml")
    }


def _parse(text: str, name: str) -> Task:
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StoreError(f"Task {name} is not TOML ({error}); mend the file.") from error
    known = {one.name for one in fields(Task)} - {"name"}
    unknown = sorted(set(values) - known)
    if unknown:
        raise StoreError(
            f"Task {name}: unknown key {unknown[0]!r}.{did_you_mean(unknown[0], known)}"
        )
    if values.get("kind") not in get_args(TaskKind) or not values.get("title"):
        raise StoreError(
            f"Task {name} needs a title and a kind, one of {', '.join(get_args(TaskKind))}."
        )
    if "notes" in values:
        values["notes"] = tuple(values["notes"])
    return Task(name=name, **values)
