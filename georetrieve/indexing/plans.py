"""How a file is cut, decided when it is opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from georetrieve.protocols import Raster
from georetrieve.sources.cut import Cut, CutOptions, choose_items, plan_cuts

__all__ = ["Plan", "make_plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a file is cut: the cuts, and a sentence on what was chosen and why."""

    cuts: Sequence[Cut] = ()
    choice: str = ""


def make_plan(raster: Raster, cutting: CutOptions) -> Plan:
    """Decide how an opened file is cut.

    Raises:
        SourceError: It cannot be cut as asked, or not be read.
    """
    chosen, sentence = choose_items(raster, cutting)
    return Plan(tuple(plan_cuts(raster, cutting, chosen=chosen)), sentence)
