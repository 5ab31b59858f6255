"""Clicks: points of which a person says what is there, in a CSV ``path,x,y,class``."""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from georetrieve.errors import SourceError, did_you_mean
from georetrieve.sources.csv_file import read_csv
from georetrieve.sources.fields import FieldOfView
from georetrieve.sources.masks.classes import VOID, ClassTable
from georetrieve.sources.view_names import view_of
from georetrieve.types import IntArray, Region

__all__ = ["Click", "ClickTruth", "Clicks", "clicks_csv", "read_clicks"]

COLUMNS = {
    "path": ("path", "file", "filename", "image"),
    "x": ("x",),
    "y": ("y",),
    "class": ("class", "label", "name"),
    "radius": ("radius", "radius_px"),
}
SHOWN_LINES = 5


@dataclass(frozen=True, slots=True)
class Click:
    """One point.

    Attributes:
        line: Line of the file, for messages.
        path: Of the image, as written; "" where the file does not say.
        x: Pixels from the left edge; 0.5 is the middle of the first pixel.
        y: Pixels from the top edge.
        name: Class.
        radius: Radius of the disc it labels, pixels; None: as it is read.
    """

    line: int
    path: str
    x: float
    y: float
    name: str
    radius: float | None = None

    @property
    def pixel(self) -> tuple[int, int]:
        """(column, row) of the pixel it lies in."""
        return math.floor(self.x), math.floor(self.y)


@dataclass(slots=True)
class Clicks:
    """The points of a file.

    Attributes:
        path: The file.
        points: In the order of their lines.
        remarks: What was odd, one line each.
    """

    path: Path
    points: list[Click] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def classes(self) -> ClassTable:
        """The classes by name, in the order they first come."""
        return ClassTable.of_names(list(dict.fromkeys(one.name for one in self.points)))

    def by_field(self, fields: Sequence[FieldOfView]) -> dict[str, list[Click]]:
        """Name of a field → its points.

        A path means the field of that name, or the one whose name ends so or differs in the suffix
        alone, or one of whose views it is. Points without a path belong to the only field.

        Raises:
            SourceError: No point belongs to a field, or one lies outside its image.
        """
        sorted_out: dict[str, list[Click]] = defaultdict(list)
        strangers: dict[str, list[int]] = defaultdict(list)
        by_name = {one.name: one for one in fields}
        for click in self.points:
            name = _field_name(click.path, list(by_name)) or _field_of_view(click.path, by_name)
            if name is None:
                strangers[click.path].append(click.line)
                continue
            _check_inside(self.path, click, by_name[name])
            sorted_out[name].append(click)
        if not sorted_out:
            raise SourceError(_no_field(self, list(by_name)))
        for path, lines in strangers.items():
            shown = path or "(no path)"
            self.remarks.append(f"{self.path.name}: no image {shown} ({_lines(lines)} left out)")
        for name, points in sorted_out.items():
            sorted_out[name] = self._without_contradictions(points)
        return {name: points for name, points in sorted_out.items() if points}

    def _without_contradictions(self, points: Sequence[Click]) -> list[Click]:
        at: dict[tuple[int, int], list[Click]] = defaultdict(list)
        for click in points:
            at[click.pixel].append(click)
        kept = []
        for (x, y), here in at.items():
            names = sorted({click.name for click in here})
            if len(names) == 1:
                kept.append(here[0])
                continue
            self.remarks.append(
                f"{self.path.name}: {_lines([click.line for click in here])} call the pixel "
                f"{x},{y} {' and '.join(names)}; left out"
            )
        return kept


class ClickTruth:
    """Discs round points; a pixel in several is the nearest point's, one in none is void.

    Args:
        points: Of one image.
        classes: Their classes.
        size: (width, height) of the image, pixels.
        radius_px: Of points that name none.

    Raises:
        SourceError: A class is in no table.
    """

    def __init__(
        self, points: Sequence[Click], classes: ClassTable, size: tuple[int, int], radius_px: float
    ) -> None:
        self.size = size
        for one in points:
            if one.name not in classes.names:
                raise SourceError(
                    f"The click on line {one.line} is called {one.name!r}, which is in no table of "
                    f"classes.{did_you_mean(one.name, classes.names)}"
                )
        # Centres of pixels have whole coordinates below.
        self._columns = np.array([one.pixel[0] for one in points])
        self._rows = np.array([one.pixel[1] for one in points])
        self._numbers = np.array([classes.names.index(one.name) for one in points])
        self._radii = np.array(
            [radius_px if one.radius is None else one.radius for one in points], np.float64
        )

    def read(self, region: Region) -> IntArray:
        """Return the (height, width) class numbers of a region."""
        found = np.full((region.height, region.width), VOID, np.int64)
        nearest = np.full(found.shape, np.inf)
        left, top, right, bottom = region.box
        near = (
            (self._columns + self._radii >= left)
            & (self._columns - self._radii < right)
            & (self._rows + self._radii >= top)
            & (self._rows - self._radii < bottom)
        )
        for place in np.flatnonzero(near):
            column, row, radius = self._columns[place], self._rows[place], self._radii[place]
            reach = math.floor(radius)
            x0, x1 = max(left, column - reach), min(right, column + reach + 1)
            y0, y1 = max(top, row - reach), min(bottom, row + reach + 1)
            if x0 >= x1 or y0 >= y1:
                continue
            window = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
            distance = np.hypot(
                np.arange(y0, y1)[:, None] - row, np.arange(x0, x1)[None, :] - column
            )
            own = (distance <= radius) & (distance < nearest[window])
            nearest[window][own] = distance[own]
            found[window][own] = self._numbers[place]
        return found


