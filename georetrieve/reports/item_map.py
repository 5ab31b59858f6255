"""The map of an index as a file: a table, a picture, a web page."""

from __future__ import annotations

import csv
from collections.abc import Callable
from html import escape
from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from georetrieve.errors import GeoRetrieveError
from georetrieve.probes.item_map.colouring import Colouring, colouring_of
from georetrieve.probes.item_map.kept import ItemMap
from georetrieve.probes.item_map.rows import map_column, map_rows
from georetrieve.reports.html_charts import CHART_STYLE, item_map
from georetrieve.reports.page import html_page
from georetrieve.reports.saving import saving
from georetrieve.reports.theme import LIGHT
from georetrieve.sources.masks.classes import distinct_colours
from georetrieve.stores.lance import IndexStore

__all__ = ["MAP_CAVEAT", "save_map"]

MAP_CAVEAT = (
    "Items side by side look alike to the encoder; distances between far groups, the sizes of "
    "groups and the axes mean little."
)
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "text.color": LIGHT.text,
    # A label called "$x$" is no formula.
    "text.parse_math": False,
}
ON_A_PAGE = 5_000
NAMED = 20


def save_map(path: Path, store: IndexStore, made: ItemMap, *, colour_by: str = "label") -> Path:
    """Write a map; the ending of ``path`` says as what.

    Args:
        path: ``….csv`` (id, x, y, label, group), ``….html`` (at most 5,000 items, drawn evenly), or
            a picture that matplotlib writes: ``….png``, ``….svg``, ``….pdf``.
        store: The index of the map.
        made: The map.
        colour_by: Column.

    Raises:
        StoreError: There is no such column.
        GeoRetrieveError: Another ending, or the file cannot be written.
    """
    writers: dict[str, Callable[[Path, IndexStore, ItemMap, str], None]] = {
        ".csv": _table, ".html": _page, ".png": _picture, ".svg": _picture, ".pdf": _picture,
    }  # fmt: skip
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise GeoRetrieveError(
            f"A map cannot be saved as {path.name!r}: end the name with {', '.join(writers)}."
        )
    with saving(path):
        writer(path, store, made, colour_by)
    return path


def _table(path: Path, store: IndexStore, made: ItemMap, colour_by: str) -> None:
    names = list(dict.fromkeys(["id", "x", "y", "label", "group", colour_by]))
    more = map_column(store, made, colour_by).to_pylist()
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, names, lineterminator="\n")
        writer.writeheader()
        for row, value in zip(map_rows(store, made), more, strict=True):
            writer.writerow(row | {colour_by: row.get(colour_by, value)})


def _page(path: Path, store: IndexStore, made: ItemMap, colour_by: str) -> None:
    rows = np.arange(len(made))
    if len(rows) > ON_A_PAGE:
        rows = np.sort(np.random.default_rng(0).choice(len(rows), ON_A_PAGE, replace=False))
    values = map_column(store, made, colour_by).to_pylist()
    ids, places = made.ids, made.places[rows]
    points: dict[str, list[float | str]] = {
        "x": [float(x) for x in places[:, 0]],
        "y": [float(-y) for y in places[:, 1]],  # an SVG's y grows downwards
        "label": ["–" if values[row] in (None, "") else str(values[row]) for row in rows],
        "id": [ids[row] for row in rows],
    }
    drawn = "" if len(rows) == len(made) else f" {len(rows):,} of them are drawn, evenly."
    head = (
        f"<h1>Map of {escape(store.manifest.name)}</h1><p>{len(made):,} items by "
        f"{escape(made.encoder)}, coloured by {escape(colour_by)}.{drawn} {escape(_said(made))}</p>"
    )
    title = f"Map of {store.manifest.name}"
    main = item_map(points, "map") if len(rows) else "<p>No items.</p>"
    path.write_text(
        html_page(title=title, head=head, main=main, style=CHART_STYLE), encoding="utf-8"
    )


def _picture(path: Path, store: IndexStore, made: ItemMap, colour_by: str) -> None:
    shown = colouring_of(map_column(store, made, colour_by), classes=NAMED)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(10, 7.5), layout=ConstrainedLayoutEngine(rect=(0, 0.05, 1, 0.95)))
        axes = figure.subplots()
        axes.set_title(f"{store.manifest.name}: {len(made):,} items by {made.encoder}")
        size = float(np.clip(40_000 / max(1, len(made)), 1, 18))
        _draw(axes, made, shown, size, colour_by)
        axes.set(xticks=[], yticks=[], aspect="equal", facecolor=LIGHT.panel)
        axes.spines[:].set_visible(False)
        figure.text(0.01, 0.005, fill(_said(made), 150), fontsize=8, color=LIGHT.muted, va="bottom")
        figure.savefig(path, dpi=150, facecolor=LIGHT.page)


def _draw(axes: Axes, made: ItemMap, shown: Colouring, size: float, colour_by: str) -> None:
    look: dict[str, Any] = {"s": size, "linewidths": 0, "rasterized": True}
    places = made.places
    unknown = shown.codes < 0
    if unknown.any():
        name = f"no {colour_by.replace('_', ' ')} ({shown.unknown:,})"
        axes.scatter(*places[unknown].T, color="#b9c0bd", label=name, **look)
    if shown.span is not None:
        drawn = axes.scatter(
            places[~unknown, 0], places[~unknown, 1], c=shown.codes[~unknown], **look
        )
        bar = axes.figure.colorbar(drawn, ax=axes, shrink=0.6, label=colour_by)
        bar.set_ticks([0, 63], labels=[f"{end:.4g}" for end in shown.span])
        return
    colours = distinct_colours(len(shown.names))
    for code in reversed(range(len(shown.names))):  # rare classes would be hidden by others
        colour = tuple(part / 255 for part in colours[code])
        name = f"{shown.names[code]} ({shown.counts[code]:,})"
        axes.scatter(*places[shown.codes == code].T, color=colour, label=name, **look)
    if axes.collections:
        handles, labels = axes.get_legend_handles_labels()
        axes.legend(
            handles[::-1], labels[::-1], loc="center left", bbox_to_anchor=(1, 0.5), frameon=False,
            fontsize=9, scatterpoints=1, markerscale=float(np.sqrt(40 / size)),
        )  # fmt: skip


def _said(made: ItemMap) -> str:
    return " ".join(filter(None, [made.quality.told() if made.quality else "", MAP_CAVEAT]))
