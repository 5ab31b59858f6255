"""A probe that classifies by words; the vector of a class is the mean of its prompts' vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from georetrieve.errors import EncoderError
from georetrieve.probes.zero_shot.classes import ClassTexts, Comparison, class_texts
from georetrieve.probes.zero_shot.rivals import rival_prompts
from georetrieve.probes.zero_shot.scores import PresenceRule, WordScores
from georetrieve.protocols import ImageEncoder, ScoringTextEncoder
from georetrieve.search.texts import as_text_encoder, text_vectors
from georetrieve.types import FloatArray, IntArray
from georetrieve.vocabulary import Vocabulary, load_vocabulary

__all__ = ["ZeroShotProbe"]


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

    def score(self, vectors: FloatArray) -> WordScores:
        """What (Q, D) vectors of any length score by the classes and their rivals."""
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        images = (vectors / np.maximum(lengths, 1e-30)).astype(np.float32)
        return WordScores(
            cosines=images @ self._vectors.T,
            rivals=tuple(images @ words.T for words in self._rivals),
            compared=self._compared,
            logit_scale=self._scale,
            logit_bias=self._bias,
        )

    def predict_proba(self, vectors: FloatArray) -> npt.NDArray[np.float64]:
        """(Q, C) probability of each class if one of them holds; rows sum to 1."""
        return self.score(vectors).shares()

    def present(
        self, vectors: FloatArray, rule: PresenceRule | None = None
    ) -> npt.NDArray[np.bool_]:
        """(Q, C) whether each class is in each image; see :meth:`WordScores.present`."""
        return self.score(vectors).present(rule or PresenceRule())
