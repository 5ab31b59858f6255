"""A contact sheet drawn as one picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from georetrieve.reports.sheet import SheetCell, SheetRow, open_image, score_text
from georetrieve.reports.theme import DARK, LIGHT, Theme, font

__all__ = ["draw_sheet"]

_SCALE = 1.5
"""Pixels a unit of the layout, so that type is crisp on today's screens and in print."""

_MARGIN, _GAP, _ROW_GAP, _QUERY_GAP = 28, 14, 26, 34
_IMAGE, _FRAME, _RADIUS = 148, 2, 6
_TITLE, _SCORE, _SMALL = 21, 16, 14
"""Heights of the lines below an image: title, score, each of the subtitle."""

_PER_LINE = 10
"""Hits on one line; more are wrapped below."""


@dataclass(frozen=True, slots=True)
class _Pen:
    """Draws in units of the layout; ``cell`` is the height of an image with its text."""

    image: Image.Image
    draw: ImageDraw.ImageDraw
    theme: Theme
    cell: int

    def text(self, x: float, y: float, text: str, size: int, colour: str, *, bold: bool) -> None:
        place = (round(x * _SCALE), round(y * _SCALE))
        self.draw.text(place, text, fill=colour, font=font(round(size * _SCALE), bold=bold))

    def box(self, x: float, y: float, side: float, *, fill: str, radius: float) -> None:
        left, top = round(x * _SCALE), round(y * _SCALE)
        length = round(side * _SCALE) - 1
        ends = [left, top, left + length, top + length]
        self.draw.rounded_rectangle(ends, radius=radius * _SCALE, fill=fill)


def draw_sheet(
    rows: Sequence[SheetRow], *, title: str = "", caption: str = "", dark: bool = False
) -> Image.Image:
    """Draw ``rows`` one below the other, each query at the left of its hits; see ``save_sheet``."""
    theme = DARK if dark else LIGHT
    columns = min(_PER_LINE, max([1, *(len(row.hits) for row in rows)]))
    width = 2 * _MARGIN + _IMAGE + _QUERY_GAP + columns * (_IMAGE + _GAP) - _GAP
    judged = any(hit.correct is not None for row in rows for hit in row.hits)
    head = _head_height(title, caption, judged=judged)
    regions = any("\n" in cell.subtitle for row in rows for cell in _cells(row))
    cell = _IMAGE + _TITLE + _SCORE + (3 if regions else 2) * _SMALL
    heights = [_row_height(row, columns, cell) for row in rows]
    height = head + sum(heights) + _ROW_GAP * max(len(rows) - 1, 0) + _MARGIN
    image = Image.new("RGB", (round(width * _SCALE), round(height * _SCALE)), theme.page)
    pen = _Pen(image, ImageDraw.Draw(image), theme, cell)
    _draw_head(pen, title, caption, width, judged=judged)
    top = head
    for row, row_height in zip(rows, heights, strict=True):
        _draw_row(pen, row, top, columns, row_height)
        top += row_height + _ROW_GAP
    return image


def _head_height(title: str, caption: str, *, judged: bool) -> int:
    return _MARGIN + (30 if title else 0) + (22 if caption or judged else 0) + (14 if title else 0)


def _cells(row: SheetRow) -> Sequence[SheetCell]:
    return (row.query, *row.further, *row.hits)


