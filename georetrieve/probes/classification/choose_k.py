"""How many neighbours vote: chosen on the labelled items, group by group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from georetrieve.probes.classification.interface import share_blocks
from georetrieve.probes.classification.knn import KnnProbe
from georetrieve.probes.classification.left_out import LeftOut, Units, find_left_out
from georetrieve.types import FloatArray, IntArray

__all__ = ["CANDIDATES", "KChoice", "choose_k"]

BoolArray: TypeAlias = npt.NDArray[np.bool_]

CANDIDATES = (1, 3, 5, 7, 9, 15, 20, 30, 50, 100, 200)


@dataclass(frozen=True, slots=True)
class KChoice:
    """The k that was chosen.

    Attributes:
        k: Of the candidates the one of highest score, the smallest of several.
        scores: Mean recall of a class by candidate; empty when nothing could be compared.
        how: What was done, a sentence.
    """

    k: int
    how: str
    scores: Mapping[int, float] = field(default_factory=dict)


def choose_k(
    probe: KnnProbe,
    vectors: FloatArray,
    classes: IntArray,
    n_classes: int,
    groups: Sequence[str | None],
    *,
    candidates: Sequence[int] = CANDIDATES,
    seed: int = 0,
) -> KChoice:
    """Choose k by classifying labelled items with those of other groups.

    The score is the mean recall of a class, so that a frequent class counts no more than a rare
    one. Items whose class is in no other group, which no k can get right, are left out of it; if
    these are all, single items are left out in place of groups, and ``how`` says so.

    Args:
        probe: Whose rule, metric and balance are used; it is fitted.
        vectors: (N, D) of the labelled items.
        classes: (N,), 0..C-1.
        n_classes: C.
        groups: N groups; None where unknown.
        candidates: Values of k; those of N or more are passed over.
        seed: Of the draw if the labelled items are more than 10,000.
    """
    probe.fit(vectors, classes, n_classes)
    ks = sorted(k for k in set(candidates) if k < len(vectors)) or [1]
    units, why = Units.of(groups), ""
    if not _comparable(classes, units).any():
        if units.groups:
            why = "all other items (no class is in two groups)"
        units = Units.single(len(vectors))
    answerable = _comparable(classes, units)
    if not answerable.any() or n_classes < 2:
        return KChoice(1, "k = 1: no two classes, or no class of two items, to compare values by")
    left_out = find_left_out(vectors, units, ks[-1], probe.metric, seed=seed)
    scores = {k: _mean_recall(probe, left_out, k, classes, answerable) for k in ks}
    best = max(ks, key=lambda k: (scores[k], -k))
    how = (
        f"k = {best}, chosen of {', '.join(map(str, ks))} on {len(left_out.rows):,} labelled "
        f"items, each classified by {why or units.others}: mean recall of a class "
        f"{scores[best]:.3f}"
    )
    return KChoice(best, how, scores)


def _comparable(classes: IntArray, units: Units) -> BoolArray:
    """(N,) whether an item's class has a member in another unit."""
    pairs = np.unique(np.stack([classes, units.codes], axis=1), axis=0)
    in_units = np.bincount(pairs[:, 0], minlength=int(classes.max()) + 1)
    several: BoolArray = in_units[classes] > 1
    return several


def _mean_recall(
    probe: KnnProbe, left_out: LeftOut, k: int, classes: IntArray, answerable: BoolArray
) -> float:
    kept = answerable[left_out.rows]
    found = left_out.neighbours.first(k).rows(kept)
    true = classes[left_out.rows][kept]
    called = np.empty(len(true), np.int64)
    for block in share_blocks(len(true), probe.n_classes):
        called[block] = probe.vote(found.rows(block)).argmax(axis=1)
    sizes = np.bincount(true, minlength=probe.n_classes)
    right = np.bincount(true[called == true], minlength=probe.n_classes)
    return float((right[sizes > 0] / sizes[sizes > 0]).mean())
