"""The numbers of records that are compared, as rows.

A difference is told with whether the 95 % intervals of the two lie apart. Where both records keep
the values of every query, it is also resampled in pairs, query by query (:mod:`~.paired`), which is
sharper: a hard query is hard for both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from georetrieve.benchmarks.comparison import Comparison
from georetrieve.benchmarks.paired import PairedDifference, paired_differences
from georetrieve.benchmarks.record import Estimate, RunRecord
from georetrieve.benchmarks.retrieval import headline
from georetrieve.errors import StoreError, did_you_mean
from georetrieve.types import Scalar

__all__ = [
    "ClassRow",
    "class_measures",
    "class_rows",
    "confusions",
    "fact_rows",
    "main_measures",
    "measure_rows",
]

_MAIN_OF_CLASSES = ("p_at_nr", "f1", "iou", "average_precision")
_MOST_MEASURES = 14


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class in several records.

    Attributes:
        name: Of the class.
        items: Items of it; None where the record does not tell.
        values: By name of the record; None where it has none.
        spread: Largest difference to the baseline, below 0 where the class is worse than there.
    """

    name: str
    items: Scalar
    values: Mapping[str, float | None]
    spread: float | None


def main_measures(record: RunRecord) -> dict[str, Estimate]:
    """Measures worth a line each: those the record names, or the first where there are many."""
    named = [name for name in record.settings.get("headline", ()) if name in record.metrics]
    if named:
        return {name: record.metrics[name] for name in named}
    chosen = headline(record)
    plain = {name: value for name, value in chosen.items() if "/" not in name}
    few = plain if len(chosen) > 12 and plain else chosen
    return dict(list(few.items())[:_MOST_MEASURES])


def measure_rows(
    comparison: Comparison, measures: Sequence[str] | None = None
) -> list[dict[str, Scalar]]:
    """A row a measure and record: value, interval, chance, and the difference to the baseline.

    Columns: ``measure``, ``record``, ``value``, ``low``, ``high``, ``chance``, ``n``, ``reason``,
    ``difference``, ``intervals`` (``apart`` or ``overlap``), ``difference_low`` and
    ``difference_high`` (95 % interval of the difference, paired), ``pairs``. What is not known is
    None.

    Args:
        comparison: The records.
        measures: Which; those worth a line each by default.

    Raises:
        StoreError: No record has one of the measures, or values of queries cannot be read.
    """
    wanted = _wanted(comparison, measures)
    base = comparison.baseline
    rows: list[dict[str, Scalar]] = []
    paired = {
        one.name: paired_differences(base, one, wanted)
        for one in comparison.records
        if one.name != base.name
    }
    for measure in wanted:
        for one in comparison.records:
            estimate = one.record.metrics.get(measure)
            if estimate is not None:
                against = base.record.metrics.get(measure) if one.name != base.name else None
                pair = paired.get(one.name, {}).get(measure)
                facts: dict[str, Scalar] = {"measure": measure, "record": one.name}
                rows.append(facts | _row(estimate, against, pair))
    return rows


def _row(one: Estimate, base: Estimate | None, pair: PairedDifference | None) -> dict[str, Scalar]:
    return {
        "value": one.value,
        "low": one.low,
        "high": one.high,
        "chance": one.chance,
        "n": one.n,
        "reason": one.reason,
        "difference": _minus(one, base),
        "intervals": _intervals(one, base),
        "difference_low": None if pair is None else pair.low,
        "difference_high": None if pair is None else pair.high,
        "pairs": None if pair is None else pair.n,
    }


def _wanted(comparison: Comparison, measures: Sequence[str] | None) -> list[str]:
    known = dict.fromkeys(name for one in comparison.records for name in one.record.metrics)
    if measures is None:
        return list(
            dict.fromkeys(name for one in comparison.records for name in main_measures(one.record))
        )
    for name in measures:
        if name not in known:
            raise StoreError(
                f"No record of {comparison.title} has measure {name!r}.{did_you_mean(name, known)}"
            )
    return list(measures)


