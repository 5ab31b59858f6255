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

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from georetrieve.encoders.crew import for_each
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
ADAM_MEAN, ADAM_SQUARE, ADAM_LEAST = 0.9, 0.999, 1e-8  # as published
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
    centre = features.mean(axis=0)
    # exp(cosine / T) of unit vectors is exp(-d² / 2T) but for a constant.
    unit = np.float32(np.sqrt(2 * START_TEMPERATURE))
    points = torch.from_numpy((features - centre) / unit)
    labels, stands_for = torch.from_numpy(shares), torch.from_numpy(weights)

    def axes(generator: torch.Generator) -> Tensor:
        start = _principal_axes(points, generator)
        if len(points) == 1:
            return start
        return start + _change(points, labels, stands_for, start, generator)

    # Thousands of small steps: threads that share them wait for each other more than they work.
    (learned,) = for_each(axes, [torch.Generator().manual_seed(seed)])
    return FeatureScaling(centre, (learned / float(unit)).numpy())


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
    moved, adam = torch.zeros_like(start), _Adam.of(start)
    voted = min(VOTED, len(points) - max(1, len(points) // 4))
    voters = min(VOTERS, len(points) - voted)
    vote = _Vote(torch.empty(voters, voted), torch.empty(voters, voted))
    prior = 2 * PRIOR / len(points)
    for step in range(STEPS):
        drawn = torch.randperm(len(points), generator=generator)[: voters + voted]
        some = points[drawn]
        placed = some @ (start + moved / spread)
        slope = some.T @ vote.slope(placed, labels[drawn], weights[drawn])
        moved -= adam.step(slope / spread + prior * moved, _falling(step))
    return moved / spread


def _falling(step: int) -> float:
    """The rate of a step: a half wave of the cosine (I. Loshchilov and F. Hutter, SGDR, 2017)."""
    return RATE * (1 + math.cos(math.pi * step / STEPS)) / 2


@dataclass(frozen=True, slots=True)
class _Vote:
    """The vote of some points for others, and how its error changes as they move.

    Written out, since what happens is always the same: the sums over pairs that torch's own
    differentiation would keep are the time this takes.

    Attributes:
        logits: (voters, voted) room for the logarithms of what the others weigh.
        given: (voters, voted) room for what they weigh.
    """

    logits: Tensor
    given: Tensor

    def slope(self, placed: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
        """(n, K) derivatives of the mean loss −Σ labels · ln(shares) by the places of points.

        Args:
            placed: (n, K): first those that are voted on, then those that vote.
            labels: (n, C) of each class, rows of sum 1.
            weights: (n,) > 0.
        """
        asked = len(self.given)
        to, by = placed[:asked], placed[asked:]
        # A voter's own length is the same for all that vote for it, and the softmax leaves it out.
        word = weights[asked:].log() - by.square().sum(dim=1)
        torch.addmm(word, to, by.T, alpha=2, out=self.logits)
        torch.softmax(self.logits, dim=1, out=self.given)
        # Products with few columns are five times as quick the other way round.
        shares = (labels[asked:].T @ self.given.T).T
        share = weights[:asked, None] / weights[:asked].sum()
        errs = -share * labels[:asked] / (shares + LEAST_SHARE)
        # Of the softmax: its values times how far each derivative lies above the row's mean.
        mean = (errs * shares).sum(dim=1, keepdim=True)
        torch.addmm(-mean, errs, labels[asked:].T, out=self.logits)
        pull = self.logits.mul_(self.given)
        toward = by.T @ pull.T  # the pulls of a row sum to 0
        back = to.T @ pull - pull.sum(dim=0) * by.T
        return 2 * torch.cat([toward, back], dim=1).T


@dataclass(slots=True)
class _Adam:
    """D. Kingma and J. Ba, Adam, 2015, algorithm 1; torch's own takes two seconds to be imported.

    Attributes:
        mean: Running mean of the derivatives.
        square: Of their squares.
        steps: Taken so far.
    """

    mean: Tensor
    square: Tensor
    steps: int = 0

    @classmethod
    def of(cls, values: Tensor) -> _Adam:
        """At rest, for values of this shape."""
        return cls(torch.zeros_like(values), torch.zeros_like(values))

    def step(self, slope: Tensor, rate: float) -> Tensor:
        """What to take off the values."""
        self.steps += 1
        self.mean.lerp_(slope, 1 - ADAM_MEAN)
        self.square.lerp_(slope.square(), 1 - ADAM_SQUARE)
        mean = self.mean / (1 - ADAM_MEAN**self.steps)
        square = self.square / (1 - ADAM_SQUARE**self.steps)
        return rate * mean / (square.sqrt() + ADAM_LEAST)
