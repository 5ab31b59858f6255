"""What the points of a map are coloured by: a class each, or a number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["OTHERS", "SHADES", "Colouring", "colouring_of"]

OTHERS = "other values"
SHADES = 64
CLASSES = 40


@dataclass(frozen=True, slots=True)
class Colouring:
    """Codes of N points.

    Attributes:
        codes: (N,) -1 where nothing is known. Of classes: the class's place in ``names``. Of
            numbers: 0..63 from the lowest to the highest.
        names: Of the classes, the most frequent first, the rest together as the last; none of
            numbers.
        counts: Items of each class.
        span: Lowest and highest number; None of classes.
    """

    codes: npt.NDArray[np.int16]
    names: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    span: tuple[float, float] | None = None

    @property
    def unknown(self) -> int:
        """Items of which nothing is known."""
        return int((self.codes < 0).sum())


def colouring_of(values: pa.ChunkedArray, *, classes: int = CLASSES) -> Colouring:
    """Codes of the values of a column.

    Numbers are shaded between the 2nd and the 98th percentile, so that one outlier does not make
    all others the same.

    Args:
        values: N values; text and booleans are classes, "" is nothing.
        classes: Most classes that are told apart.
    """
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        return _shaded(values.cast(pa.float64()).to_numpy())
    texts = values.cast(pa.string())
    texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    counted = pc.value_counts(texts.drop_null()).to_pylist()
    counted.sort(key=lambda one: (-one["counts"], one["values"]))
    kept, rest = counted[:classes], counted[classes:]
    names = [one["values"] for one in kept]
    counts = [one["counts"] for one in kept]
    found = pc.index_in(texts, pa.array(names, pa.string()))
    codes = np.asarray(found.fill_null(-1).to_numpy(), np.int16)
    if rest:
        codes[(codes < 0) & np.asarray(texts.is_valid().to_numpy(), bool)] = len(names)
        names.append(OTHERS)
        counts.append(sum(one["counts"] for one in rest))
    return Colouring(codes=codes, names=tuple(names), counts=tuple(counts))


def _shaded(numbers: npt.NDArray[np.float64]) -> Colouring:
    codes = np.full(len(numbers), -1, np.int16)
    known = np.isfinite(numbers)
    if not known.any():
        return Colouring(codes=codes)
    low, high = (float(one) for one in np.percentile(numbers[known], [2, 98]))
    share = (np.clip(numbers[known], low, high) - low) / ((high - low) or 1.0)
    codes[known] = np.minimum(share * SHADES, SHADES - 1).astype(np.int16)
    return Colouring(codes=codes, span=(low, high))
