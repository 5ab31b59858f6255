"""Rows of the index as cards of a gallery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.colours import label_colours
from app.components.gallery import Card
from app.opened import Opened

__all__ = ["card_of", "facts_text"]

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


def card_of(
    opened: Opened, row: Mapping[str, Any], *, note: str = "", mark: str = "", title: str = ""
) -> Card:
    """The card of a row of the index with all its columns but the vectors."""
    label = row.get("label") or ""
    return Card(
        id=str(row["id"]),
        src=opened.picture(dict(row)),
        title=title or facts_text(row),
        label=label,
        colour=label_colours(opened).get(label, ""),
        note=note,
        mark=mark,
    )