def _minus(one: Estimate, other: Estimate | None) -> float | None:
    if other is None or one.value is None or other.value is None:
        return None
    return one.value - other.value


def _intervals(one: Estimate, other: Estimate | None) -> str | None:
    if other is None:
        return None
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return None
    return "apart" if one.low > other.high or one.high < other.low else "overlap"


def class_measures(comparison: Comparison) -> list[str]:
    """Columns of the tables of classes that hold numbers, the main one first."""
    rows = [row for one in comparison.records for row in _classes(one.record).values()]
    names = dict.fromkeys(
        name
        for row in rows
        for name, value in row.items()
        if isinstance(value, float) or (name != "items" and isinstance(value, int))
    )
    first = [name for name in _MAIN_OF_CLASSES if name in names]
    return list(dict.fromkeys([*first, *names]))


def class_rows(comparison: Comparison, measure: str | None = None) -> list[ClassRow]:
    """The value of each class in each record, classes that differ most first.

    Args:
        comparison: The records.
        measure: One of :func:`class_measures`; the first by default.

    Raises:
        StoreError: There is no such measure of classes.
    """
    known = class_measures(comparison)
    if measure is not None and measure not in known:
        raise StoreError(f"No class has measure {measure!r}.{did_you_mean(measure, known)}")
    if not known:
        return []
    tables = {one.name: _classes(one.record) for one in comparison.records}
    names = dict.fromkeys(name for table in tables.values() for name in table)
    rows = [
        _class_row(name, tables, comparison.baseline.name, measure or known[0]) for name in names
    ]
    return sorted(rows, key=lambda row: -abs(row.spread or 0.0))


def _class_row(
    name: str,
    tables: Mapping[str, Mapping[str, Mapping[str, Scalar]]],
    baseline: str,
    measure: str,
) -> ClassRow:
    found = {one: table.get(name, {}) for one, table in tables.items()}
    values = {one: _number(row.get(measure)) for one, row in found.items()}
    base = values[baseline]
    differences = [one - base for one in values.values() if one is not None and base is not None]
    items = next((row["items"] for row in found.values() if "items" in row), None)
    return ClassRow(name, items, values, max(differences, key=abs, default=None))


def _classes(record: RunRecord) -> dict[str, Mapping[str, Scalar]]:
    return {str(row["class"]): row for row in record.tables.get("per_class", ()) if "class" in row}


def _number(value: Scalar) -> float | None:
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_one and value is not None else None


def confusions(record: RunRecord) -> list[dict[str, Scalar]]:
    """How often each class was taken for each: ``truth``, ``called``, ``count``, ``share``.

    ``share`` is of the calls of the true class; classes that never meet have no row. Empty where
    the record has no such table.
    """
    rows = [
        (str(row.get("truth", row.get("true"))), str(row.get("predicted", row.get("nearest"))), n)
        for row in record.tables.get("confusion", ())
        if (n := _number(row.get("count"))) is not None
    ]
    totals: dict[str, float] = {}
    for truth, _, count in rows:
        totals[truth] = totals.get(truth, 0.0) + count
    return [
        {"truth": truth, "called": called, "count": int(count), "share": count / totals[truth]}
        for truth, called, count in rows
        if totals[truth]
    ]


def fact_rows(comparison: Comparison) -> list[dict[str, Scalar]]:
    """A row a record: encoder, when and how long, index and version, the command."""
    return [
        {
            "record": one.name,
            "encoder": one.record.encoder.name if one.record.encoder else None,
            "fingerprint": one.record.encoder.fingerprint if one.record.encoder else None,
            "adapted": one.record.encoder.adapted if one.record.encoder else None,
            "method": str(one.record.settings.get("method") or "") or None,
            "index": one.record.data.index,
            "version": str(one.record.data.version),
            "created": one.record.created,
            "seconds": one.record.seconds,
            "georetrieve": one.record.georetrieve_version,
            "command": one.record.command,
        }
        for one in comparison.records
    ]
