"""Entries found by their names."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from georetrieve.vocabulary.entry import Entry, Kind, name_key

__all__ = ["Mention", "Vocabulary"]

SUGGESTED = 3
NEAR = 0.72  # as difflib measures it: one letter wrong, missing or too many in names of six


@dataclass(frozen=True, slots=True)
class Mention:
    """An entry named within a text.

    Attributes:
        entry: Which.
        term: The name of it that was used, as the vocabulary spells it.
        start: Where it begins in the text, characters.
        end: Where it ends, exclusive.
    """

    entry: Entry
    term: str
    start: int
    end: int


class Vocabulary:
    """Minerals and palynomorphs, by any of their names.

    Args:
        entries: No two of them share a name or a symbol.
        sources: Key → full citation.
    """

    def __init__(self, entries: Iterable[Entry], sources: Mapping[str, str]) -> None:
        self._entries = tuple(sorted(entries, key=lambda entry: entry.name.casefold()))
        self.sources = dict(sources)
        self._terms = {
            name_key(term): (entry, term) for entry in self._entries for term in entry.terms
        }
        self._symbols = {symbol: entry for entry in self._entries for symbol in entry.symbols}
        self._longest = max((len(key.split()) for key in self._terms), default=0)

    def __len__(self) -> int:
        return len(self._entries)

    def entries(self, kind: Kind | None = None) -> tuple[Entry, ...]:
        """All entries by name, or those of a kind."""
        return tuple(entry for entry in self._entries if kind in (None, entry.kind))

    def find(self, text: str) -> Entry | None:
        """The entry of a name, a synonym, a variety or a symbol; None when there is none.

        Case, accents, hyphens and the plural do not matter; a symbol must be exact: ``Or`` is
        orthoclase, ``or`` is a word.
        """
        found = self._terms.get(name_key(text))
        return found[0] if found else self._symbols.get(text.strip())

    def suggest(self, text: str) -> list[str]:
        """Up to three names spelt much like a text, nearest first, one an entry."""
        near = difflib.get_close_matches(name_key(text), self._terms, n=2 * SUGGESTED, cutoff=NEAR)
        names: dict[str, str] = {}
        for key in near:
            entry, term = self._terms[key]
            names.setdefault(entry.name, term)
        return list(names.values())[:SUGGESTED]

    def mentions(self, text: str) -> list[Mention]:
        """Entries named within a text, the longest name where several begin; no symbols.

        ``text`` is read in Unicode's composed form, to which the positions refer.
        """
        words = list(re.finditer(r"[^\W_]+", unicodedata.normalize("NFC", text)))
        found: list[Mention] = []
        at = 0
        while at < len(words):
            mention = self._mention(words[at : at + self._longest])
            found += [mention] if mention else []
            at += 1
            while mention and at < len(words) and words[at].start() < mention.end:
                at += 1
        return found

    def _mention(self, words: list[re.Match[str]]) -> Mention | None:
        """The longest name that these words begin with."""
        for count in range(len(words), 0, -1):
            key = " ".join(name_key(word[0]) for word in words[:count])
            if key in self._terms:
                entry, term = self._terms[key]
                return Mention(entry, term, words[0].start(), words[count - 1].end())
        return None
