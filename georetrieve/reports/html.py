"""A benchmark's report as one web page that a geologist can read and send on.

It reads records and pictures and computes nothing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path

from PIL import Image

from georetrieve.benchmarks.record import RunRecord
from georetrieve.benchmarks.run import BenchmarkRun, Picture
from georetrieve.errors import GeoRetrieveError
from georetrieve.reports.examples import Thumbnails, example_sheet_rows
from georetrieve.reports.figures import confusion_figure, per_class_figure, precision_recall_figure
from georetrieve.reports.html_charts import CHART_STYLE, item_map
from georetrieve.reports.html_tables import TABLE_STYLE, comparison, facts_table, rows_table
from georetrieve.reports.page import embedded_picture, html_page
from georetrieve.reports.saving import saving
from georetrieve.reports.sheet_html import SHEET_STYLE, sheet_key, sheet_rows

__all__ = ["write_html_report"]

_STYLE = """
main{max-width:84rem}
h2{font-size:1.2rem;margin:2.4rem 0 .5rem;padding-top:1.2rem;border-top:2px solid var(--line)}
h3{font-size:1rem;margin:1.6rem 0 .3rem}
p,li{max-width:75ch}
.note{color:var(--muted)}
.legend{color:var(--muted);font-size:.85rem}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(34rem,100%),1fr));
gap:1.4rem 1.2rem}
.pictures figure{margin:0}
.pictures img,.figure img{display:block;max-width:100%;height:auto;border-radius:6px;
background:#fff}
.pictures figcaption{color:var(--muted);font-size:.88rem;padding-top:.35rem;max-width:70ch}
.pictures b{color:var(--text);font-weight:600}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(30rem,100%),1fr));
gap:0 1.5rem;align-items:start}
.figure{margin:.4rem 0 1rem;max-width:44rem}
.figure.wide{grid-column:1/-1;max-width:62rem}
summary{cursor:pointer;color:var(--muted);padding:.3rem 0}
code{overflow-wrap:anywhere}
.row{grid-template-columns:9.5rem minmax(0,1fr)}
"""
_PICTURE_PX, _FIGURE_PX = 1400, 1100
_DRAWN = {"per_class", "confusion"}
"""Tables that have a place of their own."""
_FIGURES: tuple[tuple[str, str, Callable[[RunRecord, Path], Path | None]], ...] = (
    ("figure", "Mean precision over mean recall", precision_recall_figure),
    ("figure", "Each class, beside chance", per_class_figure),
    ("figure wide", "Which class is taken for which", confusion_figure),
)
_KINDS = {
    "overlay": "Maps",
    "patch_colours": "What the encoder sees: like patches have like colours",
    "query_sheet": "Queries and what was found",
}


def write_html_report(
    path: Path,
    runs: Sequence[BenchmarkRun],
    *,
    title: str,
    thumbnails: Thumbnails | None = None,
) -> Path:
    """Write one self-contained page of one or more runs, side by side.

    Args:
        path: ``….html``; a file of that name is replaced.
        runs: Records with their pictures; of one task.
        title: Heading.
        thumbnails: Looks up pictures of items, for the best and the worst queries.

    Returns:
        ``path``.

    Raises:
        GeoRetrieveError: There is no run, or the file cannot be written.
    """
    if not runs:
        raise GeoRetrieveError("There is no run to report: run a benchmark first.")
    named = dict(zip(_names(runs), runs, strict=True))
    records = {name: run.record for name, run in named.items()}
    main = _comparison(records) + "".join(
        _run(place, name, run, thumbnails, alone=len(runs) == 1)
        for place, (name, run) in enumerate(named.items())
    )
    page = html_page(
        title=title,
        head=f"<h1>{escape(title)}</h1>{_summary(records)}",
        main=main,
        style=SHEET_STYLE + TABLE_STYLE + CHART_STYLE + _STYLE,
    )
    with saving(path):
        path.write_text(page, encoding="utf-8")
    return path


def _names(runs: Sequence[BenchmarkRun]) -> list[str]:
    """What tells runs apart: encoder, method, protocol; a number where these do not."""
    names = []
    for run in runs:
        record = run.record
        method = str(record.settings.get("method", ""))
        parts = [method, record.encoder.name if record.encoder else "", *_variant(record, runs)]
        name = " · ".join(dict.fromkeys(part for part in parts if part)) or record.protocol
        names.append(name)
    return [
        name if names.count(name) == 1 else f"{name} ({names[: place + 1].count(name)})"
        for place, name in enumerate(names)
    ]


def _variant(record: RunRecord, runs: Sequence[BenchmarkRun]) -> list[str]:
    protocols = {run.record.protocol for run in runs}
    parts = [record.protocol] if len(protocols) > 1 else []
    trained = {str(run.record.settings.get("train")) for run in runs}
    if len(trained) > 1:
        parts.append(f"{record.settings.get('train')} trained on")
    return parts


def _summary(records: Mapping[str, RunRecord]) -> str:
    first = next(iter(records.values()))
    data = first.data
    classes = f", {len(data.classes):,} classes" if data.classes else ""
    groups = f", {len(data.groups):,} groups" if data.groups else ""
    return (
        f"<p>{escape(data.index or 'unnamed data')}: {data.n_items:,} items, "
        f"{data.n_labelled:,} labelled{classes}{groups}. Measured by georetrieve "
        f"{escape(first.georetrieve_version)} on {escape(first.created[:10])}.</p>"
    )


def _comparison(records: Mapping[str, RunRecord]) -> str:
    table = comparison(records)
    if not table:
        return ""
    legend = (
        '<p class="legend">Bars run from 0 to 1; the dark line is the 95 % interval, the upright '
        "mark what chance would give. Higher is better unless said.</p>"
    )
    notes = list(dict.fromkeys(note for record in records.values() for note in record.notes))
    mind = "".join(f"<li>{escape(note)}</li>" for note in notes)
    everything = comparison(records, everything=True)
    more = f"<details><summary>All numbers</summary>{everything}</details>"
    return f"<h2>At a glance</h2>{legend}{table}" + (
        f"<h3>Mind</h3><ul>{mind}</ul>{more}" if mind else more
    )


def _run(
    place: int, name: str, run: BenchmarkRun, thumbnails: Thumbnails | None, *, alone: bool
) -> str:
    record = run.record
    parts = [
        _per_class(record),
        _map(record, f"m{place}"),
        _figures(record),
        _tables(record),
        _pictures(run.pictures),
        _examples(record, thumbnails),
        _method(record),
    ]
    inside = "".join(parts)
    heading = f"<h2>{escape(name)}</h2>"
    if alone or place == 0:
        return heading + inside
    return f"{heading}<details><summary>Show</summary>{inside}</details>"


def _per_class(record: RunRecord) -> str:
    table = rows_table(record.tables.get("per_class", ()))
    return f"<h3>Each class</h3>{table}" if table else ""


def _map(record: RunRecord, ident: str) -> str:
    points = record.curves.get("item_map")
    if not points or not points["x"]:
        return ""
    return (
        "<h3>Map of the items</h3><p class='note'>Items whose vectors are near lie near each other "
        "(t-SNE); distances between far groups mean little. Choose a class to pick it out; point "
        f"at a mark for its item.</p>{item_map(points, ident)}"
    )


def _figures(record: RunRecord) -> str:
    shown = []
    with tempfile.TemporaryDirectory() as folder:
        for style, caption, draw in _FIGURES:
            path = draw(record, Path(folder) / "figure.png")
            if path is None:
                continue
            with Image.open(path) as image:
                picture = embedded_picture(image, alt=caption, side=_FIGURE_PX)
            shown.append(f"<div class='{style}'><h3>{escape(caption)}</h3>{picture}</div>")
    return f"<div class='figures'>{''.join(shown)}</div>" if shown else ""


def _tables(record: RunRecord) -> str:
    return "".join(
        f"<details><summary>Table: {escape(name.replace('_', ' '))}</summary>"
        f"{rows_table(rows)}</details>"
        for name, rows in record.tables.items()
        if name not in _DRAWN and rows
    )


def _pictures(pictures: Sequence[Picture]) -> str:
    parts = []
    for kind in dict.fromkeys(picture.kind for picture in pictures):
        heading = _KINDS.get(kind, kind.replace("_", " ").capitalize())
        figures = "".join(
            f"<figure>{embedded_picture(one.image, alt=one.title, side=_PICTURE_PX)}"
            f"<figcaption><b>{escape(one.title)}.</b> {escape(one.caption)}</figcaption></figure>"
            for one in pictures
            if one.kind == kind
        )
        parts.append(f"<h3>{escape(heading)}</h3><div class='pictures'>{figures}</div>")
    return "".join(parts)


def _examples(record: RunRecord, thumbnails: Thumbnails | None) -> str:
    if thumbnails is None:
        return ""
    parts = []
    for kind, examples in record.examples.items():
        rows = example_sheet_rows(examples, thumbnails)
        # Thumbnails are small; a page of twenty rows stays light.
        rows = [replace(row, hits=list(row.hits)[:9]) for row in rows]
        parts.append(
            f"<details><summary>{escape(kind.capitalize())} queries</summary>{sheet_key(rows)}"
            f"{sheet_rows(rows)}</details>"
        )
    return f"<h3>Queries worth a look</h3>{''.join(parts)}" if parts else ""


def _method(record: RunRecord) -> str:
    encoder = record.encoder
    facts = {
        "task": record.task,
        "protocol": record.protocol,
        "encoder": encoder and f"{encoder.name}, fingerprint {encoder.fingerprint}",
        "codebook": encoder and encoder.adapted and "fitted, without labels, to this collection",
        "left out": {why: count for why, count in record.data.excluded.items() if count},
        "seconds": f"{record.seconds:.1f}",
        **dict(record.settings),
        **dict(record.environment),
    }
    command = f"<p><code>{escape(record.command)}</code></p>" if record.command else ""
    facts = {name: value for name, value in facts.items() if value is not False}
    return (
        f"<details><summary>How this was measured</summary>{facts_table(facts)}{command}</details>"
    )
