"""Which values of masks stand for which class, given by a table or found in the files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from georetrieve.errors import SourceError
from georetrieve.sources.masks.classes import VOID, ClassTable, MapClass, distinct_colours
from georetrieve.sources.masks.rule import MaskRule
from georetrieve.sources.masks.stored import StoredMask, colour_name
from georetrieve.types import IntArray

__all__ = ["Census", "Legend", "UnknownValueError", "count_values", "derive_classes"]

MOST_DERIVED = 100
SHOWN = 5


class UnknownValueError(SourceError):
    """Masks hold codes or colours that no class has."""


@dataclass(frozen=True, slots=True)
class Census:
    """How often each value comes in one mask file.

    Attributes:
        path: The file.
        colours: Whether values are colours.
        counts: Value → number of pixels.
        palette: Code → the colour it is drawn in, where the file says.
    """

    path: Path
    colours: bool
    counts: Counter[int]
    palette: Mapping[int, tuple[int, int, int]]

    def shown(self, value: int) -> str:
        """A value as messages call it."""
        return f"colour {colour_name(value)}" if self.colours else f"code {value}"


def count_values(path: Path, mask: StoredMask) -> Census:
    """Count the values of a mask, strip by strip."""
    counts: Counter[int] = Counter()
    for strip in mask.strips():
        values, times = np.unique(mask.read(strip), return_counts=True)
        counts.update(dict(zip(values.tolist(), times.tolist(), strict=True)))
    table = [] if mask.palette is None else mask.palette.tolist()
    palette = {code: (red, green, blue) for code, (red, green, blue) in enumerate(table)}
    return Census(path, mask.colours, counts, palette)


class Legend:
    """Turns the stored values of masks into numbers of classes.

    Args:
        classes: The table; its colours stand for classes in coloured masks, its codes in others.
        rule: Which values are void.
        colours: Whether values are colours.

    Raises:
        SourceError: Two classes have one colour, and masks tell them by colour.
    """

    def __init__(self, classes: ClassTable, rule: MaskRule, *, colours: bool) -> None:
        self.classes, self._unknown_is_void = classes, rule.unknown_is_void
        codes: Sequence[int] = classes.codes
        if colours:
            codes = [red << 16 | green << 8 | blue for red, green, blue in classes.colours]
            for number, code in enumerate(codes):
                first = codes.index(code)
                if first != number:
                    raise SourceError(
                        f"{classes.names[first]!r} and {classes.names[number]!r} have one colour, "
                        f"{colour_name(code)}; masks in colours need one of its own for each."
                    )
        known = {code: number for number, code in enumerate(codes)} | dict.fromkeys(rule.void, VOID)
        self.known = known
        self._values = np.array(sorted(known), np.int64)
        self._numbers = np.array([known[value] for value in sorted(known)], np.int64)

    def check(self, found: Census) -> int:
        """Return how many pixels of a mask have a class.

        Raises:
            UnknownValueError: Some of its values are in no class.
        """
        unknown = Counter({v: n for v, n in found.counts.items() if v not in self.known})
        if unknown and not self._unknown_is_void:
            listed = ", ".join(
                f"{found.shown(value)} ({count:,} pixels)"
                for value, count in unknown.most_common(SHOWN)
            )
            more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
            palette = (
                "; it has a palette: do its colours stand for the classes (--mask-values colours)?"
                if found.palette and not found.colours
                else ""
            )
            raise UnknownValueError(
                f"{found.path.name} holds {listed}{more}, which no class has; name them in the "
                f"table of classes, or say that they are void (--void, --unknown-void){palette}"
            )
        return sum(n for v, n in found.counts.items() if self.known.get(v, VOID) != VOID)

    def numbers(self, values: IntArray) -> IntArray:
        """Class numbers of stored values; void where a value is void or unknown."""
        places = np.minimum(np.searchsorted(self._values, values), len(self._values) - 1)
        found: IntArray = np.where(self._values[places] == values, self._numbers[places], VOID)
        return found


def derive_classes(found: Sequence[Census], rule: MaskRule) -> ClassTable:
    """Make a table of the values that masks hold, in their order.

    Codes become ``class 3``, in the colour of the palette if there is one; colours become
    ``#ff8800`` with codes 0, 1, 2 …

    Raises:
        SourceError: There is none, or so many that the files can hardly be masks.
    """
    values = sorted({value for one in found for value in one.counts} - set(rule.void))
    if not values:
        raise SourceError(
            "No pixel of any mask is labelled: all of them are void; label some, or name other "
            "void values (--void)."
        )
    if len(values) > MOST_DERIVED:
        many = max(found, key=lambda one: len(one.counts))
        raise SourceError(
            f"{many.path.name} holds {len(many.counts):,} different values, more than a map has "
            "classes: is it a photograph, or a mask saved as JPEG? If not, give a table of classes "
            "(--classes)."
        )
    if found[0].colours:
        names = [colour_name(value) for value in values]
        colours = [(value >> 16, value >> 8 & 255, value & 255) for value in values]
        return ClassTable(tuple(map(MapClass, names, range(len(values)), colours)))
    negative = [value for value in values if not 0 <= value <= 65_535]
    if negative:
        raise SourceError(
            f"{found[0].path.name} holds the code {negative[0]}; codes are 0 to 65535: name it "
            "void (--void), or save the mask with other codes."
        )
    palette = {code: rgb for one in found for code, rgb in one.palette.items()}
    drawn = [palette.get(value) for value in values]
    spare = distinct_colours(len(values))
    distinct = None not in drawn and len(set(drawn)) == len(drawn)
    return ClassTable(
        tuple(
            MapClass(f"class {value}", value, (own if distinct else None) or other)
            for value, own, other in zip(values, drawn, spare, strict=True)
        )
    )
