"""Tables of a web report."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from html import escape

from georetrieve.benchmarks.comparison_rows import main_measures
from georetrieve.benchmarks.record import RunRecord
from georetrieve.reports.html_charts import value_cell
from georetrieve.reports.words import measure_words
from georetrieve.types import Scalar

__all__ = ["TABLE_STYLE", "comparison", "facts_table", "rows_table"]

TABLE_STYLE = """
.scroll{overflow-x:auto;margin:.4rem 0 1.2rem}
table{border-collapse:collapse;font-size:.9rem}
th,td{padding:.34rem .9rem .34rem 0;text-align:left;vertical-align:top;
border-bottom:1px solid var(--line)}
thead th{color:var(--muted);font-weight:600;border-bottom:2px solid var(--line);
vertical-align:bottom}
td.right,th.right{text-align:right;font-variant-numeric:tabular-nums}
tbody th{font-weight:500}
"""
_MOST_ROWS = 400


def comparison(named: Mapping[str, RunRecord], *, everything: bool = False) -> str:
    """Measures down, runs across.

    Args:
        named: Records by what tells them apart.
        everything: All measures instead of those worth a line each.
    """
    shown = {
        name: dict(record.metrics) if everything else main_measures(record)
        for name, record in named.items()
    }
    measures = list(dict.fromkeys(one for metrics in shown.values() for one in metrics))
    if not measures:
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in named)
    rows = "".join(
        f"<tr><th>{escape(measure_words(measure))}</th>"
        + "".join(
            value_cell(metrics.get(measure), bar="second" not in measure)
            for metrics in shown.values()
        )
        + "</tr>"
        for measure in measures
    )
    return f"{_SCROLL}<table><thead><tr><th>Measure</th>{head}</tr></thead><tbody>{rows}{_END}"


_SCROLL, _END = '<div class="scroll">', "</tbody></table></div>"


def rows_table(rows: Sequence[Mapping[str, Scalar]], *, as_named: Collection[str] = ()) -> str:
    """A table of a record; of a very long one the beginning.

    Args:
        rows: From top to bottom.
        as_named: Columns that are called by their name, which is no measure's.
    """
    if not rows:
        return ""
    names = list(dict.fromkeys(name for row in rows for name in row))
    numeric = {name: any(isinstance(row.get(name), int | float) for row in rows) for name in names}
    head = "".join(
        f"<th{_side(numeric[name])}>"
        f"{escape(name if name in as_named else measure_words(name))}</th>"
        for name in names
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{_side(numeric[name])}>{_cell(row.get(name))}</td>" for name in names)
        + "</tr>"
        for row in rows[:_MOST_ROWS]
    )
    rest = len(rows) - _MOST_ROWS
    more = f"<p>{rest:,} further rows are in the record.</p>" if rest > 0 else ""
    return f"{_SCROLL}<table><thead><tr>{head}</tr></thead><tbody>{body}{_END}{more}"


def facts_table(facts: Mapping[str, object]) -> str:
    """Names and values."""
    rows = "".join(
        f"<tr><th>{escape(name.replace('_', ' '))}</th><td>{escape(_text(value))}</td></tr>"
        for name, value in facts.items()
        if value not in (None, "", [], {})
    )
    return f"{_SCROLL}<table><tbody>{rows}{_END}"


def _side(numeric: bool) -> str:
    return ' class="right"' if numeric else ""


def _cell(value: Scalar) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else escape(str(value))


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_text(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return str(value)
