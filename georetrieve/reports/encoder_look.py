"""What an encoder sees in an image: its patches as colours, and where its heads look."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from georetrieve.errors import EncoderError
from georetrieve.probes.patch_colours import colours_of_patches
from georetrieve.protocols import AttentiveEncoder, ImageEncoder, PatchEncoder
from georetrieve.reports.saving import check_figure_name, saving
from georetrieve.reports.theme import LIGHT
from georetrieve.types import FloatArray

__all__ = ["Look", "look_at", "save_look"]

# The large pictures stand side by side, the heads below them.
LARGE_INCHES, SMALL_INCHES, TITLE_INCHES = 3.4, 1.7, 0.75
HEADS_A_ROW = 6
# The brightest patches of a map, often one or two artefacts, do not darken all others.
BRIGHTEST = 99.0
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": LIGHT.text,
    "text.parse_math": False,
}


@dataclass(frozen=True, slots=True)
class Look:
    """What an encoder makes of one image.

    Attributes:
        encoder: Its name.
        seen: (height, width, 3) bytes: the image as the network sees it.
        patches: (rows, columns, D) patch features.
        attention: (heads, rows, columns) attention of the class token; None where the encoder has
            none to show.
    """

    encoder: str
    seen: npt.NDArray[np.uint8]
    patches: FloatArray
    attention: FloatArray | None


def look_at(encoder: ImageEncoder, image: Image.Image) -> Look:
    """Collect what an encoder makes of an RGB image.

    Raises:
        EncoderError: It has no patches to show.
    """
    if not isinstance(encoder, PatchEncoder):
        raise EncoderError(
            f"{encoder.spec.name} has no patches to look at; take one with patches, such as "
            "bundled or a vision transformer."
        )
    return Look(
        encoder=encoder.spec.name,
        seen=encoder.prepare(image),
        patches=encoder.encode_patches([image])[0],
        attention=encoder.attention([image])[0] if isinstance(encoder, AttentiveEncoder) else None,
    )


def save_look(path: Path, look: Look, *, title: str) -> Path:
    """Draw a look: the image, its patches as colours, mean attention, and each head's.

    Args:
        path: File to write; its ending says of which kind.
        look: What to draw.
        title: Of the picture: the image's name.

    Raises:
        SourceError: Another ending.
        GeoRetrieveError: The file cannot be written.
    """
    check_figure_name(path)
    heads = 0 if look.attention is None else len(look.attention)
    rows = math.ceil(heads / HEADS_A_ROW)
    large = 2 if look.attention is None else 3
    heights = [LARGE_INCHES + TITLE_INCHES, *[SMALL_INCHES + 0.25] * rows]
    # Figure, not pyplot: no global state, no display.
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(LARGE_INCHES * large, sum(heights)), layout="constrained")
        parts: Any = figure.subfigures(1 + rows, 1, squeeze=False, height_ratios=heights)[:, 0]
        name = textwrap.fill(f"{title} · {look.encoder}", 42 * large)
        parts[0].suptitle(name, fontsize=10, fontweight="bold", x=0.01, ha="left")
        _draw_large(parts[0].subplots(1, large, squeeze=False)[0], look)
        if look.attention is not None:
            for row, part in enumerate(parts[1:]):
                _draw_heads(part.subplots(1, HEADS_A_ROW), look, first=row * HEADS_A_ROW)
        with saving(path):
            figure.savefig(path, dpi=150, facecolor=LIGHT.page)
    return path


def _draw_large(axes: npt.NDArray[Any], look: Look) -> None:
    height, width = look.seen.shape[:2]
    _show(axes[0], look.seen, f"as the encoder sees it\n({width} × {height} px)")
    colours, share = colours_of_patches(look.patches)
    rows, columns = colours.shape[:2]
    _show(
        axes[1],
        np.asarray(_enlarged(colours, (width, height))),
        f"{columns} × {rows} patches: like colours, like features\n"
        f"(3 of {look.patches.shape[2]} principal axes, {share:.0%} of the variance)",
    )
    if look.attention is not None:
        mean = look.attention.mean(axis=0)
        _overlay(axes[2], look.seen, mean)
        axes[2].set_title(
            f"attention of the class token, mean of {len(look.attention)} heads\n"
            f"({mean.sum():.0%} of it goes to patches)",
            fontsize=9,
        )


def _draw_heads(axes: npt.NDArray[Any], look: Look, *, first: int) -> None:
    assert look.attention is not None
    for place, one in enumerate(axes):
        head = first + place
        if head >= len(look.attention):
            one.set_axis_off()
            continue
        _overlay(one, look.seen, look.attention[head])
        one.set_title(
            f"head {head + 1} ({look.attention[head].sum():.0%})", fontsize=8, color=LIGHT.muted
        )


def _overlay(axes: Axes, seen: npt.NDArray[np.uint8], attention: FloatArray) -> None:
    """The image in grey, lit where the attention is."""
    height, width = seen.shape[:2]
    top = float(np.percentile(attention, BRIGHTEST))
    light = np.clip(attention / top if top > 0 else attention, 0, 1)
    smooth = np.asarray(
        Image.fromarray(light.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    )
    grey = np.asarray(Image.fromarray(seen).convert("L"), np.float32)[..., None] / 255
    glow = mpl.colormaps["inferno"](smooth)[..., :3]
    _show(axes, np.clip(0.35 * grey + 0.75 * glow, 0, 1), "")


def _enlarged(colours: FloatArray, size: tuple[int, int]) -> Image.Image:
    """Patches as squares, not blurred: there is one feature a patch."""
    pixels = (colours * 255).round().astype(np.uint8)
    return Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST)


def _show(axes: Axes, pixels: npt.NDArray[Any], title: str) -> None:
    axes.imshow(pixels)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(LIGHT.line)
    if title:
        axes.set_title(title, fontsize=9)
