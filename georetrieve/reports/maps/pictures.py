"""Pictures of maps: classes over the image with a legend, and how unsure the map is where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from georetrieve.probes.segmentation.modal import ClassMap
from georetrieve.reports.maps.scale_bar import bar_length
from georetrieve.reports.theme import LIGHT, font
from georetrieve.sources.fields import FieldOfView
from georetrieve.sources.masks.classes import VOID, ClassTable
from georetrieve.sources.regions import resample
from georetrieve.types import Region

__all__ = ["LegendRow", "colour_overlay", "compose", "shrunk_image", "uncertainty_picture"]

Colours = npt.NDArray[np.uint8]
SMALLEST_PICTURE_PX = 640
LEGEND_WIDTH = 300
ROW_HEIGHT = 30
STRENGTH = 0.5
EDGE_STRENGTH = 0.9


@dataclass(frozen=True, slots=True)
class LegendRow:
    """A line of a legend: what it is, how it is drawn, how much of it there is."""

    name: str
    colour: tuple[int, int, int]
    amount: str
    detail: str = ""


def shrunk_image(field: FieldOfView, size: tuple[int, int]) -> Image.Image:
    """The first view of a field at ``size``, read in blocks that fit into memory."""

    def fetch(box: tuple[int, int, int, int]) -> Image.Image:
        left, top, right, bottom = box
        return field.views[0](Region(left, top, right - left, bottom - top))

    return resample(fetch, (0, 0, *field.size), field.size, size)


def colour_overlay(image: Image.Image, sampled: ClassMap, classes: ClassTable) -> Image.Image:
    """Draw classes half transparent over an image, with their borders; void stays as it is.

    Args:
        image: RGB, what was mapped, at the size of the picture.
        sampled: (height, width) class numbers, of any size; averaged down where it is larger.
        classes: Their colours.
    """
    table = np.array([*classes.colours, (0, 0, 0)], np.uint8)
    known = Image.fromarray(np.where(sampled == VOID, 0, 255).astype(np.uint8))
    flat = Image.fromarray(table[sampled])
    edges = Image.fromarray(np.where(_borders(sampled), 255, 0).astype(np.uint8))
    if flat.size != image.size:
        flat, known, edges = (
            part.resize(image.size, Image.Resampling.BOX) for part in (flat, known, edges)
        )
    grey = np.asarray(image.convert("L"), np.float32)[..., None]
    under = 0.5 * np.asarray(image, np.float32) + 0.5 * grey  # its own colours would mix with these
    colours = np.asarray(flat, np.float32)
    edge = np.asarray(edges, np.float32)[..., None] / 255
    share = np.asarray(known, np.float32)[..., None] / 255
    share = share * (STRENGTH + (EDGE_STRENGTH - STRENGTH) * edge)
    mixed = under * (1 - share) + colours * share
    return Image.fromarray(np.rint(mixed).astype(np.uint8))


def _borders(classes: ClassMap) -> npt.NDArray[np.bool_]:
    """Pixels whose right or lower neighbour is of another class."""
    border = np.zeros(classes.shape, np.bool_)
    border[:, :-1] |= classes[:, :-1] != classes[:, 1:]
    border[:-1] |= classes[:-1] != classes[1:]
    return border


def uncertainty_picture(
    sampled: npt.NDArray[np.uint8], size: tuple[int, int]
) -> tuple[Image.Image, list[LegendRow]]:
    """Colour (height, width) entropies of 0 to 255 from dark (sure) to bright; and a legend."""
    from matplotlib import colormaps

    table = (colormaps["magma"](np.arange(256))[:, :3] * 255).round().astype(np.uint8)
    image = Image.fromarray(table[sampled])
    if image.size != size:
        image = image.resize(size, Image.Resampling.BOX)
    steps = ((1, "1: a guess"), (0.75, "0.75"), (0.5, "0.5"), (0.25, "0.25"), (0, "0: sure"))
    rows = [LegendRow(words, _rgb(table[round(255 * value)]), "") for value, words in steps]
    return image, rows


def _rgb(colour: Colours) -> tuple[int, int, int]:
    red, green, blue = (int(part) for part in colour)
    return red, green, blue


def compose(
    picture: Image.Image,
    legend: Sequence[LegendRow],
    *,
    title: str,
    lines: Sequence[str],
    um_per_px: float | None,
) -> Image.Image:
    """Put a picture, its scale bar and a legend on one page.

    Args:
        picture: RGB; enlarged by a whole factor when it is tiny.
        legend: Its rows, from the top; those that do not fit are counted in a last one.
        title: Over the legend.
        lines: Under the title.
        um_per_px: Micrometres a pixel of the picture; None when unknown.
    """
    zoom = max(1, SMALLEST_PICTURE_PX // max(picture.size))
    if zoom > 1:
        picture = picture.resize(
            (picture.width * zoom, picture.height * zoom), Image.Resampling.NEAREST
        )
    unit = max(1.0, max(picture.size) / 1000)
    margin, panel = round(24 * unit), round(LEGEND_WIDTH * unit)
    height = max(picture.height, round(260 * unit))
    page = Image.new("RGB", (picture.width + panel + 3 * margin, height + 2 * margin), LIGHT.page)
    page.paste(picture, (margin, margin))
    pen = _Pen(ImageDraw.Draw(page, "RGBA"), unit)
    pen.scale_bar(margin, margin, picture.size, None if um_per_px is None else um_per_px / zoom)
    left = picture.width + 2 * margin
    top = pen.head(left, margin, panel, title, lines)
    pen.legend(left, top, panel, margin + height - top, legend)
    return page


@dataclass(frozen=True, slots=True)
class _Pen:
    """Draws; ``unit`` is how many pixels one at the smallest size becomes."""

    draw: ImageDraw.ImageDraw
    unit: float

    def text(
        self, x: float, y: float, words: str, size: float, colour: str, *, anchor: str = "la",
        bold: bool = False, room: float | None = None,
    ) -> None:  # fmt: skip
        face = font(round(size * self.unit), bold=bold)
        if room is not None and face.getlength(words) > room:
            while words and face.getlength(words + "…") > room:
                words = words[:-1]
            words = words.rstrip() + "…"
        self.draw.text((x, y), words, fill=colour, font=face, anchor=anchor)

    def head(self, left: int, top: int, width: int, title: str, lines: Sequence[str]) -> float:
        """Title and the lines under it; returns where the legend begins."""
        y = top - 2 * self.unit
        self.text(left, y, title, 18, LIGHT.text, bold=True, room=width)
        y += 28 * self.unit
        for line in lines:
            self.text(left, y, line, 12, LIGHT.muted, room=width)
            y += 18 * self.unit
        y += 8 * self.unit
        self.draw.line([(left, y), (left + width, y)], fill=LIGHT.line, width=round(self.unit))
        return y + 14 * self.unit

    def legend(
        self, left: int, top: float, width: int, room: float, rows: Sequence[LegendRow]
    ) -> None:
        step = ROW_HEIGHT * self.unit
        fit = max(1, int(room / step))
        shown = rows if len(rows) <= fit else rows[: fit - 1]
        side = 18 * self.unit
        for place, row in enumerate(shown):
            y = top + place * step
            self.draw.rectangle([left, y, left + side, y + side], fill=row.colour)
            x, middle = left + side + 10 * self.unit, y + side / 2
            end: float = left + width
            figures = font(round(13 * self.unit), bold=True).getlength(row.amount)
            self.text(end, middle, row.amount, 13, LIGHT.text, anchor="rm", bold=True)
            detail = font(round(11 * self.unit)).getlength(row.detail)
            end -= figures + 10 * self.unit
            if row.detail:
                self.text(end, middle, row.detail, 11, LIGHT.muted, anchor="rm")
                end -= detail + 10 * self.unit
            self.text(x, middle, row.name, 13, LIGHT.text, anchor="lm", room=end - x)
        if len(shown) < len(rows):
            self.text(
                left, top + len(shown) * step, f"… and {len(rows) - len(shown)} more", 12,
                LIGHT.muted,
            )  # fmt: skip

    def scale_bar(
        self, left: int, top: int, size: tuple[int, int], um_per_px: float | None
    ) -> None:
        """A white bar on a dark plate in the lower left corner of the picture."""
        length, label = bar_length(size[0], um_per_px)
        pad, thick = 10 * self.unit, max(3.0, 4 * self.unit)
        face = font(round(14 * self.unit), bold=True)
        inner = max(length, face.getlength(label))
        width, height = inner + 2 * pad, thick + 14 * self.unit + 2.6 * pad
        x, y = left + 14 * self.unit, top + size[1] - height - 14 * self.unit
        self.draw.rectangle([x, y, x + width, y + height], fill=(16, 20, 22, 200))
        middle = x + width / 2
        self.text(middle, y + pad, label, 14, "#ffffff", anchor="ma", bold=True)
        foot = y + height - pad
        self.draw.rectangle(
            [middle - length / 2, foot - thick, middle + length / 2, foot], fill="#ffffff"
        )
