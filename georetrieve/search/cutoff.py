"""Where a text fits nothing: what words that fit nothing score, item by item.

The cosine of an image and a text is small and close to that of any other text, and some images are
near to all texts. So an item's score for a text is judged against its own scores for J words that
fit nothing (:func:`~georetrieve.vocabulary.null_words.null_words`), in the same prompts: the *fit*
is how many standard deviations it lies above their mean. The cutoff is a quantile of the best fit
that each of those words reaches anywhere in the index, judged against the other J - 1. Of words
that fit nothing, a share of at most 1 - quantile finds anything above it: the rank of the cutoff
among the J + 1 is that of split conformal prediction (Vovk, Gammerman & Shafer, Algorithmic
Learning in a Random World, 2005, chapter 2), for the largest score of a whole index at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from georetrieve.errors import StoreError
from georetrieve.stores.gallery import Gallery
from georetrieve.types import FloatArray
from georetrieve.vocabulary import Vocabulary, prompts_for
from georetrieve.vocabulary.null_words import null_words

__all__ = ["QUANTILE", "NullScores", "calibrate", "null_prompts"]

QUANTILE = 0.95
PROMPTS_A_WORD = 3  # encoding texts is what a calibration takes its time for
ROWS = 8192
LEAST_SPREAD = 1e-6  # below it an item's scores are equal to single precision


@dataclass(frozen=True, slots=True)
class NullScores:
    """What J texts that fit nothing score among the items of a column.

    Attributes:
        texts: (J, D) float32 of length 1, J ≥ 3.
        best: (J,) the best fit of each, over all items, against the other J - 1; sorted.
    """

    texts: FloatArray
    best: npt.NDArray[np.float64]

    def cutoff(self, quantile: float = QUANTILE) -> float:
        """The fit that a share of at most 1 - quantile of texts that fit nothing reaches.

        Raises:
            StoreError: The quantile is not between 0 and what J texts can tell, J / (J + 1).
        """
        count = len(self.best)
        most = math.floor(100 * count / (count + 1)) / 100
        if not 0 < quantile <= most:
            raise StoreError(f"The cutoff {quantile:g} is no quantile from 0.01 to {most:g}.")
        # Rounded, since 0.29 × 100 is a little more than 29.
        rank = math.ceil(round((count + 1) * quantile, 9))
        return float(self.best[rank - 1])

    def fits(self, vectors: FloatArray, texts: FloatArray) -> FloatArray:
        """(N, T) standard deviations by which T texts score above those that fit nothing.

        Args:
            vectors: (N, D) of items.
            texts: (T, D).
        """
        mean, spread = _moments(_cosines(vectors, self.texts))
        fits: FloatArray = (_cosines(vectors, texts) - mean[:, None]) / spread[:, None]
        return fits


def calibrate(gallery: Gallery, texts: FloatArray) -> NullScores:
    """Let texts that fit nothing find their best item; memory does not grow with the N items.

    Args:
        gallery: N vectors.
        texts: (J, D) float32 of length 1, J ≥ 3.
    """
    count = len(texts)
    best = np.full(count, -np.inf)
    for block in gallery.blocks(ROWS, None):
        scores = _cosines(block.vectors, texts)
        mean, spread = _moments(scores)
        scores -= mean[:, None]
        scores /= spread[:, None]
        np.maximum(best, scores.max(axis=0), out=best)
    # A fit against all J, its own among them, is at most (J - 1) / √J and rises with that against
    # the others, so the best against all is the best against the others too.
    room = (count - 1) - best**2 * count / (count - 1)
    against_others = best * count / (count - 1) / np.sqrt(np.maximum(room, 1e-12) / (count - 2))
    return NullScores(texts, np.sort(against_others))


def null_prompts(vocabulary: Vocabulary, style: str) -> list[list[str]]:
    """Sentences with words that fit nothing, such as texts that are looked for are put into.

    Args:
        vocabulary: As for the texts that are looked for.
        style: See :func:`~georetrieve.vocabulary.prompts_for`; of its sentences every word gets
            three, other ones than the word before it.

    Returns:
        For each of J words, one sentence at least.
    """
    ensembles = []
    for number, one in enumerate(null_words()):
        prompts = prompts_for(one, vocabulary, style=style)
        chosen = range(number, number + min(PROMPTS_A_WORD, len(prompts)))
        ensembles.append([prompts[place % len(prompts)] for place in chosen])
    return ensembles


def _cosines(vectors: FloatArray, texts: FloatArray) -> FloatArray:
    """(N, T) cosines of items and texts of length 1."""
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
    cosines: FloatArray = (vectors @ texts.T) / lengths[:, None]
    return cosines


def _moments(scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(N,) mean and standard deviation of each item's scores."""
    mean = scores.mean(axis=1)
    spread = np.maximum(scores.std(axis=1, ddof=1), LEAST_SPREAD)
    return mean, spread
