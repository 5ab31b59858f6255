"""Which images are trained on and which are tested: always whole images, never pixels of one.

Neighbouring pixels, and even neighbouring slices, are nearly the same; a split by pixels would test
what was learned by heart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias, TypeVar

from georetrieve.errors import StoreError

__all__ = ["Fold", "SplitKind", "SplitPlan", "in_order", "plan_splits"]

T = TypeVar("T")
SplitKind: TypeAlias = Literal["even", "leave-one-out", "folds", "groups"]


@dataclass(frozen=True, slots=True)
class Fold:
    """Places of the images trained on, and of those tested; none is both."""

    train: tuple[int, ...]
    test: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.train or not self.test or set(self.train) & set(self.test):
            raise StoreError(
                f"A fold trains on images {list(self.train)} and tests {list(self.test)}; both are "
                "needed, and no image may be in both."
            )


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """One measurement: every tested image is in one fold.

    Attributes:
        name: What it is called.
        folds: At least one.
    """

    name: str
    folds: tuple[Fold, ...]

    @property
    def train(self) -> int:
        """Images trained on, in the fold that has fewest."""
        return min(len(fold.train) for fold in self.folds)

    @property
    def tested(self) -> int:
        """Images tested."""
        return sum(len(fold.test) for fold in self.folds)


def in_order(names: Sequence[str]) -> list[int]:
    """Places of images in the order of their names, numbers within them counted: 9 before 10.

    Slices are so in the order of z.
    """
    return sorted(range(len(names)), key=lambda place: _key(names[place]))


def plan_splits(
    names: Sequence[str],
    groups: Sequence[str],
    kind: SplitKind,
    *,
    train: Sequence[int] = (1,),
    folds: int = 5,
) -> list[SplitPlan]:
    """Part N images.

    Args:
        names: N names; neighbours in their order are taken for neighbours in the sample.
        groups: N groups; "" for none.
        kind: ``even``: as many as ``train`` says, spread evenly over the order, are trained on and
            the rest is tested. ``leave-one-out``: each is tested by what the others teach.
            ``folds``: parts of neighbouring images are, in turn. ``groups``: whole groups are.
        train: One plan each; of ``even``.
        folds: Most parts; of ``folds`` and ``groups``.

    Raises:
        StoreError: There are too few images or groups.
    """
    order = in_order(names)
    if len(order) < 2:
        raise StoreError(
            f"A split by image needs two images with masks; there is {len(order)}. Pixels of one "
            "image are not split: that would measure what was learned by heart."
        )
    if kind == "even":
        return [_even(order, count) for count in train]
    if kind == "groups":
        known = sorted({group for group in groups if group})
        if len(known) < 2:
            raise StoreError(
                f"A split by group needs images of two groups; there are {len(known)}. Say where "
                "groups come from, or split by 'folds'."
            )
        # An image of no known group is trained on by nobody: it might be of any.
        parts = [
            [place for place in order if groups[place] in some] for some in _parts(known, folds)
        ]
    else:
        parts = _parts(order, len(order) if kind == "leave-one-out" else folds)
    places = [place for part in parts for place in part]
    made = [
        Fold(tuple(place for place in places if place not in part), tuple(part)) for part in parts
    ]
    return [SplitPlan(f"{len(made)} folds" if kind == "folds" else kind, tuple(made))]


def _even(order: Sequence[int], count: int) -> SplitPlan:
    total = len(order)
    if count >= total:
        raise StoreError(
            f"Of {total} images {count} cannot be trained on and others tested; train on "
            f"{total - 1} at most."
        )
    # The middles of `count` equal parts.
    chosen = [order[(2 * place + 1) * total // (2 * count)] for place in range(count)]
    rest = tuple(place for place in order if place not in chosen)
    return SplitPlan(f"{count} trained on", (Fold(tuple(chosen), rest),))


def _parts(values: Sequence[T], most: int) -> list[list[T]]:
    """Cut into at most ``most`` runs of neighbours, alike in length."""
    count = min(most, len(values))
    edges = [place * len(values) // count for place in range(count + 1)]
    return [list(values[first:last]) for first, last in pairwise(edges)]


def _key(name: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]
