"""Runs side by side, as one web page.

It reads records and what :mod:`~georetrieve.benchmarks.comparison_rows` makes of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from georetrieve.benchmarks.comparison import Comparison
from georetrieve.benchmarks.comparison_rows import (
    class_measures,
    class_rows,
    fact_rows,
    measure_rows,
)
from georetrieve.reports.html_charts import CHART_STYLE
from georetrieve.reports.html_tables import TABLE_STYLE, comparison, rows_table
from georetrieve.reports.page import html_page
from georetrieve.reports.saving import saving
from georetrieve.reports.words import measure_words
from georetrieve.types import Scalar

__all__ = ["class_table", "comparison_page", "difference_table", "write_comparison"]

_STYLE = """
main{max-width:84rem}
h2{font-size:1.2rem;margin:2.4rem 0 .5rem;padding-top:1.2rem;border-top:2px solid var(--line)}
h3{font-size:1rem;margin:1.6rem 0 .3rem}
p,li{max-width:75ch}
.legend{color:var(--muted);font-size:.85rem}
summary{cursor:pointer;color:var(--muted);padding:.3rem 0}
"""
Rows = list[dict[str, Scalar]]


def difference_table(one: Comparison, measures: Sequence[str] | None = None) -> Rows:
    """A row a measure and record other than the baseline: how much it differs, and how surely."""
    rows = measure_rows(one, measures)
    return [
        {
            "measure": measure_words(str(row["measure"])),
            "record": row["record"],
            "difference": row["difference"],
            "from": row["difference_low"],
            "to": row["difference_high"],
            "pairs": row["pairs"],
            "intervals": row["intervals"],
        }
        for row in rows
        if row["difference"] is not None
    ]


def class_table(one: Comparison, measure: str | None = None) -> Rows:
    """A row a class: items, the value in each record, the largest difference to the baseline."""
    return [
        {"class": row.name, "items": row.items, **row.values, "largest difference": row.spread}
        for row in class_rows(one, measure)
    ]


def comparison_page(
    comparisons: Sequence[Comparison], *, damaged: Sequence[tuple[Path, str]] = ()
) -> str:
    """One self-contained page of records side by side, those that may be compared together.

    Args:
        comparisons: In the order they are shown.
        damaged: Files that hold a record that cannot be read, and why.
    """
    count = sum(len(one.records) for one in comparisons)
    damage = "".join(f"<li>{escape(reason)}</li>" for _, reason in damaged)
    return html_page(
        title="Benchmarks side by side",
        head=f"<h1>Benchmarks side by side</h1><p>{count:,} runs.</p>",
        main="".join(map(_section, comparisons))
        + (f"<h2>Not read</h2><ul>{damage}</ul>" if damage else ""),
        style=TABLE_STYLE + CHART_STYLE + _STYLE,
    )


def write_comparison(
    path: Path, comparisons: Sequence[Comparison], *, damaged: Sequence[tuple[Path, str]] = ()
) -> Path:
    """Write :func:`comparison_page`; a file of that name is replaced.

    Raises:
        GeoRetrieveError: The file cannot be written.
    """
    with saving(path):
        path.write_text(comparison_page(comparisons, damaged=damaged), encoding="utf-8")
    return path


def _section(one: Comparison) -> str:
    named = {found.name: found.record for found in one.records}
    remarks = "".join(f"<li>{escape(remark)}</li>" for remark in one.remarks)
    parts = [
        f"<h2>{escape(one.title)}</h2>",
        f"<ul>{remarks}</ul>" if remarks else "",
        '<p class="legend">Bars run from 0 to 1; the dark line is the 95 % interval, the upright '
        "mark what chance would give.</p>",
        comparison(named),
        _differences(one),
        _each_class(one),
        f"<h3>How they were measured</h3>{rows_table(fact_rows(one))}",
    ]
    return "".join(parts)


def _differences(one: Comparison) -> str:
    table = difference_table(one)
    if not table:
        return ""
    return (
        f"<h3>Differences to {escape(one.baseline.name)}</h3><p class='legend'>“From … to” is the "
        "95 % interval of the difference on the same queries, where both records keep them; "
        "“intervals” says whether the two 95 % intervals lie apart.</p>" + rows_table(table)
    )


def _each_class(one: Comparison) -> str:
    measures = class_measures(one)
    if not measures:
        return ""
    words = escape(measure_words(measures[0]))
    names = [found.name for found in one.records]
    return f"<h3>Each class: {words}</h3>{rows_table(class_table(one), as_named=names)}"
