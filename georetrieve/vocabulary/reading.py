"""Vocabulary files: TOML with a table of sources and one table an entry.

    [sources]
    ramdohr1980 = "P. Ramdohr, The Ore Minerals and Their Intergrowths, 2nd ed., Pergamon, 1980"

    [[entry]]
    name = "galena"
    kind = "ore mineral"
    group = "sulphide"
    synonyms = ["lead glance"]
    looks.reflected = "bright white with triangular cleavage pits"
    sources = ["ramdohr1980"]

A file of one's own is laid over those that come with the package: an entry of a name that is there
replaces the fields it gives and keeps the others, any other is added. It may cite their sources.
"""

from __future__ import annotations

import functools
import importlib.resources
import os
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from georetrieve.errors import VocabularyError, did_you_mean
from georetrieve.vocabulary.entry import KINDS, LIGHTS, Entry, name_key
from georetrieve.vocabulary.lookup import Vocabulary

__all__ = ["SHIPPED", "VARIABLE", "check_vocabulary", "load_vocabulary"]

VARIABLE = "GEORETRIEVE_VOCABULARY"
SHIPPED = ("ore_minerals.toml", "rock_forming_minerals.toml", "palynomorphs.toml")
FIELDS = {one.name for one in fields(Entry)}
LISTS = {"symbols", "synonyms", "varieties", "foreign", "sources"}
NEEDED = ("kind", "group", "sources")


@dataclass(slots=True)
class _Words:
    """Entries by the key of their name, sources by theirs, and what is wrong with either."""

    entries: dict[str, dict[str, Any]]
    sources: dict[str, str]
    problems: list[str]


def load_vocabulary(path: Path | None = None) -> Vocabulary:
    """Load the vocabulary that comes with the package, with one's own file laid over it.

    Args:
        path: A file as the module describes it; by default the one that the environment variable
            GEORETRIEVE_VOCABULARY names, if it does.

    Raises:
        VocabularyError: The file cannot be read, or something in it is wrong.
    """
    named = path or os.environ.get(VARIABLE)
    if not named:
        return _shipped_vocabulary()
    words = _with_file(Path(named))
    if words.problems:
        more = len(words.problems) - 1
        rest = f" (and {more} more: georetrieve words --check {named})" if more else ""
        raise VocabularyError(f"{named}: {words.problems[0]}{rest}")
    return _vocabulary(words)


def check_vocabulary(path: Path) -> list[str]:
    """Everything that is wrong with a file when it is laid over what comes with the package.

    Raises:
        VocabularyError: The file cannot be read.
    """
    return _with_file(path).problems


@functools.cache
def _shipped_vocabulary() -> Vocabulary:
    return _vocabulary(_shipped())


@functools.cache
def _shipped() -> _Words:
    folder = importlib.resources.files("georetrieve.vocabulary") / "data"
    words = _Words({}, {}, [])
    for name in SHIPPED:
        _lay_over(words, tomllib.loads((folder / name).read_text(encoding="utf-8")))
    words.problems += _contradictions(words)
    if words.problems:
        raise VocabularyError(f"The vocabulary of this installation is damaged: {words.problems}")
    return words


def _with_file(path: Path) -> _Words:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise VocabularyError(
            f"The vocabulary {path} cannot be read ({error}); check the path, and that it is UTF-8."
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise VocabularyError(f"The vocabulary {path} is not TOML ({error}); mend it.") from error
    shipped = _shipped()
    words = _Words(dict(shipped.entries), dict(shipped.sources), [])
    _lay_over(words, values)
    words.problems += [] if words.problems else _contradictions(words)
    return words


def _vocabulary(words: _Words) -> Vocabulary:
    return Vocabulary(map(_entry, words.entries.values()), words.sources)


def _entry(values: Mapping[str, Any]) -> Entry:
    facts: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
    }
    return Entry(**facts)


