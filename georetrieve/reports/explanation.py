"""The picture of why two images are neighbours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch, Rectangle
from PIL import Image

from georetrieve.errors import SourceError
from georetrieve.probes.explanation import Explanation
from georetrieve.reports.encoder_look import SUFFIXES
from georetrieve.reports.sheet import score_text
from georetrieve.reports.theme import LIGHT
from georetrieve.sources.masks.classes import distinct_colours
from georetrieve.types import FloatArray

__all__ = ["save_explanation"]

INCHES = 4.6
TITLE = 52
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": LIGHT.text,
    "text.parse_math": False,
}
FADED = 0.35
"""What is left of a patch whose like is nowhere in the other image."""
LEAST_MARK = 0.045
"""Side of a mark as a share of the image, where patches are smaller than can be seen."""


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
        SourceError: Another ending, or the file cannot be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        endings = ", ".join(SUFFIXES)
        raise SourceError(f"{path} cannot be drawn: its name ends in none of {endings}.")
    found = explanation.found
    # Figure, not pyplot: no global state, no display.
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2 * INCHES, 2 * INCHES + 1.1), layout="constrained")
        axes = figure.subplots(2, 2)
        for one, seen, title in (
            (axes[0, 0], explanation.query_seen, f"query: {_short(query_title)}"),
            (axes[0, 1], explanation.hit_seen, f"hit: {_short(hit_title)}"),
        ):
            _show(one, seen, title)
        _draw_pairs(figure, axes[0], explanation)
        for one, seen, likeness, words in (
            (
                axes[1, 0],
                explanation.query_seen,
                found.query_likeness,
                "the query has its like in the hit",
            ),
            (
                axes[1, 1],
                explanation.hit_seen,
                found.hit_likeness,
                "the hit has its like in the query",
            ),
        ):
            _show(one, _lit(seen, likeness), f"bright: what of {words}")
        figure.suptitle(_caption(explanation), fontsize=10)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, dpi=150, facecolor=LIGHT.page)
        except OSError as error:
            raise SourceError(f"{path} cannot be written: {error.strerror or error}.") from error
    return path


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


def _draw_pairs(figure: Figure, axes: npt.NDArray[Any], explanation: Explanation) -> None:
    found = explanation.found
    for number, (pair, colour) in enumerate(
        zip(found.pairs, distinct_colours(len(found.pairs)), strict=True), start=1
    ):
        shade = tuple(part / 255 for part in colour)
        ends = [
            _mark(axes[0], explanation.query_seen, found.query_likeness, pair.query, number, shade),
            _mark(axes[1], explanation.hit_seen, found.hit_likeness, pair.hit, number, shade),
        ]
        line = ConnectionPatch(
            ends[0],
            ends[1],
            "data",
            "data",
            axesA=axes[0],
            axesB=axes[1],
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


def _lit(seen: npt.NDArray[np.uint8], likeness: FloatArray) -> npt.NDArray[np.uint8]:
    """The image, faded where a patch is unlike all of the other image."""
    low, high = np.percentile(likeness, (2, 98))
    light = np.clip((likeness - low) / (high - low if high > low else 1.0), 0, 1)
    height, width = seen.shape[:2]
    smooth = np.asarray(
        Image.fromarray(light.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    )[..., None]
    grey = seen.mean(axis=2, keepdims=True)
    faded = FADED * grey + (1 - FADED) * 255
    mixed: npt.NDArray[np.uint8] = (smooth * seen + (1 - smooth) * faded).round().astype(np.uint8)
    return mixed


def _show(axes: Axes, pixels: npt.NDArray[np.uint8], title: str) -> None:
    axes.imshow(pixels)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(LIGHT.line)
    axes.set_title(title, fontsize=9)