def read_clicks(path: Path) -> Clicks:
    """Read a CSV with the columns ``x``, ``y``, ``class``, and if present ``path`` and ``radius``.

    Raises:
        SourceError: It cannot be read, is empty, lacks a column, or a number is none.
    """
    clicks = Clicks(path)
    header, lines, delimiter = read_csv(path, clicks.remarks, columns="path,x,y,class")
    places = _places(path, header)
    for number, line in enumerate(lines[1:], 2):
        if any(cell.strip() for cell in line):
            row = line + [""] * (len(header) - len(line))
            cells = {name: row[place].strip() for name, place in places.items()}
            clicks.points.append(_click(path, number, cells, decimal_comma=delimiter == ";"))
    if not clicks.points:
        raise SourceError(f"{path} holds no click; each is a line path,x,y,class.")
    return clicks


def clicks_csv(points: Sequence[Click]) -> str:
    """What :func:`read_clicks` reads; radii only where a point has one."""
    text = io.StringIO()
    radii = any(one.radius is not None for one in points)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "x", "y", "class", *(["radius"] if radii else [])])
    for one in points:
        row = [one.path, f"{one.x:.6g}", f"{one.y:.6g}", one.name]
        writer.writerow([*row, "" if one.radius is None else f"{one.radius:g}"] if radii else row)
    return text.getvalue()


def _places(path: Path, header: Sequence[str]) -> dict[str, int]:
    lowered = [name.lower() for name in header]
    places = {}
    for what, names in COLUMNS.items():
        there = [lowered.index(name) for name in names if name in lowered]
        if there:
            places[what] = there[0]
        elif what in ("x", "y", "class"):
            raise SourceError(
                f"{path} has no column {what!r} (its columns: {', '.join(header)}); clicks are "
                "lines path,x,y,class."
            )
    return places


def _click(path: Path, line: int, cells: Mapping[str, str], *, decimal_comma: bool) -> Click:
    def number(what: str) -> float:
        text = cells[what].replace(",", ".") if decimal_comma else cells[what]
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise SourceError(
                f"{path}, line {line}: {what} is {cells[what]!r}, which is no number."
            )
        return value

    if not cells["class"]:
        raise SourceError(f"{path}, line {line}: the click has no class; name one.")
    radius = number("radius") if cells.get("radius") else None
    if radius is not None and radius < 0:
        raise SourceError(f"{path}, line {line}: the radius is {radius:g}; give pixels, 0 or more.")
    name = cells.get("path", "").replace("\\", "/").removeprefix("./")
    return Click(line, name, number("x"), number("y"), cells["class"], radius)


def _field_name(path: str, names: Sequence[str]) -> str | None:
    """The one field a path means; None when it means none, or several."""
    if not path:
        return names[0] if len(names) == 1 else None
    if path in names:
        return path
    wanted = PurePosixPath(path)
    for same in (
        lambda name: path.endswith(f"/{name}") or name.endswith(f"/{path}"),
        lambda name: PurePosixPath(name).stem == wanted.stem,
        lambda name: PurePosixPath(name).name == wanted.stem,  # of several views, without suffix
    ):
        meant = [name for name in names if same(name)]
        if len(meant) == 1:
            return meant[0]
    return None


def _field_of_view(path: str, fields: Mapping[str, FieldOfView]) -> str | None:
    """The one field that a path is a view of: a click on ``a_ppl.png`` is one on PPL and XPL."""
    views = dict.fromkeys(view for one in fields.values() for view in one.view_names if view)
    told = view_of(path, tuple(views)) if views else None
    return _field_name(told[1], list(fields)) if told else None


def _check_inside(path: Path, click: Click, place: FieldOfView) -> None:
    width, height = place.size
    if not (0 <= click.x < width and 0 <= click.y < height):
        raise SourceError(
            f"{path}, line {click.line}: the click {click.x:g},{click.y:g} lies outside "
            f"{place.name}, which has {width}×{height} px; x and y are pixels from the top left."
        )


def _no_field(clicks: Clicks, names: Sequence[str]) -> str:
    first = clicks.points[0]
    if not first.path:
        return (
            f"{clicks.path}, line {first.line}: the click names no image, and there are "
            f"{len(names)}; add a column 'path'."
        )
    return (
        f"{clicks.path}: no click lies on an image that was given; line {first.line} names "
        f"{first.path!r}.{did_you_mean(first.path, names)}"
    )


def _lines(lines: Sequence[int]) -> str:
    shown = ", ".join(map(str, lines[:SHOWN_LINES])) + (" …" if len(lines) > SHOWN_LINES else "")
    return f"line {shown}" if len(lines) == 1 else f"lines {shown}"
