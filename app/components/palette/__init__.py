"""Classes of a map that are chosen, named, coloured and taken away, with how much there is."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from app.components.mounting import component
from app.components.steps import taken

__all__ = ["Act", "ClassRow", "Done", "palette", "palette_done"]

Act = Literal["choose", "add", "rename", "colour", "remove"]
LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRow:
    """A class.

    Attributes:
        name: What it is called.
        colour: ``#rrggbb``.
        clicks: How often it was clicked.
        percent: Of the map; None: there is no map, or it has no such class.
        detail: Shown behind the percentage, say its area.
        title: Shown when the pointer rests on it.
    """

    name: str
    colour: str
    clicks: int = 0
    percent: float | None = None
    detail: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """What a person has just done.

    Attributes:
        act: ``choose`` or ``remove`` a class; ``add`` one, ``rename`` it, give it a ``colour``.
        name: Of the class; of a new one its name.
        value: The new name, or the colour ``#rrggbb``; else "".
    """

    act: Act
    name: str
    value: str = ""


def palette(
    rows: Sequence[ClassRow],
    *,
    key: str,
    active: str | None,
    suggestions: Sequence[str] = (),
    stale: bool = False,
) -> None:
    """Show classes. A click, or the keys 1 to 9, choose one; a double click renames it.

    What is done are steps (:func:`~app.components.steps.take`); :func:`palette_done` reads them.

    Args:
        rows: In order.
        key: Of the widget.
        active: The class that is chosen.
        suggestions: Names offered to a class that is added.
        stale: Whether the percentages are those of an earlier moment.
    """
    component("palette")(
        key=key,
        data={
            "rows": [asdict(row) for row in rows],
            "active": active,
            "suggestions": list(suggestions),
            "stale": stale,
            "taken": dict(taken(key)),
        },
        on_steps_change=lambda: None,
    )


def palette_done(said: dict[str, Any], known: Collection[str]) -> Done | None:
    """What a step says, as far as it can be true of the ``known`` classes."""
    act, name, value = (str(said.get(part) or "") for part in ("act", "name", "value"))
    if act not in get_args(Act) or (act != "add" and name not in known):
        return None
    if act == "colour" and not re.fullmatch(r"#[0-9a-f]{6}", value):
        return None
    return Done(act, name[:LONGEST], value[:LONGEST])  # type: ignore[arg-type]
