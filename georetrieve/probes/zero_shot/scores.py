"""What images score by words, and when a word applies.

Which of the classes an image is: the softmax over classes of the network's own score,
logit_scale × cosine + logit_bias (A. Radford et al., Learning transferable visual models from
natural language supervision, 2021, Figure 3). For a network of the sigmoid loss (X. Zhai et al.,
Sigmoid loss for language image pre-training, 2023) the same softmax is the probability of a class
given that exactly one of independent ones holds.

Which classes are in an image is another question, to which a softmax is no answer. A class is there
when its text lies nearer to the image than those of its rivals do, put into the same prompts (see
:mod:`~georetrieve.probes.zero_shot.rivals`): nearer than a share ``quantile`` of them. The rank is
that of split conformal prediction (V. Vovk et al., Algorithmic learning in a random world, 2005):
of words that fit an image no better than the rivals, at most a share 1 - quantile is said to be in
it. A network of the sigmoid loss also has a probability of its own for each class.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import expit, softmax

from georetrieve.errors import EncoderError, StoreError
from georetrieve.types import FloatArray, IntArray

__all__ = ["PresenceRule", "WordScores"]

DoubleArray = npt.NDArray[np.float64]
LEAST_SPREAD = 1e-6  # below it the scores of all rivals are equal to single precision


@dataclass(frozen=True, slots=True)
class PresenceRule:
    """When a class is said to be in an image.

    Attributes:
        by: ``rivals``: it fits better than others of its kind; ``sigmoid``: by the network's own
            probability; ``top``: the k classes that fit best.
        quantile: Share of its rivals that a class must surpass, 0..1.
        probability: That a class must reach, 0..1.
        k: How many, ≥ 1.

    Raises:
        StoreError: A value is out of range.
    """

    by: Literal["rivals", "sigmoid", "top"] = "rivals"
    quantile: float = 0.95
    probability: float = 0.5
    k: int = 3

    def __post_init__(self) -> None:
        if self.by not in ("rivals", "sigmoid", "top"):
            raise StoreError(f"Unknown rule {self.by!r}; take rivals, sigmoid or top.")
        if not 0 < self.quantile < 1 or not 0 <= self.probability <= 1:
            raise StoreError(
                f"A quantile of {self.quantile:g} and a probability of {self.probability:g} are "
                "not both between 0 and 1."
            )
        if self.k < 1:
            raise StoreError(f"The best {self.k} classes are none; ask for 1 or more.")

    def __str__(self) -> str:
        return {
            "rivals": f"better than {self.quantile:.0%} of other words of its kind",
            "sigmoid": f"probability of {self.probability:g} or more",
            "top": f"the best {self.k}",
        }[self.by]


@dataclass(frozen=True, slots=True)
class WordScores:
    """What Q images score by C classes and by the rivals of these.

    Attributes:
        cosines: (Q, C).
        rivals: For each comparison, (Q, J) cosines of its rivals, J ≥ 2.
        compared: (C,) the comparison of each class, a position in ``rivals``.
        logit_scale: Of the network, > 0.
        logit_bias: Of the network; 0 where it has none.
    """

    cosines: FloatArray
    rivals: tuple[FloatArray, ...]
    compared: IntArray
    logit_scale: float
    logit_bias: float = 0.0

    @property
    def has_probabilities(self) -> bool:
        """Whether the network has a probability of its own for each class, as SigLIP's have."""
        return self.logit_bias != 0

    def shares(self) -> DoubleArray:
        """(Q, C) probability of each class if one of them holds; rows sum to 1."""
        shares: DoubleArray = softmax(self._logits(), axis=1)
        return shares

    def probabilities(self) -> DoubleArray:
        """(Q, C) the network's own probability of each class, whatever the others are.

        Raises:
            EncoderError: The network has none.
        """
        if not self.has_probabilities:
            raise EncoderError(
                "This encoder compares texts with each other only, as CLIP does, and has no "
                "probability of a single one; take the rule rivals, or an encoder such as "
                "siglip2-vitb16."
            )
        own: DoubleArray = expit(self._logits())
        return own

    def fits(self) -> FloatArray:
        """(Q, C) by how many standard deviations a class scores above its rivals."""
        mean = np.stack([scores.mean(axis=1) for scores in self.rivals], axis=1)
        spread = np.stack([scores.std(axis=1, ddof=1) for scores in self.rivals], axis=1)
        above = self.cosines - mean[:, self.compared]
        fits: FloatArray = above / np.maximum(spread, LEAST_SPREAD)[:, self.compared]
        return fits

    def present(self, rule: PresenceRule) -> npt.NDArray[np.bool_]:
        """(Q, C) whether each class is in each image.

        Raises:
            EncoderError: The rule asks for probabilities that the network does not have.
            StoreError: The quantile is higher than so many rivals can tell.
        """
        if rule.by == "sigmoid":
            return self.probabilities() >= rule.probability
        if rule.by == "rivals":
            limits = [_limit(scores, rule.quantile) for scores in self.rivals]
            return self.cosines > np.stack(limits, axis=1)[:, self.compared]
        if rule.k >= self.cosines.shape[1]:
            return np.ones(self.cosines.shape, bool)
        best = np.argpartition(-self.cosines, rule.k - 1, axis=1)[:, : rule.k]
        there = np.zeros(self.cosines.shape, bool)
        np.put_along_axis(there, best, values=True, axis=1)
        return there

    def _logits(self) -> DoubleArray:
        return self.logit_scale * self.cosines.astype(np.float64) + self.logit_bias


def _limit(scores: FloatArray, quantile: float) -> FloatArray:
    """(Q,) cosine that a share of the J rivals do not surpass."""
    count = scores.shape[1]
    rank = math.ceil((count + 1) * quantile)
    if rank > count:
        raise StoreError(
            f"{count} other words cannot tell a quantile of {quantile:g}; take "
            f"{math.floor(100 * count / (count + 1)) / 100:g} or less."
        )
    limit: FloatArray = np.partition(scores, rank - 1, axis=1)[:, rank - 1]
    return limit
