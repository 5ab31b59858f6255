"""A viewer of images of any size: deep zoom, outlines, a scale bar, regions and points."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from app.components.mounting import component
from app.components.steps import taken
from georetrieve.serving.pictures import PICTURES

__all__ = ["Drawn", "Mode", "Overlay", "Point", "Seen", "Shape", "Viewed", "clicked", "viewer"]

# One script, in the order in which its parts build on each other.
_PARTS = ("view", "tiles", "outlines", "region", "scale_bar", "gestures", "viewer")
Mode = Literal["look", "region", "point"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewed:
    """The image.

    Attributes:
        tiles: Address of its tiles, to which ``&level=…&column=…&row=…`` is added; see
            :meth:`~georetrieve.serving.pictures.Pictures.tiles_url`.
        width: Pixels.
        height: Pixels.
        levels: Of Deep Zoom.
        tile_px: Side of a tile.
        um_per_px: Size of a pixel, micrometres; None when unknown: the scale bar says px.
        place: The view is kept between images of the same place, such as the slices of a volume;
            by default each image has its own.
    """

    tiles: str
    width: int
    height: int
    levels: int
    tile_px: int = 256
    um_per_px: float | None = None
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """An outline.

    Attributes:
        id: What :attr:`Seen.picked` then is.
        rings: Closed rings of (x, y), pixels of the image; a box has four corners.
        colour: ``#rrggbb``.
        title: Shown when the pointer rests on it.
        faint: Drawn thinner and dashed: a prediction, not a label.
    """

    id: str
    rings: Sequence[Sequence[tuple[float, float]]]
    colour: str
    title: str = ""
    faint: bool = False


class Drawn:
    """Many outlines, made ready once: the browser fetches them when they change, not with each run.

    Args:
        shapes: Thousands, say.
    """

    def __init__(self, shapes: Sequence[Shape]) -> None:
        self.ids = frozenset(shape.id for shape in shapes)
        self._data = json.dumps([_plain(shape) for shape in shapes]).encode()
        self._address = ""

    @property
    def address(self) -> str:
        """Where the browser finds them."""
        if not self._address or not PICTURES.lends(self._address):
            self._address = PICTURES.lend(self._data, "application/json")
        return self._address


def _plain(shape: Shape) -> dict[str, Any]:
    rings = [[(round(x, 2), round(y, 2)) for x, y in ring] for ring in shape.rings]
    return {
        "id": shape.id, "rings": rings, "colour": shape.colour, "title": shape.title,
        "faint": shape.faint,
    }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A click that was made.

    Attributes:
        x: Pixels of the image.
        y: Likewise.
        colour: ``#rrggbb``.
        title: Shown when the pointer rests on it.
    """

    x: float
    y: float
    colour: str
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """A picture laid over the image.

    Attributes:
        src: Its address (:meth:`~georetrieve.serving.pictures.Pictures.lend`).
        box: (x, y, width, height) it covers, pixels of the image; None: all of it.
        opacity: 0..1.
    """

    src: str
    box: tuple[float, float, float, float] | None = None
    opacity: float = 0.5


@dataclass(frozen=True, slots=True)
class Seen:
    """What a person has just done; each is None in the runs of the script after it.

    Attributes:
        picked: Id of the outline that was clicked.
        region: (x, y, width, height) that was drawn, whole pixels inside the image.
    """

    picked: str | None = None
    region: tuple[int, int, int, int] | None = None


def viewer(
    image: Viewed,
    *,
    key: str,
    shapes: Sequence[Shape] | Drawn = (),
    chosen: Collection[str] = (),
    points: Sequence[Point] = (),
    pen: str = "#888888",
    region: tuple[int, int, int, int] | None = None,
    overlay: Overlay | None = None,
    mode: Mode = "look",
    look_at: tuple[float, float, float, float] | None = None,
    times: int = 0,
    height: int = 520,
) -> Seen:
    """Show an image that is dragged, zoomed by wheel, pinch, keys or buttons, and clicked.

    Args:
        image: What.
        key: Of the widget. The view stays when only outlines, points or overlay change.
        shapes: Outlines; a click on one picks it. Many are best made ready once (:class:`Drawn`).
        chosen: Ids of those that are drawn as chosen.
        points: Clicks made so far. Further ones are steps (:func:`~app.components.steps.take`),
            for they come faster than the page is shown; :func:`clicked` reads them.
        pen: Colour of a click until it is among the points, ``#rrggbb``.
        region: Drawn as chosen.
        overlay: Laid over.
        mode: What dragging and clicking do: look around and pick, draw a region, or set points.
        look_at: (x, y, width, height) that is shown when it, or the image, changes; None: all.
        times: Counts how often ``look_at`` was asked for: another number, and it is shown again.
        height: Of the viewer, pixels of the screen.
    """
    done = component("viewer", _PARTS)(
        key=key,
        data={
            "image": asdict(image),
            "shapes": (
                {"url": shapes.address}
                if isinstance(shapes, Drawn)
                else [_plain(shape) for shape in shapes]
            ),
            "chosen": list(chosen),
            "points": [asdict(point) for point in points],
            "pen": pen,
            "taken": dict(taken(key)),
            "region": region,
            "overlay": None if overlay is None else asdict(overlay),
            "mode": mode,
            "lookAt": look_at,
            "times": times,
            "height": height,
        },
        on_seen_change=lambda: None,
        on_steps_change=lambda: None,
    )
    known = shapes.ids if isinstance(shapes, Drawn) else {shape.id for shape in shapes}
    return _seen(done.seen or {}, image, known)


def _seen(said: dict[str, Any], image: Viewed, known: Collection[str]) -> Seen:
    """What the browser says, as far as it can be true."""
    picked = said.get("picked")
    region = _numbers(said.get("region"), 4)
    return Seen(
        picked=picked if isinstance(picked, str) and picked in known else None,
        region=None if region is None else _inside(region, image),
    )


def clicked(said: dict[str, Any], image: Viewed) -> tuple[float, float] | None:
    """(x, y) of a step that is a click, pixels inside the image; else None.

    Of a click on a point it is just that point's.
    """
    point = _numbers(said.get("point"), 2)
    if point is None or not (0 <= point[0] < image.width and 0 <= point[1] < image.height):
        return None
    return point[0], point[1]


def _numbers(values: object, count: int) -> list[float] | None:
    if not isinstance(values, list) or len(values) != count:
        return None
    if not all(isinstance(one, int | float) and math.isfinite(one) for one in values):
        return None
    return [float(one) for one in values]


def _inside(region: Sequence[float], image: Viewed) -> tuple[int, int, int, int] | None:
    """Whole pixels of a region that lie in the image; None where none do."""
    x, y, width, height = (round(part) for part in region)
    left, top = max(0, x), max(0, y)
    right, bottom = min(image.width, x + width), min(image.height, y + height)
    if right <= left or bottom <= top:
        return None
    return left, top, right - left, bottom - top
