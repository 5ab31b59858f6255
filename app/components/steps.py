"""What is done in components faster than the page is shown: each step is taken once, in order.

A trigger of Streamlit may be lost to a run that is under way. So the browser says all steps again
until it is told that they were taken.
"""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass
from typing import Any

import streamlit as st

__all__ = ["Step", "take", "taken", "waiting"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done.

    Attributes:
        key: Of the component.
        number: Its steps are counted.
        at: When, milliseconds of the browser's clock.
        said: What, as the browser says it.
    """

    key: str
    number: int
    at: float
    said: dict[str, Any]
    _held: dict[str, Any]

    def done(self) -> None:
        """It is not to be done again."""
        self._held["number"] = max(self._held["number"], self.number)


def taken(key: str) -> dict[str, Any]:
    """How far the steps of a component are taken, for its script."""
    held: dict[str, Any] = st.session_state.setdefault(
        f"_{key}_taken", {"run": secrets.token_hex(8), "number": 0}
    )
    return held


def take(*keys: str) -> list[Step]:
    """What was done in these components since it was last asked, in the order it was.

    Whoever takes them does them before anything else of the page: a run may end at whatever it
    shows, and the steps would be gone with it.
    """
    steps = waiting(*keys)
    for step in steps:
        step.done()
    return steps


def waiting(*keys: str) -> list[Step]:
    """Likewise, but each is taken only when :meth:`Step.done` says so."""
    # Session state is where a run may end too: all is read before any is marked as taken.
    read = [(key, taken(key), st.session_state.get(key)) for key in keys]
    steps = (
        step for key, held, state in read for step in _since(key, held, (state or {}).get("steps"))
    )
    return sorted(steps, key=lambda step: step.at)


def _since(key: str, held: dict[str, Any], said: object) -> list[Step]:
    """Steps that are not taken yet, as far as it can be true."""
    if not isinstance(said, dict) or said.get("run") != held["run"]:
        return []
    given = said.get("steps")
    new: dict[int, Step] = {}
    for one in given if isinstance(given, list) else []:
        number, at = (one.get("number"), one.get("at")) if isinstance(one, dict) else (None, None)
        if (
            isinstance(number, int) and number > held["number"]
            and isinstance(at, int | float) and math.isfinite(at)
        ):  # fmt: skip
            new[number] = Step(key, number, float(at), one, held)
    return [new[number] for number in sorted(new)]
