"""What is looked for: images, regions, items and vectors, added and subtracted."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from georetrieve.errors import StoreError
from georetrieve.types import EncoderSpec, FloatArray, Metric, Region

__all__ = ["Query", "QueryImage", "QueryItem", "QueryPart", "QueryVector", "combine"]


@dataclass(frozen=True, slots=True)
class QueryImage:
    """An image file, or a region of one.

    Attributes:
        path: The file: an image, a slide, a volume.
        region: In level-0 pixels; None for the whole.
        weight: Positive for more of it, negative for less.
    """

    path: Path
    region: Region | None = None
    weight: float = 1.0

    def __str__(self) -> str:
        return str(self.path) if self.region is None else f"{self.path}#{self.region}"


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


QueryPart: TypeAlias = QueryImage | QueryItem | QueryVector


@dataclass(frozen=True, slots=True)
class Query:
    """A weighted sum of parts.

    Raises:
        StoreError: There is no part, or a weight is zero or not finite.
    """

    parts: tuple[QueryPart, ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise StoreError("The query is empty: name an image file or the id of an item.")
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
    ) -> Query:
        """Read what a user typed: ``a.jpg``, ``+ a.jpg - b.jpg``, ``2*a.jpg - .5*b.tif#0,0,9,9``.

        A word is the id of an item, a file, or a file with a region; signs and ``NUMBER*`` stand
        before it, with or without a space.

        Args:
            words: As on the command line.
            is_item: Whether the index has an item of this id.
            similar: A sentence that suggests ids like one that is neither, put into the error.

        Raises:
            StoreError: A word is none of these, or a sign has nothing after it.
        """
        parts: list[QueryPart] = []
        sign: str | None = None
        for word in words:
            if word in ("+", "-"):
                if sign is not None:
                    raise StoreError(f"Two signs in a row in the query {' '.join(words)!r}.")
                sign = word
                continue
            part = _parse(word, -1.0 if sign == "-" else 1.0, is_item)
            if part is None:
                raise StoreError(
                    f"{word!r} is neither a file nor the id of an item of this index."
                    f"{similar(word)} Regions are written FILE#x,y,width,height."
                )
            parts.append(part)
            sign = None
        if sign is not None:
            raise StoreError(
                f"The query {' '.join(words)!r} ends with a sign; name what follows it."
            )
        return cls(tuple(parts))


def _parse(word: str, sign: float, is_item: Callable[[str], bool]) -> QueryPart | None:
    part = _named(word, sign, is_item)
    match = re.fullmatch(r"([+-]?)(?:(\d+\.?\d*|\.\d+)\*)?(.+)", word)
    if part is None and match:
        own_sign = -1.0 if match[1] == "-" else 1.0
        part = _named(match[3], sign * own_sign * float(match[2] or 1), is_item)
    return part


def _named(word: str, weight: float, is_item: Callable[[str], bool]) -> QueryPart | None:
    if Path(word).is_file():
        return QueryImage(Path(word), None, weight)
    if is_item(word):
        return QueryItem(word, weight)
    name, _, region = word.rpartition("#")
    if name and Path(name).is_file():
        return QueryImage(Path(name), Region.parse(region), weight)
    return None


def combine(vectors: FloatArray, weights: Sequence[float], metric: Metric) -> FloatArray:
    """The vector of a query of several parts.

    Directions are added, so that no part counts more for being longer: the sum of the weighted
    unit vectors (after J. J. Rocchio, Relevance feedback in information retrieval, 1971, which adds
    what is relevant and subtracts what is not). For cosine the direction is all there is. For the
    Euclidean distance the sum is given the weighted mean length of the parts, so that it lies where
    vectors of this encoder lie. One part alone is left exactly as it is.

    Args:
        vectors: (P, D), one per part.
        weights: P numbers.
        metric: Of the encoder.

    Returns:
        (D,).

    Raises:
        StoreError: The parts cancel out.
    """
    if len(vectors) == 1 and weights[0] > 0:
        alone: FloatArray = vectors[0]
        return alone
    exact = vectors.astype(np.float64)
    lengths = np.linalg.norm(exact, axis=1)
    share = np.asarray(weights, np.float64)
    total = (share / lengths) @ exact
    length = float(np.linalg.norm(total))
    if length <= 1e-6 * np.abs(share).sum():
        raise StoreError("The parts of the query cancel out: nothing is left to look for.")
    if metric == "euclidean":
        total *= (np.abs(share) @ lengths) / np.abs(share).sum() / length
    combined: FloatArray = total.astype(np.float32)
    return combined
