"""What items may be, by the votes of the labelled ones; kept until labels change."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import streamlit as st

from app.opened import Opened
from app.waiting import bar
from georetrieve.probes.classification.contradicted import Contradicted, find_contradicted
from georetrieve.probes.classification.suggestions import Suggestions, suggest

__all__ = ["Held", "forget", "is_held", "suspects", "votes"]

QUICK = 1.0  # seconds; what took longer is done again only when it is asked for
KEPT = 8

T = TypeVar("T", Suggestions, Contradicted)
Kind = Literal["votes", "suspects"]


@dataclass(frozen=True, slots=True)
class Held(Generic[T]):
    """What was found at a version of the index.

    Attributes:
        found: The votes, or the labels they contradict.
        version: Of the index.
        seconds: It took.
    """

    found: T
    version: int
    seconds: float

    def is_stale(self, opened: Opened) -> bool:
        """Whether the index has changed since."""
        return self.version != opened.version


def votes(opened: Opened, *, again: bool = False) -> Held[Suggestions]:
    """What the items without a label may be; as of an earlier version if it took long.

    Args:
        opened: Some of its items are labelled.
        again: Find it again all the same.

    Raises:
        StoreError: No item with a vector of the encoder is labelled.
    """
    return _held("votes", suggest, opened, again=again)


def suspects(opened: Opened, *, again: bool = False) -> Held[Contradicted]:
    """Labels that the items around them contradict; likewise."""
    return _held("suspects", find_contradicted, opened, again=again)


def forget(opened: Opened) -> None:
    """Find suspects again, though the labels are the same: one was said to be right."""
    _kept().pop(_key("suspects", opened), None)


def is_held(opened: Opened, *, suspects: bool) -> bool:
    """Whether there are votes, or suspects, of whichever version."""
    return _key("suspects" if suspects else "votes", opened) in _kept()


def _held(kind: Kind, find: Callable[..., T], opened: Opened, *, again: bool) -> Held[T]:
    kept, key = _kept(), _key(kind, opened)
    held: Held[T] | None = kept.get(key)
    if held is not None and not again and (held.seconds > QUICK or not held.is_stale(opened)):
        return held
    started = time.perf_counter()
    with bar() as progress:
        found = find(opened.index, encoder=opened.spec.name, progress=progress)
    held = Held(found, opened.version, time.perf_counter() - started)
    kept.pop(key, None)
    kept[key] = held
    while len(kept) > KEPT:
        kept.pop(next(iter(kept)))
    return held


def _key(kind: Kind, opened: Opened) -> tuple[str, ...]:
    return kind, opened.key, opened.spec.column


@st.cache_resource(show_spinner=False)
def _kept() -> dict[tuple[str, ...], Held[Any]]:
    return {}