def _row_height(row: SheetRow, columns: int, cell: int) -> int:
    lines = max(1 + len(row.further), -(-len(row.hits) // columns))
    return lines * cell + (lines - 1) * _GAP


def _draw_head(pen: _Pen, title: str, caption: str, width: int, *, judged: bool) -> None:
    y = _MARGIN - 4
    room = width - 2 * _MARGIN
    if title:
        pen.text(_MARGIN, y, _end_cut(title, 20, room, bold=True), 20, pen.theme.text, bold=True)
        y += 32
    x: float = _MARGIN
    if judged:
        for mark, words, colour in (
            ("✓", "same label", pen.theme.right),
            ("✗", "other label", pen.theme.wrong),
        ):
            pen.text(x, y, mark, 12, colour, bold=True)
            pen.text(x + 15, y, words, 12, pen.theme.muted, bold=False)
            x += 15 + _width(words, 12, bold=False) + 18
    if caption:
        cut = _end_cut(caption, 12, width - _MARGIN - x, bold=False)
        pen.text(x, y, cut, 12, pen.theme.muted, bold=False)


def _draw_row(pen: _Pen, row: SheetRow, top: int, columns: int, height: int) -> None:
    for place, part in enumerate((row.query, *row.further)):
        _draw_cell(pen, part, _MARGIN, top + place * (pen.cell + _GAP), rank=None)
    rule = (_MARGIN + _IMAGE + _QUERY_GAP / 2) * _SCALE
    ends = [(rule, top * _SCALE), (rule, (top + height - 6) * _SCALE)]
    pen.draw.line(ends, fill=pen.theme.line, width=2)
    left = _MARGIN + _IMAGE + _QUERY_GAP
    for place, hit in enumerate(row.hits):
        line, column = divmod(place, columns)
        y = top + line * (pen.cell + _GAP)
        _draw_cell(pen, hit, left + column * (_IMAGE + _GAP), y, rank=place + 1)
    if not row.hits:
        pen.text(left, top + _IMAGE / 2 - 8, "nothing found", 12, pen.theme.muted, bold=False)


def _draw_cell(pen: _Pen, cell: SheetCell, x: int, y: int, *, rank: int | None) -> None:
    theme = pen.theme
    verdict = {True: theme.right, False: theme.wrong, None: theme.line}[cell.correct]
    frame = theme.accent if rank is None else verdict
    pen.box(x, y, _IMAGE, fill=frame, radius=_RADIUS)
    pen.box(x + _FRAME, y + _FRAME, _IMAGE - 2 * _FRAME, fill=theme.panel, radius=_RADIUS - 1)
    _paste(pen, cell, x + _FRAME, y + _FRAME)
    y += _IMAGE + 5
    mark = {True: "✓", False: "✗", None: ""}[cell.correct]
    room = _IMAGE - (16 if mark else 0)
    pen.text(x, y, _end_cut(cell.title, 12, room, bold=True), 12, theme.text, bold=True)
    if mark:
        pen.text(x + _IMAGE - 11, y, mark, 12, verdict, bold=True)
    y += _TITLE - 3
    number = "" if cell.score is None else f"   {score_text(cell.score)}"
    line = cell.remark or "query" if rank is None else f"{rank}{number}"
    pen.text(x, y, line, 11, theme.text if rank is None else theme.muted, bold=False)
    y += _SCORE
    path, _, region = cell.subtitle.partition("\n")
    for part in [*_two_lines(path, 10, _IMAGE), _front_cut(region, 10, _IMAGE)]:
        pen.text(x, y, part, 10, theme.muted, bold=False)
        y += _SMALL


def _paste(pen: _Pen, cell: SheetCell, x: int, y: int) -> None:
    """Fit the picture into its box with its corners rounded, as the frame's are."""
    side = round((_IMAGE - 2 * _FRAME) * _SCALE)
    corner = (round(x * _SCALE), round(y * _SCALE))
    picture = open_image(cell.image)
    if picture is None:
        middle = (corner[0] + side / 2, corner[1] + side / 2)
        words = font(round(11 * _SCALE))
        pen.draw.text(middle, "no picture", fill=pen.theme.muted, font=words, anchor="mm")
        return
    scale = side / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    picture = picture.resize(size, Image.Resampling.LANCZOS)
    left, top = (side - size[0]) // 2, (side - size[1]) // 2
    mask = Image.new("L", (side, side), 0)
    ImageDraw.Draw(mask).rounded_rectangle(
        [0, 0, side - 1, side - 1], radius=(_RADIUS - 1) * _SCALE, fill=255
    )
    mask = mask.crop((left, top, left + size[0], top + size[1]))
    pen.image.paste(picture, (corner[0] + left, corner[1] + top), mask)


def _width(text: str, size: int, *, bold: bool) -> float:
    shown: ImageFont.FreeTypeFont = font(round(size * _SCALE), bold=bold)
    return shown.getlength(text) / _SCALE


def _end_cut(text: str, size: int, room: float, *, bold: bool) -> str:
    """One line of ``text``, its end replaced by an ellipsis where it is too wide."""
    text = " ".join(text.split())
    if _width(text, size, bold=bold) <= room:
        return text
    kept = _longest(lambda n: _width(text[:n].rstrip() + "…", size, bold=bold) <= room, len(text))
    return text[:kept].rstrip() + "…"


def _two_lines(text: str, size: int, room: float) -> list[str]:
    """``text`` on at most two lines: a path breaks anywhere, and loses its middle when too long."""
    text = " ".join(text.split())

    def fits(n: int) -> bool:
        return _width(text[:n], size, bold=False) <= room

    if fits(len(text)):
        return [text] if text else []
    cut = _longest(fits, len(text))
    breaks = [place + 1 for place, sign in enumerate(text[:cut]) if sign in "/# ,_-"]
    if breaks and breaks[-1] > cut // 2:
        cut = breaks[-1]
    return [text[:cut].rstrip(), _front_cut(text[cut:], size, room)]


def _front_cut(text: str, size: int, room: float) -> str:
    """One line of ``text``, its start cut: the end of a path tells more than its middle."""
    text = text.strip()
    if _width(text, size, bold=False) <= room:
        return text
    kept = _longest(lambda n: _width("…" + text[-n:], size, bold=False) <= room, len(text))
    return "…" + text[-kept:]


def _longest(fits: Callable[[int], bool], limit: int) -> int:
    """The largest n ≤ ``limit`` that fits (at least 1), by halving."""
    low, high = 1, max(limit, 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low
