"""What is known of one mineral or palynomorph, and how names are compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

__all__ = ["KINDS", "LIGHTS", "Entry", "Kind", "Light", "name_key"]

Kind = Literal["ore mineral", "rock-forming mineral", "palynomorph"]
KINDS = ("ore mineral", "rock-forming mineral", "palynomorph")
Light = Literal["reflected", "ppl", "xpl", "transmitted"]
LIGHTS = ("reflected", "ppl", "xpl", "transmitted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A mineral or a palynomorph.

    Attributes:
        name: As it is written today.
        kind: One of :data:`KINDS`.
        group: What it is one of, in words that can stand before its name: ``sulphide``,
            ``dinoflagellate cyst``.
        formula: Chemical formula, simplified where the mineral varies; "" for palynomorphs.
        symbols: Abbreviations (Warr 2021; Whitney & Evans 2010), told apart by their case.
        synonyms: Further English names of the same thing, also used in prompts.
        varieties: Names of what is one of it (amethyst is a quartz): found, but no synonyms.
        foreign: Names in other languages, of old, of common speech: found, but not used in prompts.
        looks: How it looks in ``reflected`` light, in plane (``ppl``) and between crossed (``xpl``)
            polarisers, or, a palynomorph, in ``transmitted`` light.
        age: Known range of a palynomorph; "" where it is not certain.
        sources: Keys of the works it is taken from.
    """

    name: str
    kind: Kind
    group: str
    formula: str = ""
    symbols: tuple[str, ...] = ()
    synonyms: tuple[str, ...] = ()
    varieties: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    looks: Mapping[Light, str] = field(default_factory=dict)
    age: str = ""
    sources: tuple[str, ...] = ()

    @property
    def terms(self) -> tuple[str, ...]:
        """Every name it is found by, its own first; symbols are not among them."""
        return (self.name, *self.synonyms, *self.varieties, *self.foreign)

    def row(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def name_key(text: str) -> str:
    """What of a name counts when names are compared: not its case, accents, hyphens or plural.

    >>> name_key("Åkermanites"), name_key("K-feldspars"), name_key("micas")
    ('akermanite', 'k feldspar', 'mica')
    """
    plain = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(one for one in plain if not unicodedata.combining(one))
    return " ".join(_singular(word) for word in re.findall(r"[^\W_]+", letters))


def _singular(word: str) -> str:
    """An English plural's singular; what only looks like a plural is cut in the same way always."""
    if len(word) <= 3:
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if re.search(r"(?:[zx]|[cs]h)es$", word):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word
