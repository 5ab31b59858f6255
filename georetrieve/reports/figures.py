"""Figures of a run record, as PNG files."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from georetrieve.benchmarks.record import RunRecord
from georetrieve.reports.theme import LIGHT

__all__ = ["confusion_figure", "per_class_figure", "precision_recall_figure"]

_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.edgecolor": LIGHT.line,
    "axes.labelcolor": LIGHT.text,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "text.color": LIGHT.text,
    "xtick.color": LIGHT.muted,
    "ytick.color": LIGHT.muted,
    "legend.frameon": False,
    # A class called "$x$" is no formula.
    "text.parse_math": False,
}
_MARKED = ("N_R", "1", "10", "100", "500")
_SHORTENED = 10_000
"""A count from which on cells show shares instead, so that they stay readable."""
_CLASS_MEASURES = (
    ("p_at_nr", "P@N_R: share of right hits", "p_at_nr_chance", "precision_at_1", "P@1"),
    ("iou", "IoU", "iou_chance", "recall", "recall"),
    ("f1", "F1", "f1_chance", "recall", "recall"),
)
_MOST_NAMED = 60
"""Classes beyond which a confusion matrix is drawn without names and numbers."""


@contextmanager
def _figure(path: Path, width: float, height: float) -> Iterator[Axes]:
    """Axes of one figure in the house style, saved to ``path`` when done."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Figure, not pyplot: no global state, no display, safe in a thread.
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # A name in a script that DejaVu lacks shows as boxes here, and in full in the report.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure.subplots()
        figure.savefig(path, dpi=150, facecolor=LIGHT.page, pil_kwargs={"compress_level": 1})


def precision_recall_figure(record: RunRecord, path: Path) -> Path | None:
    """Draw the precision-recall curve over that of chance; None when the record has none."""
    curve: dict[str, Any] = dict(record.curves.get("precision_recall", {}))
    if not curve:
        return None
    area = record.metrics["pr_auc"]
    recall, precision = np.asarray(curve["recall"]), np.asarray(curve["precision"])
    with _figure(path, 6.4, 4.4) as axes:
        axes.plot([0, *recall, 1], [1, *precision, 0], color=LIGHT.right, lw=1.2, ls=":", zorder=2)
        name = f"measured, area {area.value:.3f}"
        axes.plot(recall, precision, "o-", color=LIGHT.right, lw=2, ms=4, label=name, zorder=3)
        chance = "chance" if area.chance is None else f"chance, area {area.chance:.3f}"
        axes.plot(
            curve["chance_recall"],
            curve["chance_precision"],
            color=LIGHT.muted,
            lw=1.5,
            ls="--",
            label=chance,
        )
        for k, x, y in zip(curve["k"], recall, precision, strict=True):
            if k in _MARKED:
                text = "k = N_R" if k == "N_R" else f"k = {k}"
                at_nr = k == "N_R"
                axes.annotate(
                    text,
                    (x, y),
                    xytext=(0, 11) if at_nr else (7, 5),
                    textcoords="offset points",
                    color=LIGHT.wrong if at_nr else LIGHT.muted,
                    fontsize=9,
                )
                if at_nr:
                    axes.plot([x], [y], "o", color=LIGHT.wrong, ms=7, zorder=4)
        axes.set(xlim=(0, 1.01), ylim=(0, 1.02), xlabel="Mean recall", ylabel="Mean precision")
        axes.grid(color=LIGHT.line, lw=0.6)
        axes.legend(loc="upper right")
    return path


def per_class_figure(record: RunRecord, path: Path) -> Path | None:
    """Draw the main measure of each class beside its chance level, best first.

    The measure is P@N_R, IoU or F1, whichever the record has; None where it has none.
    """
    table = record.tables.get("per_class", ())
    measure = next((one for one in _CLASS_MEASURES if table and one[0] in table[0]), None)
    if measure is None:
        return None
    main, words, *_ = measure
    rows = [row for row in table if row[main] is not None]
    if not rows:
        return None
    _, _, chance, further, further_words = measure
    values = np.array(
        [[row.get(name, np.nan) for name in (main, chance, further)] for row in rows], np.float64
    )
    order = np.argsort(values[:, 0], kind="stable")
    rows, values = [rows[place] for place in order], values[order]
    places = np.arange(len(rows))
    with _figure(path, 6.4, 1.2 + 0.26 * len(rows)) as axes:
        axes.barh(places, values[:, 0], height=0.66, color=LIGHT.right, label=words)
        if chance in rows[0]:
            axes.plot(values[:, 1], places, "|", color=LIGHT.wrong, ms=11, mew=2, label="chance")
        if further in rows[0]:
            axes.plot(
                values[:, 2], places, "o", mfc=LIGHT.page, mec=LIGHT.text, ms=5, label=further_words
            )
        axes.set_yticks(places, [_class_name(row) for row in rows])
        axes.set(xlim=(0, 1.02), ylim=(-0.7, len(rows) - 0.3), xlabel=words)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=LIGHT.line, lw=0.6)
        axes.set_axisbelow(True)
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return path


def _class_name(row: Mapping[str, Any]) -> str:
    return f"{row['class']} ({row['items']})" if "items" in row else str(row["class"])


def confusion_figure(record: RunRecord, path: Path) -> Path | None:
    """Draw true class by the class it was taken for; None when the record has no such table.

    Rows are shares of the class, so that rare classes are as visible as common ones; numbers are
    counts.
    """
    cells = record.tables.get("confusion", ())
    if not cells:
        return None
    # The class of the nearest other item in retrieval, the predicted one elsewhere.
    asked, taken = (name for name in cells[0] if name not in ("count", "share"))
    names = list(record.data.classes)
    place = {name: number for number, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)))
    for cell in cells:
        counts[place[str(cell[asked])], place[str(cell[taken])]] += float(cell["count"] or 0)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(3.0 + 0.34 * len(names), 16.0)
    with _figure(path, side, side) as axes:
        # White, not pale blue, for none: the eye should meet only what happened.
        axes.imshow(np.ma.masked_equal(shares, 0), cmap="Blues", vmin=-0.1, vmax=1)
        axes.set(
            xlabel="Class of the nearest other item" if taken == "nearest" else "Taken for",
            ylabel="Class of the query" if taken == "nearest" else "Class",
        )
        axes.spines[:].set_visible(True)
        if len(names) <= _MOST_NAMED:
            _name_cells(axes, names, counts, shares)
    return path


def _name_cells(axes: Axes, names: Sequence[str], counts: np.ndarray, shares: np.ndarray) -> None:
    places = np.arange(len(names))
    axes.set_xticks(places, names, rotation=90)
    axes.set_yticks(places, names)
    axes.tick_params(length=0)
    large = counts.max() >= _SHORTENED
    for row, column in np.argwhere(counts):
        colour = LIGHT.page if shares[row, column] > 0.55 else LIGHT.text
        number = counts[row, column]
        text = f"{shares[row, column]:.1%}" if large else f"{number:.0f}"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
