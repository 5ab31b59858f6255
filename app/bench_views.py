"""Ways to look at benchmark records that are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from app.bench_charts import class_chart, confusion_chart, measure_chart
from app.trouble import plain
from georetrieve.benchmarks.comparison import Comparison
from georetrieve.benchmarks.comparison_rows import (
    class_measures,
    class_rows,
    confusions,
    fact_rows,
    main_measures,
    measure_rows,
)
from georetrieve.benchmarks.found_records import FoundRecord
from georetrieve.reports.comparison import comparison_page
from georetrieve.reports.words import measure_words

__all__ = ["VIEWS"]


def _titles(one: Comparison) -> dict[str, str]:
    return {found.name: found.title for found in one.records}


def _measures(one: Comparison) -> None:
    known = dict.fromkeys(name for found in one.records for name in found.record.metrics)
    main = dict.fromkeys(name for found in one.records for name in main_measures(found.record))
    chosen = st.multiselect(
        "Measures", list(known), default=list(main), key="measures", bind="query-params",
        format_func=measure_words,
    )  # fmt: skip
    rows = _rows(one, chosen or list(main))
    drawn = [row for row in rows if row["value"] is not None and 0 <= row["value"] <= 1]
    if drawn:
        st.altair_chart(measure_chart(drawn, _titles(one)), width="stretch")
        st.caption("Dot: the value. Line: its 95 % interval. Grey tick: what chance would give.")
    _measure_table(rows, _titles(one))


def _rows(one: Comparison, measures: Sequence[str]) -> list[dict[str, Any]]:
    stamps = tuple((found.name, found.record.created) for found in one.records)
    return _paired_rows(stamps, one.baseline.name, tuple(measures), one)


@st.cache_data(show_spinner="Comparing query by query …", max_entries=32)
def _paired_rows(
    stamps: Sequence[tuple[str, str]], baseline: str, measures: Sequence[str], _one: Comparison
) -> list[dict[str, Any]]:
    return [dict(row) for row in measure_rows(_one, measures)]


def _measure_table(rows: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> None:
    shown = [
        {
            "Measure": measure_words(row["measure"]),
            "Run": titles[row["record"]],
            "Value": row["value"],
            "95 % interval": _span(row["low"], row["high"]) or row["reason"],
            "Chance": row["chance"],
            "Difference": row["difference"],
            "its 95 %, by query": _span(row["difference_low"], row["difference_high"], sign="+"),
            "Intervals": row["intervals"] or "",
        }
        for row in rows
    ]
    numbers = {
        "Value": st.column_config.NumberColumn(format="%.4f"),
        "Chance": st.column_config.NumberColumn(format="%.4f"),
        "Difference": st.column_config.NumberColumn(format="%+.4f"),
        "its 95 %, by query": st.column_config.TextColumn(
            help="Interval of the difference on the same queries, where both runs keep them: "
            "without 0 in it the runs differ."
        ),
    }
    st.dataframe(shown, hide_index=True, placeholder="–", column_config=numbers, width="stretch")


def _span(low: float | None, high: float | None, *, sign: str = "") -> str:
    return "" if low is None or high is None else f"{low:{sign}.3f} to {high:{sign}.3f}"


def _classes(one: Comparison) -> None:
    known = class_measures(one)
    if not known:
        st.info("These runs keep no numbers of single classes.", icon=":material/info:")
        return
    measure = st.selectbox(
        "Measure of a class", known, key="of_class", bind="query-params", format_func=measure_words
    )
    rows = class_rows(one, measure)
    titles = _titles(one)
    st.altair_chart(class_chart(rows, titles, measure), width="stretch")
    table = [
        {
            "Class": row.name,
            "Items": row.items,
            **{titles[name]: value for name, value in row.values.items()},
            "Largest difference": row.spread,
        }
        for row in rows
    ]
    numbers = {
        title: st.column_config.NumberColumn(format="%.4f")
        for title in (*titles.values(), "Largest difference")
    }
    st.dataframe(table, hide_index=True, placeholder="–", column_config=numbers, width="stretch")


def _confusion(one: Comparison) -> None:
    found = _one_run(one)
    cells = confusions(found.record)
    if not cells:
        st.info("This run keeps no table of confusions.", icon=":material/info:")
        return
    chart = confusion_chart(cells)
    if chart is not None:
        st.altair_chart(chart, width="stretch")
    wrong = [cell for cell in cells if cell["truth"] != cell["called"]]
    wrong.sort(key=lambda cell: -float(cell["count"] or 0))
    st.markdown("**Most often confused**" if wrong else "No class was taken for another.")
    if wrong:
        st.dataframe(
            [{"Is": c["truth"], "Called": c["called"], "Times": c["count"], "Share": c["share"]}
             for c in wrong],
            hide_index=True, placeholder="–",
            column_config={"Share": st.column_config.NumberColumn(format="percent")},
            width="stretch",
        )  # fmt: skip


def _one_run(one: Comparison) -> FoundRecord:
    titles = {found.title: found for found in reversed(one.records)}
    return titles[st.selectbox("Run", list(titles), key="run", bind="query-params")]


def _about(one: Comparison) -> None:
    st.dataframe(
        fact_rows(one),
        hide_index=True,
        placeholder="–",
        column_config={"seconds": st.column_config.NumberColumn(format="%.1f")},
        width="stretch",
    )
    st.download_button(
        "These runs side by side, as a web page", lambda: comparison_page([one]),
        "side-by-side.html", "text/html", icon=":material/download:", on_click="ignore",
    )  # fmt: skip
    found = _one_run(one)
    for note in found.record.notes:
        st.caption(plain(f"Mind: {note}"))
    st.code(found.record.command, language="bash", wrap_lines=True)
    page = found.page
    if page is not None:
        st.download_button(
            "The whole report of this run", page.read_bytes, f"{_file_name(found)}.html",
            "text/html", icon=":material/download:", on_click="ignore",
        )  # fmt: skip
        st.caption(plain(f"It lies in {Path(page).parent}, with its figures and tables."))


def _file_name(found: FoundRecord) -> str:
    return "".join(sign if sign.isalnum() or sign in "-_." else "-" for sign in found.name)


VIEWS: dict[str, Callable[[Comparison], None]] = {
    "Measures": _measures,
    "Classes": _classes,
    "Confusions": _confusion,
    "About the runs": _about,
}
