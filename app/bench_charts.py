"""Charts of benchmark records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import altair as alt

from georetrieve.benchmarks.comparison_rows import ClassRow
from georetrieve.reports.words import measure_words

__all__ = ["class_chart", "confusion_chart", "measure_chart"]

# Okabe & Ito's palette, for all kinds of colour vision; light and dark are both far from it.
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a8a8a", "#b0a62c"]
CHANCE = "#8a8f8d"
_NAMES = alt.Axis(labelLimit=230, labelOverlap=False)
_ROW, _MOST_CLASSES, _MOST_CELLS = 22, 40, 60


_Layers: TypeAlias = alt.LayerChart | alt.FacetChart


def measure_chart(rows: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> _Layers:
    """Dots with their 95 % intervals, and a tick where chance is.

    Args:
        rows: Of :func:`~georetrieve.benchmarks.comparison_rows.measure_rows`, with values.
        titles: Of the records by name, in order.
    """
    values = [
        {
            "measure": measure_words(str(row["measure"])),
            "run": titles[str(row["record"])],
            **{name: row[name] for name in ("value", "low", "high", "chance")},
        }
        for row in rows
    ]
    order = list(dict.fromkeys(row["measure"] for row in values))
    runs = list(titles.values())
    shared: dict[str, Any] = {
        "y": alt.Y("measure:N", sort=order, title=None, axis=_NAMES),
        "yOffset": alt.YOffset("run:N", sort=runs),
    }
    colour = alt.Color("run:N", sort=runs, title=None, scale=_scale(runs), legend=_legend(runs))
    tip = [alt.Tooltip(name) for name in ("run:N", "measure:N")]
    tip += [alt.Tooltip(f"{name}:Q", format=".4f") for name in ("value", "low", "high", "chance")]
    base = alt.Chart(_data(values))
    along = alt.X("value:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=10))
    return alt.layer(
        base.mark_tick(color=CHANCE, thickness=2, size=12).encode(x="chance:Q", **shared),
        base.mark_rule(strokeWidth=2).encode(
            x=alt.X("low:Q", title=None), x2="high:Q", color=colour, **shared
        ),
        base.mark_point(filled=True, size=70, opacity=1).encode(
            x=along, color=colour, tooltip=tip, **shared
        ),
    ).properties(height=_height(len(order), len(runs)))


def class_chart(rows: Sequence[ClassRow], titles: Mapping[str, str], measure: str) -> alt.Chart:
    """A dot a class and record, the classes that differ most above.

    Args:
        rows: Of :func:`~georetrieve.benchmarks.comparison_rows.class_rows`; of very many those
            that differ most are shown.
        titles: Of the records by name, in order.
        measure: Of the classes.
    """
    shown = rows[:_MOST_CLASSES]
    values = [
        {"class": row.name, "run": titles[name], "value": value}
        for row in shown
        for name, value in row.values.items()
        if value is not None
    ]
    runs = list(titles.values())
    base: alt.Chart = alt.Chart(_data(values), height=_height(len(shown), 1))
    dots: alt.Chart = base.mark_point(filled=True, size=70, opacity=0.85).encode(
        x=alt.X("value:Q", title=measure_words(measure), scale=alt.Scale(zero=False)),
        y=alt.Y("class:N", sort=[row.name for row in shown], title=None, axis=_NAMES),
        color=alt.Color("run:N", sort=runs, title=None, scale=_scale(runs), legend=_legend(runs)),
        tooltip=["class:N", "run:N", alt.Tooltip("value:Q", format=".4f")],
    )
    return dots


def confusion_chart(cells: Sequence[Mapping[str, Any]]) -> _Layers | None:
    """A true class a row, what it was called a column; None where there are too many classes.

    Args:
        cells: Of :func:`~georetrieve.benchmarks.comparison_rows.confusions`.
    """
    names = sorted({str(cell[name]) for cell in cells for name in ("truth", "called")})
    if len(names) > _MOST_CELLS:
        return None
    base = alt.Chart(_data(cells)).encode(
        x=alt.X(
            "called:N",
            sort=names,
            title="called",
            axis=alt.Axis(labelAngle=-40, orient="top", labelOverlap=False),
        ),
        y=alt.Y("truth:N", sort=names, title="is", axis=_NAMES),
        tooltip=["truth:N", "called:N", "count:Q", alt.Tooltip("share:Q", format=".1%")],
    )
    squares = base.mark_rect().encode(
        color=alt.Color(
            "share:Q", title="share", scale=alt.Scale(domain=[0, 1], range=["#dcebf5", "#004b7a"])
        )
    )
    numbers = base.mark_text(fontSize=10).encode(
        text="count:Q",
        color=alt.condition("datum.share > 0.4", alt.value("#ffffff"), alt.value("#14181a")),
    )
    return alt.layer(squares, numbers).properties(height=_height(len(names), 1) + 110)


def _data(rows: Sequence[Mapping[str, Any]]) -> Any:  # noqa: ANN401 - Altair does not type it
    return alt.InlineData(values=[dict(row) for row in rows])


def _scale(runs: Sequence[str]) -> alt.Scale:
    return alt.Scale(domain=list(runs), range=[COLOURS[n % len(COLOURS)] for n in range(len(runs))])


def _legend(runs: Sequence[str]) -> alt.Legend | None:
    if len(runs) < 2:
        return None
    return alt.Legend(orient="top", columns=2, labelLimit=420, symbolSize=90)


def _height(rows: int, each: int) -> int:
    return max(80, rows * max(_ROW, 15 * each) + 70)
