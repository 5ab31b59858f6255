"""The picture of why two images are neighbours."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch, Rectangle
from PIL import Image

from georetrieve.probes.explanation import Explanation
from georetrieve.reports.saving import check_figure_name, saving
from georetrieve.reports.sheet import score_text
from georetrieve.reports.theme import DARK, LIGHT, Theme
from georetrieve.sources.masks.classes import distinct_colours
from georetrieve.types import FloatArray

__all__ = ["explanation_png", "save_explanation"]

# Which pictures stand where, and how wide each column is.
Layout: TypeAlias = tuple[list[Any], list[float]]
SQUARE: Layout = ([["query", "hit"], ["query, lit", "hit, lit"]], [1, 1])
TALL_INCHES = (9.2, 10.3)
WIDE: Layout = ([["query", "hit", "query, lit"], ["query", "hit", "hit, lit"]], [2, 2, 1])
WIDE_INCHES = (11.5, 5.2)
TITLE = 52
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.parse_math": False,
}
FADED = 0.35
"""What is left of a patch whose like is nowhere in the other image."""
LEAST_MARK = 0.045
"""Side of a mark as a share of the image, where patches are smaller than can be seen."""

_drawing = threading.Lock()


def save_explanation(
    path: Path, explanation: Explanation, *, query_title: str, hit_title: str
) -> Path:
    """Draw both images with numbered pairs of patches, and what of each is in the other.

    Args:
        path: File to write; its ending says of which kind.
        explanation: What to draw.
        query_title: Name of the query.
        hit_title: Name of the hit.

    Raises:
        SourceError: Another ending.
        GeoRetrieveError: The file cannot be written.
    """
    check_figure_name(path)
    drawn = _figure(explanation, query_title, hit_title, LIGHT, SQUARE, TALL_INCHES)
    with saving(path), drawn as figure:
        figure.savefig(path, dpi=150, facecolor=LIGHT.page)
    return path


def explanation_png(
    explanation: Explanation, *, query_title: str, hit_title: str, dark: bool = False
) -> bytes:
    """The same drawn wide, as a PNG to be shown on a screen.

    Args:
        explanation: What to draw.
        query_title: Name of the query.
        hit_title: Name of the hit.
        dark: In light colours on a dark page.
    """
    theme = DARK if dark else LIGHT
    buffer = io.BytesIO()
    with _figure(explanation, query_title, hit_title, theme, WIDE, WIDE_INCHES) as figure:
        figure.savefig(buffer, format="png", dpi=120, facecolor=theme.page)
    return buffer.getvalue()


@contextmanager
def _figure(
    explanation: Explanation,
    query_title: str,
    hit_title: str,
    theme: Theme,
    layout: Layout,
    inches: tuple[float, float],
) -> Iterator[Figure]:
    """The drawing, to be saved before its settings end."""
    found = explanation.found
    seen = {"query": explanation.query_seen, "hit": explanation.hit_seen}
    titles = {"query": query_title, "hit": hit_title}
    style = {**STYLE, "text.color": theme.text, "axes.titlecolor": theme.text}
    # Figure, not pyplot: no global state, no display. The settings are global all the same.
    with _drawing, mpl.rc_context(style):
        figure = Figure(figsize=inches, layout="constrained")
        mosaic, widths = layout
        axes = figure.subplot_mosaic(mosaic, width_ratios=widths)
        for one, pixels in seen.items():
            _show(axes[one], pixels, f"{one}: {_short(titles[one])}", theme)
        _draw_pairs(figure, axes["query"], axes["hit"], explanation)
        for one, other, likeness in (
            ("query", "hit", found.query_likeness),
            ("hit", "query", found.hit_likeness),
        ):
            lit = _lit(seen[one], likeness, theme)
            title = f"in colour: what of the {one} has\nits like in the {other}"
            _show(axes[f"{one}, lit"], lit, title, theme)
        figure.suptitle(_caption(explanation), fontsize=10)
        yield figure


def _short(title: str) -> str:
    """The end of a path, which says most."""
    return title if len(title) <= TITLE else "…" + title[1 - TITLE :]


def _caption(explanation: Explanation) -> str:
    measure = "minus distance" if explanation.metric == "euclidean" else "cosine"
    return (
        f"{explanation.encoder} · score {score_text(explanation.score)} ({measure}) · "
        f"{explanation.found.mutual:.0%} of the patches are each other's nearest; "
        f"the {len(explanation.found.pairs)} most telling pairs"
    )


def _draw_pairs(figure: Figure, query: Axes, hit: Axes, explanation: Explanation) -> None:
    found = explanation.found
    for number, (pair, colour) in enumerate(
        zip(found.pairs, distinct_colours(len(found.pairs)), strict=True), start=1
    ):
        shade = tuple(part / 255 for part in colour)
        ends = [
            _mark(query, explanation.query_seen, found.query_likeness, pair.query, number, shade),
            _mark(hit, explanation.hit_seen, found.hit_likeness, pair.hit, number, shade),
        ]
        line = ConnectionPatch(
            ends[0],
            ends[1],
            "data",
            "data",
            axesA=query,
            axesB=hit,
            color=shade,
            lw=1,
            alpha=0.7,
        )
        line.set_in_layout(False)
        figure.add_artist(line)


def _mark(
    axes: Axes,
    seen: npt.NDArray[np.uint8],
    grid: FloatArray,
    place: tuple[int, int],
    number: int,
    shade: tuple[float, ...],
) -> tuple[float, float]:
    """A square round a patch with its number; returns its centre."""
    height, width = seen.shape[:2]
    rows, columns = grid.shape
    x, y = (place[1] + 0.5) * width / columns, (place[0] + 0.5) * height / rows
    side = max(width / columns, LEAST_MARK * width)
    for line, colour in ((3.4, "white"), (1.8, shade)):
        box = Rectangle((x - side / 2, y - side / 2), side, side, fill=False, lw=line, ec=colour)
        axes.add_patch(box)
    axes.annotate(
        str(number),
        (x + side / 2, y - side / 2),
        xytext=(1, 1),
        textcoords="offset points",
        fontsize=8,
        fontweight="bold",
        color="white",
        bbox={"boxstyle": "round,pad=0.15", "fc": shade, "ec": "white", "lw": 0.6},
        annotation_clip=True,
    )
    return x, y


def _lit(seen: npt.NDArray[np.uint8], likeness: FloatArray, theme: Theme) -> npt.NDArray[np.uint8]:
    """The image, faded where a patch is unlike all of the other image."""
    low, high = np.percentile(likeness, (2, 98))
    light = np.clip((likeness - low) / (high - low if high > low else 1.0), 0, 1)
    height, width = seen.shape[:2]
    smooth = np.asarray(
        Image.fromarray(light.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    )[..., None]
    grey = seen.mean(axis=2, keepdims=True)
    faded = FADED * grey + (1 - FADED) * int(theme.page[1:3], 16)
    mixed: npt.NDArray[np.uint8] = (smooth * seen + (1 - smooth) * faded).round().astype(np.uint8)
    return mixed


def _show(axes: Axes, pixels: npt.NDArray[np.uint8], title: str, theme: Theme) -> None:
    axes.imshow(pixels)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(theme.line)
    axes.set_title(title, fontsize=9)
