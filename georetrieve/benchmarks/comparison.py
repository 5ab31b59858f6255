"""Records side by side: which may be compared, and what must be known when they are.

Records are compared when they measured the same thing by the same protocol on the same data: as
many items, queries, and items of each class and group. :mod:`~.comparison_rows` has their numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from georetrieve.benchmarks.found_records import FoundRecord
from georetrieve.benchmarks.record import RunRecord
from georetrieve.errors import StoreError, did_you_mean

__all__ = ["Comparison", "compare"]

_NOT_OF_THE_PROTOCOL = {"headline", "method", "tables_of", "title", "citation"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Records that may be compared.

    Attributes:
        records: The oldest first.
        baseline: The one of them that the others are compared with.
        remarks: What a reader must know, a sentence each.
    """

    records: tuple[FoundRecord, ...]
    baseline: FoundRecord
    remarks: tuple[str, ...] = ()

    @property
    def task(self) -> str:
        """What was measured."""
        return self.baseline.record.task

    @property
    def protocol(self) -> str:
        """How."""
        return self.baseline.record.protocol

    @property
    def title(self) -> str:
        """Task, protocol and data in a line."""
        data = self.baseline.record.data
        name = f"{self.task[:1].upper()}{self.task[1:]}, {self.protocol}"
        sizes = f"{data.n_queries:,} queries of {data.n_items:,} items"
        return f"{name}: {data.index or 'unnamed data'}, {sizes}"


def compare(records: Sequence[FoundRecord], *, baseline: str | None = None) -> list[Comparison]:
    """Put records together that may be compared, the newest first.

    Args:
        records: With different names.
        baseline: Name of the record that those it may be compared with are compared with;
            elsewhere, and by default, it is the oldest.

    Raises:
        StoreError: There is no record of that name.
    """
    names = [one.name for one in records]
    if baseline is not None and baseline not in names:
        raise StoreError(f"There is no record {baseline!r}.{did_you_mean(baseline, names)}")
    together: dict[object, list[FoundRecord]] = {}
    for one in sorted(records, key=lambda one: (one.record.created, one.name)):
        together.setdefault(_what(one.record), []).append(one)
    found = [
        Comparison(
            tuple(some),
            next((one for one in some if one.name == baseline), some[0]),
            (*_remarks(some), *_others(some, records)),
        )
        for some in together.values()
    ]
    return sorted(found, key=lambda one: one.records[-1].record.created, reverse=True)


def _what(record: RunRecord) -> tuple[object, ...]:
    data = record.data
    counts = tuple(tuple(sorted(part.items())) for part in (data.classes, data.groups))
    sizes = (data.n_items, data.n_labelled, data.n_queries)
    return record.task, record.protocol, sizes, counts


def _remarks(some: Sequence[FoundRecord]) -> list[str]:
    """Where records that are compared are not of one piece all the same."""
    records = [one.record for one in some]
    remarks = []
    versions = {f"{one.data.index} {one.data.version}".strip() for one in records}
    if len(versions) > 1:
        remarks.append(
            f"Measured on {', '.join(sorted(versions))} (index and version): items, queries, "
            "classes and groups are as many."
        )
    names = dict.fromkeys(name for one in records for name in one.settings)
    differing = [
        name
        for name in names
        if name not in _NOT_OF_THE_PROTOCOL
        and any(one.settings.get(name) != records[0].settings.get(name) for one in records)
    ]
    if differing:
        remarks.append(f"Settings differ: {', '.join(differing)}.")
    programs = sorted({one.georetrieve_version for one in records})
    if len(programs) > 1:
        remarks.append(f"Measured by georetrieve {', '.join(programs)}.")
    return remarks


def _others(some: Sequence[FoundRecord], records: Sequence[FoundRecord]) -> list[str]:
    """Records of the same task and index that may not be compared with these, and why."""
    first = some[0].record
    names = {one.name for one in some}
    return [
        f"{other.name} is not compared: {_difference(first, other.record)}."
        for other in records
        if other.name not in names
        and (other.record.task, other.record.data.index) == (first.task, first.data.index)
    ]


def _difference(one: RunRecord, other: RunRecord) -> str:
    if one.protocol != other.protocol:
        return f"its protocol is {other.protocol}, not {one.protocol}"
    for name in ("n_items", "n_labelled", "n_queries"):
        mine, its = getattr(one.data, name), getattr(other.data, name)
        if mine != its:
            what = {"n_items": "items", "n_labelled": "labelled items", "n_queries": "queries"}
            return f"it has {its:,} {what[name]}, not {mine:,}"
    part = "groups" if one.data.classes == other.data.classes else "classes"
    return f"its {part} are others"
