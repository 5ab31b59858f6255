"""Words as vectors: what a text encoder makes of the prompts of a text, and who has one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from georetrieve.errors import EncoderError
from georetrieve.protocols import ImageEncoder, TextEncoder
from georetrieve.types import FloatArray

__all__ = ["as_text_encoder", "text_vector", "text_vectors"]

PROMPTS_AT_ONCE = 4096


def as_text_encoder(encoder: ImageEncoder) -> TextEncoder:
    """The same encoder, which takes texts.

    Raises:
        EncoderError: It takes images only; the message names one that takes both.
    """
    if isinstance(encoder, TextEncoder):
        return encoder
    raise EncoderError(
        f"{encoder.spec.name} has no texts; use an encoder that has, such as siglip2-vitb16 "
        "(georetrieve encoders pull siglip2-vitb16)."
    )


def text_vector(encoder: TextEncoder, prompts: Sequence[str]) -> FloatArray:
    """The vector of a text that is put in several ways.

    The mean of the prompts' vectors of length 1, brought to length 1 itself: the prompt ensembling
    of CLIP (Radford et al., Learning Transferable Visual Models From Natural Language Supervision,
    2021, section 3.1.4).

    Args:
        encoder: Of images and texts.
        prompts: The ways, one at least, none empty.

    Returns:
        (D,) float32 of length 1.

    Raises:
        EncoderError: There is no prompt, one is empty, or the encoder gives no direction for them.
    """
    vector: FloatArray = text_vectors(encoder, [prompts])[0]
    return vector


def text_vectors(encoder: TextEncoder, ensembles: Sequence[Sequence[str]]) -> FloatArray:
    """The vectors of C texts, each put in several ways; see :func:`text_vector`.

    However many texts there are, a few thousand prompts are encoded at once.

    Returns:
        (C, D) float32 of length 1.

    Raises:
        EncoderError: As :func:`text_vector`.
    """
    vectors = np.empty((len(ensembles), encoder.spec.dim), np.float32)
    for prompts in ensembles:
        if not prompts or not all(prompt.strip() for prompt in prompts):
            raise EncoderError("A text is empty; give words to look for.")
    for texts in _batches(ensembles):
        exact = encoder.encode_texts([p for n in texts for p in ensembles[n]]).astype(np.float64)
        exact /= np.maximum(np.linalg.norm(exact, axis=1, keepdims=True), 1e-30)
        ends = np.cumsum([len(ensembles[number]) for number in texts])
        for number, own in zip(texts, np.split(exact, ends[:-1]), strict=True):
            mean = own.mean(axis=0)
            length = float(np.linalg.norm(mean))
            if not np.isfinite(length) or length <= 1e-6:
                raise EncoderError(
                    f"{encoder.spec.name} gives no direction for {ensembles[number][0]!r}; "
                    "use other words."
                )
            vectors[number] = mean / length
    return vectors


def _batches(ensembles: Sequence[Sequence[str]]) -> Iterator[list[int]]:
    """Numbers of texts whose prompts are few enough to be encoded at once; one text at least."""
    texts: list[int] = []
    prompts = 0
    for number, own in enumerate(ensembles):
        if texts and prompts + len(own) > PROMPTS_AT_ONCE:
            yield texts
            texts, prompts = [], 0
        texts.append(number)
        prompts += len(own)
    if texts:
        yield texts
