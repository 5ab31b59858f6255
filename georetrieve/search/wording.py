"""What is made of the words of a query before they are encoded."""

from __future__ import annotations

from dataclasses import dataclass

from georetrieve.search.query import QueryText
from georetrieve.vocabulary import Vocabulary, prompt_style, prompts_for, words_for

__all__ = ["Wording", "suggestion", "word"]


@dataclass(frozen=True, slots=True)
class Wording:
    """A text of a query, as it is put to an encoder.

    Attributes:
        text: As it was given.
        weight: Of the part.
        style: Of the sentences: ``general``, ``petrographic``, ``palynological`` or ``raw``.
        entry: Name of the vocabulary's entry that the text is a name of, or that it mentions;
            None: it is taken at its word.
        words: What is put into the sentences: the text, and what it is also called.
        prompts: The sentences, whose mean vector stands for the text.
    """

    text: str
    weight: float
    style: str
    entry: str | None
    words: tuple[str, ...]
    prompts: tuple[str, ...]


def word(part: QueryText, vocabulary: Vocabulary) -> Wording:
    """Put a text into sentences.

    Raises:
        VocabularyError: The style is unknown.
    """
    style = prompt_style(part.text, vocabulary, style=part.style)
    found = vocabulary.find(part.text)
    mentioned = [mention.entry for mention in vocabulary.mentions(part.text)[:1]]
    entry = found or next(iter(mentioned), None)
    return Wording(
        text=part.text,
        weight=part.weight,
        style=style,
        entry=None if entry is None else entry.name,
        words=(part.text,) if style == "raw" else tuple(words_for(part.text, vocabulary)),
        prompts=tuple(prompts_for(part.text, vocabulary, style=part.style)),
    )


def suggestion(wording: Wording, vocabulary: Vocabulary) -> str | None:
    """A line for a text that is nearly a name of the vocabulary but none; None otherwise."""
    if wording.entry is not None or wording.style == "raw":
        return None
    near = vocabulary.suggest(wording.text)
    if not near:
        return None
    names = " or ".join(map(repr, near))
    return f"{wording.text!r} is not in the vocabulary and taken at its word; did you mean {names}?"
