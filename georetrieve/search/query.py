"""What is looked for: images, regions, items, words and vectors, added and subtracted."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from georetrieve.errors import StoreError
from georetrieve.types import EncoderSpec, FloatArray, Region

__all__ = [
    "WORDS",
    "Query",
    "QueryImage",
    "QueryItem",
    "QueryPart",
    "QueryText",
    "QueryVector",
    "parse_words",
]

WORDS = "text:"
"""What sets words apart from files and ids where both may stand."""
NUMBER = r"\d+\.?\d*|\.\d+"


@dataclass(frozen=True, slots=True)
class QueryImage:
    """An image file, or a region of one.

    Attributes:
        path: The file: an image, a slide, a volume.
        region: In level-0 pixels; None for the whole.
        weight: Positive for more of it, negative for less.
        name: What answers call the file, where that is not its path: of what a browser sent.
    """

    path: Path
    region: Region | None = None
    weight: float = 1.0
    name: str = ""

    def __str__(self) -> str:
        name = self.name or str(self.path)
        return name if self.region is None else f"{name}#{self.region}"


@dataclass(frozen=True, slots=True)
class QueryItem:
    """An item of the index, by its id, with its weight."""

    id: str
    weight: float = 1.0

    def __str__(self) -> str:
        return self.id


@dataclass(frozen=True, slots=True, eq=False)
class QueryVector:
    """A (D,) vector, with its weight.

    Attributes:
        vector: Finite and non-zero.
        weight: Positive for more of it, negative for less.
        spec: The encoder it comes from, if that is to be checked.
    """

    vector: FloatArray
    weight: float = 1.0
    spec: EncoderSpec | None = None

    def __str__(self) -> str:
        return f"vector of width {len(self.vector)}"


@dataclass(frozen=True, slots=True)
class QueryText:
    """Words, for an encoder of images and texts.

    Attributes:
        text: A name or a phrase, of one line.
        weight: Positive for more of it, negative for less.
        style: What sentences it is put into; see :func:`georetrieve.vocabulary.prompts_for`.

    Raises:
        StoreError: The text is empty.
    """

    text: str
    weight: float = 1.0
    style: str = "auto"

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise StoreError("The text to look for is empty; give words, such as galena.")

    def __str__(self) -> str:
        return WORDS + self.text


QueryPart: TypeAlias = QueryImage | QueryItem | QueryText | QueryVector


@dataclass(frozen=True, slots=True)
class Query:
    """A weighted sum of parts.

    Raises:
        StoreError: There is no part, or a weight is zero or not finite.
    """

    parts: tuple[QueryPart, ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise StoreError(
                "The query is empty: name an image file or the id of an item, or give words with "
                "--text."
            )
        for part in self.parts:
            if not np.isfinite(part.weight) or part.weight == 0:
                raise StoreError(
                    f"The weight of {part} is {part.weight}; it must be a number not 0."
                )

    def __str__(self) -> str:
        if len(self.parts) == 1 and self.parts[0].weight == 1:
            return str(self.parts[0])
        terms = []
        for part in self.parts:
            size = abs(part.weight)
            terms.append(f"{'-+'[part.weight > 0]} {'' if size == 1 else f'{size:g}*'}{part}")
        return " ".join(terms)

    @classmethod
    def image(cls, path: Path, region: Region | None = None) -> Query:
        """A single image, or a region of it."""
        return cls((QueryImage(path, region),))

    @classmethod
    def item(cls, item_id: str) -> Query:
        """A single item."""
        return cls((QueryItem(item_id),))

    @classmethod
    def text(cls, text: str, *, style: str = "auto") -> Query:
        """A single text, as it stands; :func:`parse_words` reads one with signs."""
        return cls((QueryText(text, style=style),))

    @property
    def has_words(self) -> bool:
        """Whether a part is a text."""
        return any(isinstance(part, QueryText) for part in self.parts)

    @classmethod
    def vector(cls, vector: FloatArray, spec: EncoderSpec | None = None) -> Query:
        """A single (D,) vector."""
        return cls((QueryVector(vector, spec=spec),))

    @classmethod
    def parse(
        cls,
        words: Sequence[str],
        *,
        is_item: Callable[[str], bool],
        similar: Callable[[str], str] = lambda _: "",
        texts: Sequence[str] = (),
        style: str = "auto",
    ) -> Query:
        """Read what a user typed: ``a.jpg``, ``+ a.jpg - b.jpg``, ``2*a.jpg - .5*b.tif#0,0,9,9``.

        A word is the id of an item, a file, a file with a region, or a text after ``text:``; signs
        and ``NUMBER*`` stand before it, with or without a space. What begins with ``text:`` is
        never taken for a file or an id.

        Args:
            words: As on the command line.
            is_item: Whether the index has an item of this id.
            similar: A sentence that suggests ids like one that is neither, put into the error.
            texts: Texts besides, each as :func:`parse_words` reads it; they stand first.
            style: Of the sentences that texts are put into.

        Raises:
            StoreError: A word is none of these, or a sign has nothing after it.
        """
        parts: list[QueryPart] = [part for text in texts for part in parse_words(text, style=style)]
        sign: str | None = None
        for word in words:
            if word in ("+", "-"):
                if sign is not None:
                    raise StoreError(f"Two signs in a row in the query {' '.join(words)!r}.")
                sign = word
                continue
            part = _parse(word, -1.0 if sign == "-" else 1.0, is_item, style)
            if part is None:
                raise StoreError(
                    f"{word!r} is neither a file nor the id of an item of this index."
                    f"{similar(word)} Regions are written FILE#x,y,width,height, words "
                    f"{WORDS}{word}."
                )
            parts.append(part)
            sign = None
        if sign is not None:
            raise StoreError(
                f"The query {' '.join(words)!r} ends with a sign; name what follows it."
            )
        return cls(tuple(parts))


def parse_words(text: str, *, style: str = "auto") -> tuple[QueryText, ...]:
    """Read words with signs: ``galena``, ``galena - quartz``, ``2*pyrite -chalcopyrite``.

    A ``+`` or ``-`` is a sign where it begins the text or has a space before it, so that
    ``K-feldspar`` and ``plane-polarised`` are words; ``NUMBER*`` after it weighs. Where a sign is
    part of the words, :class:`QueryText` takes them as they are.

    Raises:
        StoreError: The text is empty, or a sign has no words after it.
    """
    pieces = re.split(r"(?:^|(?<=\s))([+-])", text.strip())
    signs = ["+", *pieces[1::2]]
    terms = [piece.strip() for piece in pieces[::2]]
    if not terms[0] and len(terms) > 1:  # a sign begins the text
        del signs[0], terms[0]
    parts = []
    for sign, term in zip(signs, terms, strict=True):
        weight, words = _weighed(term)
        if not words:
            raise StoreError(
                f"The text {text!r} has no words after {sign!r}; write it like 'galena - quartz'."
                if text.strip()
                else "The text to look for is empty; give words, such as --text galena."
            )
        parts.append(QueryText(words, -weight if sign == "-" else weight, style))
    return tuple(parts)


def _weighed(term: str) -> tuple[float, str]:
    """(2, "galena") of "2*galena"."""
    match = re.match(rf"({NUMBER})\*", term)
    return (float(match[1]), term[match.end() :].strip()) if match else (1.0, term)


def _parse(word: str, sign: float, is_item: Callable[[str], bool], style: str) -> QueryPart | None:
    part = _named(word, sign, is_item, style)
    match = re.fullmatch(rf"([+-]?)(?:({NUMBER})\*)?(.+)", word, re.DOTALL)
    if part is None and match:
        own_sign = -1.0 if match[1] == "-" else 1.0
        weight = sign * own_sign * float(match[2] or 1)
        part = _named(match[3], weight, is_item, style)
    return part


def _named(
    word: str, weight: float, is_item: Callable[[str], bool], style: str
) -> QueryPart | None:
    if word.startswith(WORDS):
        return QueryText(word.removeprefix(WORDS).strip(), weight, style)
    if Path(word).is_file():
        return QueryImage(Path(word), None, weight)
    if is_item(word):
        return QueryItem(word, weight)
    name, _, region = word.rpartition("#")
    if name and Path(name).is_file():
        return QueryImage(Path(name), Region.parse(region), weight)
    return None
