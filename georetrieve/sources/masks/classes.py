"""The classes of a map: what they are called, which value stands for them, how they are drawn."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from georetrieve.errors import SourceError

__all__ = ["VOID", "ClassTable", "MapClass", "class_name", "distinct_colours"]

VOID = -1
"""Class of a pixel of which nothing is known: it trains nothing and is not judged."""
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class MapClass:
    """One class of a map.

    Attributes:
        name: As people say it: ``quartz``.
        code: Value that stands for it in an index mask, 0..65535.
        colour: (red, green, blue), 0..255.
    """

    name: str
    code: int
    colour: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class ClassTable:
    """The C classes of a map; a class's place, 0..C-1, is its number everywhere in the program.

    Raises:
        SourceError: There is none, a name or code comes twice, or a code is out of range.
    """

    classes: tuple[MapClass, ...]

    def __post_init__(self) -> None:
        if not self.classes:
            raise SourceError("A map needs at least one class; none was named.")
        for what, values in (("name", self.names), ("code", self.codes)):
            twice = sorted({str(one) for one in values if list(values).count(one) > 1})
            if twice:
                raise SourceError(
                    f"The {what} {', '.join(twice)} comes twice among the classes; each needs one "
                    "of its own."
                )
        for one in self.classes:
            if not 0 <= one.code <= 65_535:
                raise SourceError(
                    f"Class {one.name!r} has the code {one.code}; codes are 0 to 65535."
                )

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def names(self) -> tuple[str, ...]:
        """C names."""
        return tuple(one.name for one in self.classes)

    @property
    def codes(self) -> tuple[int, ...]:
        """C values in an index mask."""
        return tuple(one.code for one in self.classes)

    @property
    def colours(self) -> tuple[tuple[int, int, int], ...]:
        """C colours."""
        return tuple(one.colour for one in self.classes)

    @classmethod
    def of_names(cls, names: Sequence[str], codes: Iterable[int] | None = None) -> ClassTable:
        """Classes by name, with colours that are easily told apart; codes 0, 1, 2 … by default."""
        chosen = range(len(names)) if codes is None else codes
        colours = distinct_colours(len(names))
        return cls(tuple(map(MapClass, names, chosen, colours)))

    def recoloured(self, colours: Mapping[str, tuple[int, int, int]]) -> ClassTable:
        """The same classes, those that are named in other colours."""
        return ClassTable(
            tuple(
                MapClass(one.name, one.code, colours.get(one.name, one.colour))
                for one in self.classes
            )
        )

    def to_json(self) -> list[dict[str, Any]]:
        """Plain values."""
        return [
            {"name": one.name, "code": one.code, "colour": list(one.colour)} for one in self.classes
        ]

    @classmethod
    def from_json(cls, values: Sequence[Mapping[str, Any]]) -> ClassTable:
        """Inverse of :meth:`to_json`.

        Raises:
            SourceError: It is no such table.
        """
        try:
            return cls(
                tuple(
                    MapClass(str(one["name"]), int(one["code"]), _colour(one["colour"]))
                    for one in values
                )
            )
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(
                f"A table of classes is damaged ({error}); each class has a name, a code and a "
                "colour of three numbers."
            ) from error


def distinct_colours(count: int) -> list[tuple[int, int, int]]:
    """Colours most people can tell apart: those of M. Okabe and K. Ito, then round the hues.

    Okabe and Ito, Color Universal Design (2008); yellow is left to the end, being the faintest.
    """
    palette = [
        (0, 114, 178),
        (230, 159, 0),
        (0, 158, 115),
        (204, 121, 167),
        (213, 94, 0),
        (86, 180, 233),
        (240, 228, 66),
        (110, 110, 110),
    ]
    golden = 0.618034  # neighbours in the table are far apart on the wheel
    for place in range(len(palette), count):
        shade = colorsys.hsv_to_rgb(place * golden % 1.0, 0.55 + 0.4 * (place % 2), 0.85)
        red, green, blue = (round(255 * part) for part in shade)
        palette.append((red, green, blue))
    return palette[:count]


def _colour(values: Sequence[Any]) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in values)
    if not all(0 <= part <= 255 for part in (red, green, blue)):
        raise ValueError(f"colour {list(values)} is not within 0 to 255")
    return red, green, blue


def class_name(name: str) -> str:
    """A name of a class that people typed, without stray spaces.

    Raises:
        SourceError: It is empty, cannot be read, or is too long for a legend.
    """
    clean = " ".join(name.split())
    if not clean or not clean.isprintable():
        raise SourceError("A class needs a name that can be read, say quartz.")
    if len(clean) > LONGEST_NAME:
        raise SourceError(
            f"The name {clean[:20]}… has {len(clean)} letters; at most {LONGEST_NAME} can be "
            "read in a legend."
        )
    return clean
