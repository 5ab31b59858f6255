"""Names of classes, and the prompts that stand for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from georetrieve.errors import VocabularyError
from georetrieve.vocabulary import Vocabulary, prompt_style, prompts_for
from georetrieve.vocabulary.entry import name_key

__all__ = ["ClassTexts", "Comparison", "class_texts", "read_names"]

SUGGESTED_FOR = 20  # unknown names; looking for the nearest of thousands would take minutes


class Comparison(NamedTuple):
    """What a class is compared with to tell whether it is there.

    Attributes:
        words: ``petrographic``: other minerals; ``palynological``: other palynomorphs; ``general``:
            words that fit nothing here.
        style: Of the prompts that they and the class are put into.
    """

    words: str
    style: str


@dataclass(frozen=True, slots=True)
class ClassTexts:
    """C classes in words.

    Attributes:
        names: As the user wrote them, each once.
        prompts: What is encoded for each.
        comparisons: For each.
        remarks: What a user should know, one line each.
    """

    names: tuple[str, ...]
    prompts: tuple[tuple[str, ...], ...]
    comparisons: tuple[Comparison, ...]
    remarks: tuple[str, ...] = ()


def read_names(words: str) -> list[str]:
    """Names of classes: separated by commas, or the lines of a text file.

    Empty lines, and what follows a ``#``, do not count.

    Raises:
        VocabularyError: It is a file that cannot be read.
    """
    path = Path(words).expanduser()
    if "," in words or not path.is_file():
        return [name.strip() for name in words.split(",") if name.strip()]
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise VocabularyError(
            f"The words {path} cannot be read ({error}); give a text file in UTF-8, a name a line."
        ) from error
    return [name for line in lines if (name := line.partition("#")[0].strip())]


def class_texts(names: Sequence[str], vocabulary: Vocabulary, *, style: str = "auto") -> ClassTexts:
    """The prompts of classes; a second name of what is there already is left out and said.

    Any words will do. One that is nearly a name of the vocabulary is remarked upon.

    Args:
        names: At least one.
        vocabulary: Knows synonyms, kinds and looks.
        style: See :func:`~georetrieve.vocabulary.prompts_for`.

    Raises:
        VocabularyError: There is no name, one is empty, or the style is unknown.
    """
    if not names:
        raise VocabularyError("There is no class to choose from; name one or more: quartz,feldspar")
    kept: dict[str, str] = {}
    remarks: list[str] = []
    unknown: list[str] = []
    for name in names:
        entry = vocabulary.find(name)
        varieties = {name_key(one) for one in entry.varieties} if entry else set()
        key = entry.name if entry and name_key(name) not in varieties else name_key(name) or name
        if key in kept:
            remarks.append(f"{name!r} is the same as {kept[key]!r} and left out")
            continue
        kept[key] = name
        if entry is None and not vocabulary.mentions(name):
            unknown.append(name)
    own = tuple(kept.values())
    return ClassTexts(
        names=own,
        prompts=tuple(tuple(prompts_for(name, vocabulary, style=style)) for name in own),
        comparisons=tuple(_comparison(name, vocabulary, style) for name in own),
        remarks=(*remarks, *_suggestions(unknown, vocabulary)),
    )


def _comparison(name: str, vocabulary: Vocabulary, style: str) -> Comparison:
    words = prompt_style(name, vocabulary)
    chosen = prompt_style(name, vocabulary, style=style)
    if words == "general" and chosen != "raw":
        words = chosen  # a rock in petrographic prompts is compared with minerals
    return Comparison(words, chosen)


def _suggestions(unknown: Sequence[str], vocabulary: Vocabulary) -> list[str]:
    near = [(name, vocabulary.suggest(name)) for name in unknown[:SUGGESTED_FOR]]
    return [
        f"{name!r} is not in the vocabulary and taken at its word; did you mean "
        f"{' or '.join(map(repr, names))}?"
        for name, names in near
        if names
    ]
