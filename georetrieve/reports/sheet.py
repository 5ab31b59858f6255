"""Contact sheets: queries beside what was found for them, as one picture or one web page."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from PIL import Image, ImageOps, UnidentifiedImageError

from georetrieve.errors import GeoRetrieveError
from georetrieve.reports.saving import saving

__all__ = [
    "SheetCell",
    "SheetImage",
    "SheetRow",
    "open_image",
    "place_text",
    "save_sheet",
    "score_text",
]

SheetImage: TypeAlias = Image.Image | bytes | None


@dataclass(frozen=True, slots=True)
class SheetCell:
    """One image of a sheet and what is written below it.

    Attributes:
        image: Picture, or the bytes of an encoded one (a WebP thumbnail); None draws a blank.
        title: Its label or name, in bold; "" for none.
        subtitle: Where it comes from, small; a line break starts the region (see ``place_text``).
        score: Score, higher is better; None for a query.
        correct: Whether it is of the query's class; None where that is not known.
        remark: What stands below a query in place of the word "query".
    """

    image: SheetImage
    title: str = ""
    subtitle: str = ""
    score: float | None = None
    correct: bool | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A query and its hits, best first.

    Attributes:
        query: What was asked with.
        hits: What was found.
        further: Further parts of the query (added, subtracted), shown below the first.
    """

    query: SheetCell
    hits: Sequence[SheetCell]
    further: Sequence[SheetCell] = ()


def save_sheet(
    path: Path,
    rows: Sequence[SheetRow],
    *,
    title: str = "",
    caption: str = "",
    dark: bool = False,
) -> Path:
    """Write a contact sheet; the ending of ``path`` decides between a picture and a web page.

    The web page is one file that loads nothing from anywhere and follows the reader's light or dark
    setting. A file of that name is replaced.

    Args:
        path: ``….png`` or ``….html``.
        rows: Queries with their hits; long rows are wrapped.
        title: Heading.
        caption: A line below the heading.
        dark: Draw the picture on a dark ground (the page follows the reader).

    Returns:
        ``path``.

    Raises:
        GeoRetrieveError: The ending is another one, or the file cannot be written.
    """
    # Imported here: each draws what this module defines.
    from georetrieve.reports.sheet_html import sheet_html
    from georetrieve.reports.sheet_png import draw_sheet

    ending = path.suffix.lower()
    if ending not in (".png", ".html"):
        raise GeoRetrieveError(
            f"A sheet cannot be saved as {path.name!r}: end the name with .png or .html."
        )
    with saving(path):
        if ending == ".png":
            picture = draw_sheet(rows, title=title, caption=caption, dark=dark)
            # Photographs hardly shrink further, however long one tries.
            picture.save(path, compress_level=1)
        else:
            path.write_text(sheet_html(rows, title=title, caption=caption), encoding="utf-8")
    return path


def open_image(image: SheetImage) -> Image.Image | None:
    """The picture of a cell as RGB, upright; None for a blank or for bytes that are no picture."""
    if image is None or image == b"":
        return None
    if isinstance(image, bytes):
        try:
            with Image.open(io.BytesIO(image)) as opened:
                return ImageOps.exif_transpose(opened).convert("RGB")
        except (UnidentifiedImageError, OSError):
            return None
    return image.convert("RGB")


def score_text(score: float) -> str:
    """A score to three or four digits, with a true minus sign: ``0.912``, ``−12.35``."""
    digits = 3 if abs(score) < 10 else 2 if abs(score) < 100 else 1
    return f"{score:.{digits}f}".replace("-", "−")


def place_text(item: str) -> str:
    """An item's id as a subtitle: its path, and on a line of its own its region."""
    path, mark, region = item.rpartition("#")
    return f"{path}\n{region}" if mark else item
