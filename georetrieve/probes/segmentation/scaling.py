"""Learning from the labels which differences between features matter.

Neighbours vote by cosine, to which all features are alike: noise counts as much as what tells the
classes apart. A few axes are learned instead, so that the vote of the neighbours along them names
the classes of labelled patches best: neighbourhood components analysis (J. Goldberger et al., 2004)
of soft labels. It is a metric that is learned and not a classifier; neighbours still have the word.

It starts as the principal axes of the features, at the scale at which its vote is that of cosines,
and leaves them only as far as the labels warrant: the change is penalised as by a normal prior, so
a few clicks hardly move it and thousands of patches freely do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from georetrieve.types import FloatArray

__all__ = ["LEARNED_TEMPERATURE", "LIFT", "FeatureScaling", "learn_scaling"]

# Vectors get one more number, this one, and are brought to length 1. It is long beside the others,
# so that cosines along the axes fall with the squared distance: 1 - d² / (2 · LIFT²).
LIFT = 25.0
LEARNED_TEMPERATURE = 1 / (2 * LIFT**2)
"""Of the softmax of cosines the axes are learned for: neighbours at distance d weigh exp(-d²)."""

# Of the vote by cosines of features that learning starts from: sharper than is best without
# learning, which smooths by itself where the labels do not warrant it.
START_TEMPERATURE = 0.003

AXES = 8
POINTS_FOR_AXES = 8192
STEPS = 300
VOTERS, VOTED = 384, 2048
RATE = 0.01
PRIOR = 30.0
LEAST_SPREAD = 0.01  # of the largest: features that hardly vary are not blown up
LEAST_SHARE = 1e-4  # probability a lost vote is taken to have: one wrong label costs so much


@dataclass(frozen=True, slots=True)
class FeatureScaling:
    """An affine map of features.

    Attributes:
        centre: (D,) float32.
        axes: (D, K) float32.
    """

    centre: FloatArray
    axes: FloatArray

    def __call__(self, features: FloatArray) -> FloatArray:
        """Return (..., K + 1) vectors of length 1 of (..., D) features of length 1."""
        return self.lifted([features @ self.axes])

    def of_views(self, count: int) -> list[FloatArray]:
        """(D / views, K) axes of each view, for features of each view of length 1."""
        return np.split(self.axes / np.float32(np.sqrt(count)), count)

    def lifted(self, parts: Sequence[FloatArray]) -> FloatArray:
        """Return (..., K + 1) vectors of length 1 of what each view has along the axes."""
        placed = np.sum(parts, axis=0) - self.centre @ self.axes
        lengths = np.sqrt(np.einsum("...k,...k->...", placed, placed) + LIFT**2)[..., None]
        lift = np.full_like(lengths, LIFT)
        vectors: FloatArray = np.concatenate([placed, lift], axis=-1) / lengths
        return vectors


def learn_scaling(
    features: FloatArray,
    shares: FloatArray,
    weights: FloatArray,
    *,
    seed: int = 0,
) -> FeatureScaling:
    """Learn K ≤ 8 axes from labelled patches; the same patches and seed give the same axes.

    Args:
        features: (M, D), of length 1.
        shares: (M, C) of each class in a patch, rows of sum 1.
        weights: (M,) > 0, how much each patch stands for.
        seed: Of the draws.
    """
    generator = torch.Generator().manual_seed(seed)
    centre = features.mean(axis=0)
    # exp(cosine / T) of unit vectors is exp(-d² / 2T) but for a constant.
    unit = np.float32(np.sqrt(2 * START_TEMPERATURE))
    points = torch.from_numpy((features - centre) / unit)
    labels, stands_for = torch.from_numpy(shares), torch.from_numpy(weights)
    start = _principal_axes(points, generator)
    if len(points) > 1:
        start = start + _change(points, labels, stands_for, start, generator)
    return FeatureScaling(centre, (start / float(unit)).numpy())


def _principal_axes(points: Tensor, generator: torch.Generator) -> Tensor:
    """(D, K) directions of most spread, of length 1."""
    some = torch.randperm(len(points), generator=generator)[:POINTS_FOR_AXES]
    drawn = points[some] - points[some].mean(dim=0)
    _, vectors = torch.linalg.eigh(drawn.T @ drawn)  # rising
    axes: Tensor = vectors.flip(1)[:, :AXES]
    return axes


def _change(
    points: Tensor, labels: Tensor, weights: Tensor, start: Tensor, generator: torch.Generator
) -> Tensor:
    """(D, K) what to add to the axes so that the weighted vote errs least, by Adam.

    It is sought in units of each feature's spread, in which the steps and the prior are alike for
    all.
    """
    spread = points.std(dim=0)[:, None]
    spread = spread.clamp_min(LEAST_SPREAD * spread.max()).clamp_min(1e-6)
    moved = torch.zeros_like(start, requires_grad=True)
    optimiser = torch.optim.Adam([moved], lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    voted = min(VOTED, len(points) - max(1, len(points) // 4))
    voters = min(VOTERS, len(points) - voted)
    for _ in range(STEPS):
        drawn = torch.randperm(len(points), generator=generator)[: voters + voted]
        asked, known = drawn[:voters], drawn[voters:]
        placed = points[drawn] @ (start + moved / spread)
        squared = _squared_distances(placed[:voters], placed[voters:])
        shares = torch.softmax(weights[known].log() - squared, dim=1) @ labels[known]
        losses = -(labels[asked] * (shares + LEAST_SHARE).log()).sum(dim=1)
        loss = (losses * weights[asked]).sum() / weights[asked].sum()
        loss = loss + PRIOR / len(points) * moved.square().sum()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return (moved / spread).detach()


def _squared_distances(one: Tensor, other: Tensor) -> Tensor:
    """(n, m); torch's own has no gradient where two points are one."""
    products = one @ other.T
    squared: Tensor = one.square().sum(dim=1, keepdim=True) - 2 * products
    squared += other.square().sum(dim=1)
    return squared
