"""A legend whose entries are counted, and shown or hidden by a click."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

from app.components.mounting import component

__all__ = ["Entry", "legend"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A class of what is shown.

    Attributes:
        name: Unique; what is hidden is told by it.
        colour: ``#rrggbb``.
        count: How many there are.
        title: What is read; the name by default.
    """

    name: str
    colour: str
    count: int
    title: str = ""


def legend(
    entries: Sequence[Entry], *, key: str, hidden: Collection[str] = (), height: int = 240
) -> list[str] | None:
    """Show it; a click hides or shows a class, "only" hides all others.

    Args:
        entries: In order.
        key: Of the widget.
        hidden: Names of those that are.
        height: Beyond it the list is scrolled, pixels of the screen.

    Returns:
        Names of all that are hidden when a person has just changed that, else None.
    """
    done = component("legend")(
        key=key,
        data={
            "entries": [asdict(entry) for entry in entries],
            "hidden": list(hidden),
            "height": height,
        },
        on_hidden_change=lambda: None,
    )
    if not isinstance(done.hidden, list):
        return None
    return [entry.name for entry in entries if entry.name in done.hidden]
