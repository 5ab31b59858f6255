"""The parts of a query as small cards, and a place to drop or paste images."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from app.components.mounting import component

__all__ = ["Asked", "PartCard", "query_parts"]

ACTIONS = ("remove", "flip", "region", "weigh")
MOST_FILES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PartCard:
    """What is shown of a part.

    Attributes:
        src: Address of its picture; "" for none.
        title: What it is called.
        less: Less like it is wanted.
        weight: What it counts beside the others.
        trouble: Why it cannot be searched by; "" if it can.
    """

    src: str
    title: str
    less: bool = False
    weight: float = 1.0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person has just done; empty in the runs of the script after it.

    Attributes:
        action: ``remove``, ``flip`` its sign, ``region``: look closer, draw one, ``weigh`` it
            otherwise.
        place: Of the card, from 0.
        files: (name, bytes) of what was dropped or pasted.
        refused: A sentence about what could not be taken; "" if all was.
    """

    action: str | None = None
    place: int = -1
    files: list[tuple[str, bytes]] = field(default_factory=list)
    refused: str = ""


def query_parts(cards: Sequence[PartCard], *, key: str, max_mb: int, words: bool = False) -> Asked:
    """Show the parts.

    Args:
        cards: In order.
        key: Of the widget.
        max_mb: Largest file that is taken here, MiB.
        words: Whether words are looked for besides.
    """
    weighable = len(cards) + words > 1  # alone, a part counts what it counts
    done = component("query_parts")(
        key=key,
        data={
            "cards": [
                asdict(card)
                | {"weight": _sign(card.weight) if weighable or card.weight != 1 else ""}
                for card in cards
            ],
            "maxMb": max_mb,
        },
        on_done_change=lambda: None,
        on_files_change=lambda: None,
    )
    act = done.done or {}
    action, place = act.get("action"), act.get("place")
    if action not in ACTIONS or not isinstance(place, int) or not 0 <= place < len(cards):
        action, place = None, -1
    files, refused = _files(done.files or [], max_mb)
    return Asked(action, place, files, refused)


def _sign(weight: float) -> str:
    return f"{'½' if weight == 0.5 else f'{weight:g}'}×"


def _files(sent: Any, max_mb: int) -> tuple[list[tuple[str, bytes]], str]:  # noqa: ANN401
    """What a browser sent, as far as it is what this component sends."""
    files, refused = [], ""
    for one in sent[:MOST_FILES]:
        name, data = (str(one.get(part, "")) for part in ("name", "data"))
        if len(data) * 3 // 4 > max_mb << 20:
            refused = f"{name[:80]} is larger than {max_mb} MiB; use Upload."
            continue
        try:
            files.append((name, base64.b64decode(data, validate=True)))
        except binascii.Error:
            refused = f"{name[:80]} did not arrive whole; send it again."
    return files, refused
