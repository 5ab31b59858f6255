"""The difference of two runs, query by query, with its interval.

Paired percentile bootstrap: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from georetrieve.benchmarks.found_records import MOST_BYTES, QUERIES, FoundRecord
from georetrieve.errors import StoreError
from georetrieve.metrics.bootstrap import bootstrap_means, percentile_interval, resampling_counts
from georetrieve.metrics.ranking import DoubleArray
from georetrieve.types import IntArray

__all__ = ["PairedDifference", "paired_differences"]

_KEYS = ("id", "image")
_NEAR = 1e-6


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """How much a run differs from another on the same queries.

    Attributes:
        value: Mean difference.
        low: Lower end of its 95 % interval.
        high: Upper end.
        n: Queries.
    """

    value: float
    low: float
    high: float
    n: int


def paired_differences(
    base: FoundRecord, other: FoundRecord, measures: Sequence[str], *, draws: int = 1000
) -> dict[str, PairedDifference]:
    """Bootstrap the difference of measures that are means over queries both runs have kept.

    Whole groups are drawn where the base's own intervals were made so. A measure takes no part
    unless the mean of its queries is its value in both records: a name alone does not tell.

    Args:
        base: What is subtracted.
        other: From what.
        measures: Names.
        draws: Bootstrap samples.

    Returns:
        By measure; without those that are not kept query by query, and empty where the queries of
        the two are not the same.

    Raises:
        StoreError: The values of the queries cannot be read.
    """
    rows, others = _queries(base), _queries(other)
    if not rows or set(rows) != set(others):
        return {}
    ids = sorted(rows)
    columns = {}
    for name in measures:
        one, its = (_column(some, ids, name) for some in (rows, others))
        if _is_mean(one, base, name) and _is_mean(its, other, name):
            columns[name] = its - one
    found: dict[str, PairedDifference] = {}
    for names in _judged_alike(columns).values():
        values = np.stack([columns[name] for name in names], axis=1)
        judged = np.isfinite(values[:, 0])
        groups = _groups(base, [rows[one] for one in np.array(ids)[judged]])
        found |= dict(zip(names, _intervals(values[judged], groups, draws), strict=True))
    return found


def _judged_alike(columns: Mapping[str, DoubleArray]) -> dict[bytes, list[str]]:
    """Measures put together that are of the same queries, so that these are drawn once."""
    together: dict[bytes, list[str]] = {}
    for name, values in columns.items():
        together.setdefault(np.isfinite(values).tobytes(), []).append(name)
    return together


def _intervals(values: DoubleArray, groups: IntArray | None, draws: int) -> list[PairedDifference]:
    """Of (n, F) differences."""
    blocks = resampling_counts(len(values), draws=draws, clusters=groups)
    samples = np.concatenate([bootstrap_means(values, block) for block in blocks])
    return [
        PairedDifference(float(column.mean()), *percentile_interval(drawn), len(column))
        for column, drawn in zip(values.T, samples.T, strict=True)
    ]


def _queries(one: FoundRecord) -> dict[str, dict[str, str]]:
    """Rows of the file beside a record by item or image; {} where there is no such file."""
    path = one.path.with_suffix(QUERIES)
    if not path.is_file():
        return {}
    if path.stat().st_size > MOST_BYTES:
        raise StoreError(f"{path} is larger than {MOST_BYTES:,} bytes; it is not read.")
    try:
        rows = _read(path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StoreError(
            f"{path} cannot be read ({error}): delete it, or run the benchmark again."
        ) from error
    key = next((name for name in _KEYS if rows and name in rows[0]), None)
    # Items that nothing is to be found for are listed too; they are no queries.
    return {} if key is None else {row[key]: row for row in rows if row.get("relevant") != "0"}


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, restval=""))


def _column(rows: dict[str, dict[str, str]], ids: Sequence[str], name: str) -> DoubleArray:
    return np.array([_number(rows[one].get(name, "")) for one in ids])


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _is_mean(values: DoubleArray, one: FoundRecord, name: str) -> bool:
    estimate = one.record.metrics.get(name)
    judged = values[np.isfinite(values)]
    if estimate is None or estimate.value is None or not len(judged):
        return False
    return bool(abs(judged.mean() - estimate.value) < _NEAR)


def _groups(one: FoundRecord, rows: Sequence[dict[str, str]]) -> IntArray | None:
    settings = one.record.settings
    if settings.get("bootstrap_unit") != "group" and not settings.get("bootstrap_by_group"):
        return None
    names = [row.get("group", "") for row in rows]
    known = {name: code for code, name in enumerate(sorted(set(names) - {""}))}
    return np.array([known.get(name, -1) for name in names])
