"""A probe that classifies by words.

The vector of a class is the mean of its prompts' vectors. Which of the classes an image is: the
softmax over classes of the network's own score, logit_scale × cosine + logit_bias (A. Radford et
al., Learning transferable visual models from natural language supervision, 2021, Figure 3). For a
network of the sigmoid loss (X. Zhai et al., Sigmoid loss for language image pre-training, 2023) the
same softmax is the probability of a class given that exactly one of independent ones holds.

Which classes are in an image is another question, to which a softmax is no answer. A class is there
when its text lies nearer to the image than those of its rivals do, put into the same prompts (see
:mod:`~georetrieve.probes.zero_shot.rivals`): nearer than a share ``quantile`` of them. The rank is
that of split conformal prediction (V. Vovk et al., Algorithmic learning in a random world, 2005):
of words that fit an image no better than the rivals, at most a share 1 - quantile is said to be in
it. A network of the sigmoid loss also has a probability of its own for each class.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import expit, softmax

from georetrieve.errors import EncoderError, StoreError
from georetrieve.probes.zero_shot.classes import ClassTexts, Comparison, class_texts
from georetrieve.probes.zero_shot.rivals import rival_prompts
from georetrieve.protocols import ImageEncoder, ScoringTextEncoder
from georetrieve.search.texts import as_text_encoder, text_vectors
from georetrieve.types import FloatArray, IntArray
from georetrieve.vocabulary import Vocabulary, load_vocabulary

__all__ = ["PresenceRule", "ZeroShotProbe"]

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


class ZeroShotProbe:
    """Classifies vectors of images by texts.

    Args:
        texts: C classes.
        vectors: (C, D) of them.
        rivals: For each comparison of a class, the (J, D) vectors of its rivals, J ≥ 2.
        logit_scale: Of the network, > 0.
        logit_bias: Of the network; 0 where it has none.
    """

    def __init__(
        self,
        texts: ClassTexts,
        vectors: FloatArray,
        rivals: Mapping[Comparison, FloatArray],
        *,
        logit_scale: float,
        logit_bias: float = 0.0,
    ) -> None:
        self.texts = texts
        self._vectors = vectors
        self._rivals = list(rivals.values())
        order = {comparison: number for number, comparison in enumerate(rivals)}
        self._compared: IntArray = np.array([order[one] for one in texts.comparisons], np.int64)
        self._scale, self._bias = logit_scale, logit_bias

    @classmethod
    def of(
        cls,
        encoder: ImageEncoder,
        names: Sequence[str],
        vocabulary: Vocabulary | None = None,
        *,
        style: str = "auto",
    ) -> ZeroShotProbe:
        """Put classes into prompts and encode them.

        Args:
            encoder: Of images and texts.
            names: Any words; at least one.
            vocabulary: Knows synonyms, kinds and looks; the package's by default.
            style: See :func:`~georetrieve.vocabulary.prompts_for`.

        Raises:
            EncoderError: The encoder has no texts, or no score of its own.
            VocabularyError: There is no name, one is empty, or the style is unknown.
        """
        vocabulary = vocabulary or load_vocabulary()
        scoring = as_text_encoder(encoder)
        if not isinstance(scoring, ScoringTextEncoder):
            raise EncoderError(
                f"{scoring.spec.name} has no score of an image and a text; use an encoder of the "
                "CLIP or SigLIP kind, such as siglip2-vitb16."
            )
        texts = class_texts(names, vocabulary, style=style)
        prompts, remarks = rival_prompts(texts, vocabulary)
        return cls(
            replace(texts, remarks=(*texts.remarks, *remarks)),
            text_vectors(scoring, texts.prompts),
            {comparison: text_vectors(scoring, own) for comparison, own in prompts.items()},
            logit_scale=scoring.logit_scale,
            logit_bias=scoring.logit_bias,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Of the C classes."""
        return self.texts.names

    @property
    def has_probabilities(self) -> bool:
        """Whether the network has a probability of its own for each class, as SigLIP's have."""
        return self._bias != 0

    def cosines(self, vectors: FloatArray) -> FloatArray:
        """(Q, C) cosines of (Q, D) vectors of any length and the classes."""
        cosines: FloatArray = _unit(vectors) @ self._vectors.T
        return cosines

    def predict_proba(self, vectors: FloatArray) -> DoubleArray:
        """(Q, C) probability of each class if one of them holds; rows sum to 1."""
        logits = self._scale * self.cosines(vectors).astype(np.float64) + self._bias
        shares: DoubleArray = softmax(logits, axis=1)
        return shares

    def probabilities(self, vectors: FloatArray) -> DoubleArray:
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
        own: DoubleArray = expit(
            self._scale * self.cosines(vectors).astype(np.float64) + self._bias
        )
        return own

    def fits(self, vectors: FloatArray) -> FloatArray:
        """(Q, C) by how many standard deviations a class scores above its rivals."""
        images = _unit(vectors)
        rivals = [images @ words.T for words in self._rivals]
        mean = np.stack([scores.mean(axis=1) for scores in rivals], axis=1)
        spread = np.stack([scores.std(axis=1, ddof=1) for scores in rivals], axis=1)
        above = images @ self._vectors.T - mean[:, self._compared]
        fits: FloatArray = above / np.maximum(spread, LEAST_SPREAD)[:, self._compared]
        return fits

    def present(
        self, vectors: FloatArray, rule: PresenceRule | None = None
    ) -> npt.NDArray[np.bool_]:
        """(Q, C) whether each class is in each image.

        Raises:
            EncoderError: The rule asks for probabilities that the network does not have.
            StoreError: The quantile is higher than so many rivals can tell.
        """
        rule = rule or PresenceRule()
        if rule.by == "sigmoid":
            return self.probabilities(vectors) >= rule.probability
        cosines = self.cosines(vectors)
        if rule.by == "rivals":
            return cosines > self._limits(vectors, rule.quantile)[:, self._compared]
        there = np.zeros(cosines.shape, bool)
        best = np.argsort(-cosines, axis=1, kind="stable")[:, : rule.k]
        np.put_along_axis(there, best, values=True, axis=1)
        return there

    def _limits(self, vectors: FloatArray, quantile: float) -> FloatArray:
        """(Q, comparisons) cosine that a share of the rivals do not surpass."""
        images = _unit(vectors)
        limits = []
        for words in self._rivals:
            rank = math.ceil((len(words) + 1) * quantile)
            if rank > len(words):
                most = math.floor(100 * len(words) / (len(words) + 1)) / 100
                raise StoreError(
                    f"{len(words)} other words cannot tell a quantile of {quantile:g}; "
                    f"take {most:g} or less."
                )
            limits.append(np.partition(images @ words.T, rank - 1, axis=1)[:, rank - 1])
        stacked: FloatArray = np.stack(limits, axis=1)
        return stacked


def _unit(vectors: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: FloatArray = (vectors / np.maximum(lengths, 1e-30)).astype(np.float32)
    return unit