def _lay_over(words: _Words, values: Mapping[str, Any]) -> None:
    """Add a file's sources and entries; what is wrong with one becomes a problem."""
    known = {"sources", "entry"}
    words.problems += [
        f"unknown table {key!r}.{did_you_mean(key, known)}" for key in sorted(set(values) - known)
    ]
    sources, entries = values.get("sources", {}), values.get("entry", [])
    if not isinstance(sources, dict) or not isinstance(entries, list):
        words.problems.append("it must have a table [sources] and tables [[entry]].")
        return
    words.problems += _lay_sources(words.sources, sources)
    seen: set[str] = set()
    for number, entry in enumerate(entries, 1):
        wrong = list(_wrong_fields(entry))
        if wrong:
            name = entry.get("name", f"number {number}") if isinstance(entry, dict) else number
            words.problems += [f"entry {name}: {one}" for one in wrong]
            continue
        key = name_key(entry["name"])
        if key in seen:
            words.problems.append(f"entry {entry['name']} is there twice; join the two.")
        seen.add(key)
        words.entries[key] = words.entries.get(key, {}) | entry


def _lay_sources(known: dict[str, str], given: Mapping[str, Any]) -> Iterator[str]:
    for key, citation in given.items():
        if not isinstance(citation, str) or not citation.strip():
            yield f"source {key} has no text; cite the work in full."
        elif known.setdefault(key, citation) != citation:
            yield f"source {key} already stands for {known[key]!r}; take another key."


def _wrong_fields(entry: Any) -> Iterator[str]:  # noqa: ANN401 - whatever the file holds
    """What is wrong with an entry by itself."""
    if not isinstance(entry, dict):
        yield "it is no table; begin it with [[entry]]."
        return
    for key, value in entry.items():
        if key not in FIELDS:
            yield f"unknown key {key!r}.{did_you_mean(key, FIELDS)}"
        elif key == "looks":
            yield from _wrong_looks(value)
        elif key in LISTS:
            if not isinstance(value, list) or not all(_is_text(one) for one in value):
                yield f"{key} must be a list of texts."
        elif not _is_text(value):
            yield f"{key} must be a text, and not empty."
    if "name" not in entry:
        yield "it has no name; add one."
    if _is_text(entry.get("kind")) and entry["kind"] not in KINDS:
        yield f"unknown kind {entry['kind']!r}.{did_you_mean(entry['kind'], KINDS)}"


def _wrong_looks(looks: Any) -> Iterator[str]:  # noqa: ANN401 - whatever the file holds
    if not isinstance(looks, dict):
        yield f"looks must be a table of {', '.join(LIGHTS)}."
        return
    for light, look in looks.items():
        if light not in LIGHTS:
            yield f"unknown light {light!r} in looks.{did_you_mean(light, LIGHTS)}"
        elif not _is_text(look):
            yield f"looks.{light} must be a text, and not empty."


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _contradictions(words: _Words) -> list[str]:
    """What is wrong with entries that are each well formed: what they lack, and what they share."""
    problems = []
    for entry in words.entries.values():
        lacking = [key for key in NEEDED if not entry.get(key)]
        if lacking:
            problems.append(f"entry {entry['name']} has no {' and no '.join(lacking)}; add it.")
        unknown = sorted(set(entry.get("sources", ())) - set(words.sources))
        problems += [
            f"entry {entry['name']} cites {key!r}, which is not in [sources]."
            f"{did_you_mean(key, words.sources)}"
            for key in unknown
        ]
    terms = ((name_key(term), term, entry) for entry, term in _named(words.entries.values()))
    symbols = (
        (symbol, f"symbol {symbol}", entry)
        for entry in words.entries.values()
        for symbol in entry.get("symbols", ())
    )
    return problems + _shared(terms) + _shared(symbols)


def _named(entries: Iterable[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], str]]:
    for entry in entries:
        yield entry, entry["name"]
        for key in ("synonyms", "varieties", "foreign"):
            yield from ((entry, term) for term in entry.get(key, ()))


def _shared(terms: Iterable[tuple[str, str, dict[str, Any]]]) -> list[str]:
    """Names that stand for two entries, or twice for one."""
    owners: dict[str, list[tuple[str, str]]] = {}
    for key, term, entry in terms:
        owners.setdefault(key, []).append((term, entry["name"]))
    problems = []
    for named in owners.values():
        if len(named) > 1:
            times = Counter(name for _, name in named)
            who = " and ".join(name if n == 1 else f"{name}, twice" for name, n in times.items())
            problems.append(f"{named[0][0]!r} is a name of {who}; keep it in one place.")
    return problems
