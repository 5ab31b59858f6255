"""Rows of the index as cards of a gallery."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app.colours import label_colours
from app.components.gallery import Card
from app.opened import Opened

__all__ = ["card_of", "cards_of", "facts_text"]

_SHOWN_ELSEWHERE = {
    *("id", "thumbnail", "content_hash", "source", "path", "x", "y", "width", "height", "kind"),
    *("slice_index", "axis"),
}


def facts_text(row: Mapping[str, Any]) -> str:
    """What is known of an item, one fact a line."""
    lines = [str(row["id"])]
    for name, value in row.items():
        if name not in _SHOWN_ELSEWHERE and value not in (None, ""):
            shown = f"{value:.4g}" if isinstance(value, float) else value
            lines.append(f"{name.replace('_', ' ')}: {shown}")
    return "\n".join(lines)


def cards_of(opened: Opened, rows: Iterable[Mapping[str, Any]]) -> list[Card]:
    """The cards of many rows, quicker than one by one."""
    colours = label_colours(opened)
    return [card_of(opened, row, colours=colours) for row in rows]


def card_of(
    opened: Opened,
    row: Mapping[str, Any],
    *,
    note: str = "",
    mark: str = "",
    title: str = "",
    colours: Mapping[str, str] | None = None,
) -> Card:
    """The card of a row of the index with all its columns but the vectors.

    Args:
        opened: What the page is about.
        row: Of the index.
        note: See :class:`Card`.
        mark: Likewise.
        title: Likewise; by default what is known of the item.
        colours: By label, where the caller has asked for them already.
    """
    label = row.get("label") or ""
    colours = label_colours(opened) if colours is None else colours
    return Card(
        id=str(row["id"]),
        src=opened.picture(dict(row)),
        title=title or facts_text(row),
        label=label,
        colour=colours.get(label, ""),
        note=note,
        mark=mark,
    )
