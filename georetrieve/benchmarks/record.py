"""The immutable record of one benchmark run, and its JSON file.

A record holds everything a report may say, so that reports read records and compute nothing.
"""

from __future__ import annotations

import csv
import importlib.metadata
import json
import os
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import georetrieve
from georetrieve.errors import StoreError
from georetrieve.types import EncoderSpec, Scalar

__all__ = [
    "SCHEMA_VERSION",
    "DataFacts",
    "EncoderFacts",
    "Estimate",
    "RunRecord",
    "current_command",
    "current_environment",
    "encoder_facts",
    "load_record",
    "save_record",
]

SCHEMA_VERSION = 1

_PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "timm", "pylance", "pillow")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured number, with what is needed to judge it.

    Attributes:
        value: The number; None where it is not defined (``reason`` says why).
        low: Lower end of the 95 % interval; None when none was computed.
        high: Upper end of the 95 % interval.
        chance: What a random ranking is expected to give; None when not computed.
        n: Number of queries, truths or pixels it is a mean over.
        reason: Why ``value`` is None; "" otherwise.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    chance: float | None = None
    n: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFacts:
    """What was measured on.

    Attributes:
        index: Name of the index or data set.
        version: Version of the index's table, or a digest of its manifest; "" when unknown.
        n_items: Items offered.
        n_labelled: Items that carry a label.
        n_queries: Items that could be judged as a query.
        classes: Labelled items of each class.
        groups: Labelled items of each group; empty where no groups are known.
        excluded: Why items were left out, and how many.
    """

    index: str
    n_items: int
    n_labelled: int
    n_queries: int
    version: str = ""
    classes: Mapping[str, int] = field(default_factory=dict)
    groups: Mapping[str, int] = field(default_factory=dict)
    excluded: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderFacts:
    """Which encoder made the vectors.

    Attributes:
        name: Its name.
        fingerprint: Digest of all that changes vectors.
        adapted: Whether its codebook was fitted, without labels, to this collection.
        spec: Its whole :class:`~georetrieve.types.EncoderSpec` as plain values.
    """

    name: str
    fingerprint: str = ""
    adapted: bool = False
    spec: Mapping[str, Any] = field(default_factory=dict)


def encoder_facts(spec: EncoderSpec) -> EncoderFacts:
    """The facts of ``spec`` a record keeps."""
    return EncoderFacts(
        name=spec.name, fingerprint=spec.fingerprint, adapted=spec.adapted, spec=spec.to_json()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One benchmark run.

    Attributes:
        task: What was measured: ``retrieval``, ``specimens`` ...
        protocol: How, by name.
        data: What it was measured on.
        metrics: Numbers by name, in the order they should be shown.
        encoder: Which encoder; None where none takes part.
        settings: Parameters of the protocol (k list, seeds, number of bootstrap draws ...).
        tables: Rows by table name (``per_class`` ...).
        curves: Points by curve name, e.g. ``{"recall": [...], "precision": [...]}``.
        examples: Single cases worth looking at (best and worst queries ...).
        notes: Caveats a reader must know, one sentence each.
        queries: Values of every query; written to a CSV file beside the JSON, not into it.
        seconds: How long the evaluation took.
        environment: Package versions, platform, CPU count.
        georetrieve_version: The version that measured.
        created: When, ISO 8601, UTC.
        command: The command line.
        schema_version: Version of this layout.
    """

    task: str
    protocol: str
    data: DataFacts
    metrics: Mapping[str, Estimate]
    encoder: EncoderFacts | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Sequence[Mapping[str, Scalar]]] = field(default_factory=dict)
    curves: Mapping[str, Mapping[str, Sequence[float | str]]] = field(default_factory=dict)
    examples: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    notes: Sequence[str] = ()
    queries: Sequence[Mapping[str, Scalar]] = field(default=(), compare=False, repr=False)
    seconds: float = 0.0
    environment: Mapping[str, Scalar] = field(default_factory=lambda: current_environment())
    georetrieve_version: str = georetrieve.__version__
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    command: str = field(default_factory=lambda: current_command())
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> dict[str, Any]:
        """Plain values; everything but :attr:`queries`."""
        values = asdict(self)
        del values["queries"]
        # One trip through JSON makes tuples lists, so that a record equals itself read back, and
        # refuses NaN: a number that is not defined is None with its reason.
        plain: dict[str, Any] = json.loads(json.dumps(values, allow_nan=False))
        return plain

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> RunRecord:
        """Inverse of :meth:`to_json`.

        Raises:
            StoreError: The layout is newer than this version knows, or is no record at all.
        """
        version = values.get("schema_version")
        if version != SCHEMA_VERSION:
            raise StoreError(
                f"Run record of schema version {version!r} cannot be read: this georetrieve reads "
                f"version {SCHEMA_VERSION}. Use the version that wrote it"
                f" ({values.get('georetrieve_version', 'unknown')})."
            )
        try:
            fields = dict(values)
            fields["data"] = DataFacts(**fields["data"])
            fields["metrics"] = {k: Estimate(**v) for k, v in fields["metrics"].items()}
            if fields.get("encoder") is not None:
                fields["encoder"] = EncoderFacts(**fields["encoder"])
            return cls(**fields)
        except (KeyError, TypeError, AttributeError) as error:
            raise StoreError(
                f"Run record is damaged ({error}): run the benchmark again to make a new one."
            ) from error


def current_environment() -> dict[str, Scalar]:
    """Versions and machine facts that may change a number or a time."""
    return dict(_environment())


@cache
def _environment() -> dict[str, Scalar]:
    facts: dict[str, Scalar] = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpu_count": os.cpu_count(),
    }
    for package in _PACKAGES:
        try:
            facts[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            facts[package] = None
    return facts


def current_command() -> str:
    """The command line that runs, with the program's name instead of its path."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def save_record(record: RunRecord, path: Path, *, queries: bool = False) -> Path:
    """Write ``record`` as JSON; with ``queries`` also ``<stem>.queries.csv`` beside it.

    Raises:
        StoreError: A file of that name is there already: records are never overwritten.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record.to_json(), indent=2, ensure_ascii=False) + "\n"
    side = path.with_suffix(".queries.csv")
    if queries and side.exists():
        raise _exists(side)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise _exists(path) from error
    if queries and record.queries:
        with side.open("x", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(record.queries[0]))
            writer.writeheader()
            writer.writerows(record.queries)
    return path


def _exists(path: Path) -> StoreError:
    return StoreError(
        f"{path} exists already and run records are never overwritten: name another file, or "
        "remove it yourself."
    )


def load_record(path: Path) -> RunRecord:
    """Read a record that :func:`save_record` wrote (without its per-query values).

    Raises:
        StoreError: The file is missing or is no run record.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StoreError(f"There is no run record at {path}: check the path.") from error
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} is not a run record ({error}): name the JSON file.") from error
    if not isinstance(values, dict):
        raise StoreError(f"{path} is not a run record: it holds a {type(values).__name__}.")
    return RunRecord.from_json(values)
