"""The sheet of a search: what was asked for beside what was found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from georetrieve.reports.sheet import SheetCell, SheetRow, place_text, save_sheet
from georetrieve.search import QueryPicture, SearchResult

__all__ = ["save_neighbours"]


def save_neighbours(path: Path, result: SearchResult, asked: Sequence[QueryPicture]) -> Path:
    """Write a contact sheet of a search as ``.png`` or ``.html``.

    Hits are marked right or wrong where the query is one labelled item.

    Args:
        path: File to write.
        result: What was found.
        asked: A picture of each part of the query, one at least; they stand one below the other,
            the hits beside them.

    Raises:
        GeoRetrieveError: Another ending, or the file cannot be written.
    """
    truth = asked[0].label if len(asked) == 1 else None
    hits = [
        SheetCell(
            hit.thumbnail,
            hit.label or "",
            place_text(hit.id),
            hit.score,
            None if truth is None or hit.label is None else hit.label == truth,
        )
        for hit in result.hits
    ]
    first, *further = (
        SheetCell(
            picture.image,
            picture.label or "",
            place_text(picture.title),
            remark=_role(picture.weight),
        )
        for picture in asked
    )
    rows = [SheetRow(first, hits, further)]
    measure = "minus Euclidean distance" if result.metric == "euclidean" else "cosine similarity"
    caption = f"{result.index.name} · {result.encoder} · score: {measure}, higher is nearer"
    return save_sheet(
        path, rows, title=f"Nearest to {_short(result.query, asked)}", caption=caption
    )


def _short(query: str, asked: Sequence[QueryPicture]) -> str:
    """The query without its folder, where it is one thing."""
    return Path(query).name if len(asked) == 1 else query


def _role(weight: float) -> str:
    """What stands below a part of a query: more of this, less of that."""
    if weight == 1:
        return ""
    return f"{'more' if weight > 0 else 'less'} of this" + (
        "" if abs(weight) == 1 else f" ({weight:g})"
    )
