"""Prompts: the sentences that words are put into before they are encoded.

CLIP learnt from captions, so that a word alone is not what it has seen; the mean over several
sentences finds more than any one of them (A. Radford et al., Learning transferable visual models
from natural language supervision, 2021, section 3.1.4). The sentences are data: ``prompts.toml``.
"""

from __future__ import annotations

import functools
import importlib.resources
import tomllib
import unicodedata
from typing import Any, Literal

from georetrieve.errors import VocabularyError, did_you_mean
from georetrieve.vocabulary.entry import Entry, name_key
from georetrieve.vocabulary.lookup import Vocabulary

__all__ = ["PROMPT_STYLES", "PromptStyle", "prompt_style", "prompts_for", "words_for"]

PromptStyle = Literal["auto", "general", "petrographic", "palynological", "raw"]
PROMPT_STYLES = ("auto", "general", "petrographic", "palynological", "raw")
MOST_WORDS = 6  # synonyms beyond this are rare names, which no encoder has seen


def prompts_for(text: str, vocabulary: Vocabulary, *, style: str = "auto") -> list[str]:
    """The sentences whose mean vector stands for a text.

    Args:
        text: A name, a symbol, or any phrase; see :func:`words_for`.
        vocabulary: Knows synonyms, kinds and looks.
        style: ``general``, ``petrographic`` (thin and polished sections) or ``palynological``
            templates; ``auto``: of the kind of the first entry that is named, general ones when
            there is none; ``raw``: the text exactly as it is, alone.

    Returns:
        Different sentences, at least one. A name by itself also brings sentences of how it looks,
        in the style of its kind.

    Raises:
        VocabularyError: The text is empty, or the style unknown.
    """
    chosen = prompt_style(text, vocabulary, style=style)
    if chosen == "raw":
        return [text]
    entry, named = vocabulary.find(text), _named(text, vocabulary)
    own = _style_of(named)
    table = _templates()[chosen]
    what = named.group if named and own == chosen and own == "palynological" else table["what"]
    prompts = [
        template.format(name=word, what=what)
        for word in words_for(text, vocabulary)
        for template in table["templates"]
    ]
    if entry and own == chosen:
        looks = _templates()["looks"]
        prompts += [
            looks[light].format(name=entry.name, what=what, look=look)
            for light, look in entry.looks.items()
        ]
    return list(dict.fromkeys(prompts))


def prompt_style(text: str, vocabulary: Vocabulary, *, style: str = "auto") -> str:
    """The templates a text is put into; what ``auto`` is for it.

    Raises:
        VocabularyError: The text is empty, or the style unknown.
    """
    if style not in PROMPT_STYLES:
        raise VocabularyError(f"Unknown prompts {style!r}.{did_you_mean(style, PROMPT_STYLES)}")
    if not text.strip():
        raise VocabularyError("The text is empty; say what is looked for, such as galena.")
    return _style_of(_named(text, vocabulary)) if style == "auto" else style


def words_for(text: str, vocabulary: Vocabulary) -> list[str]:
    """The words that are put into templates for a text: itself, and what it is also called.

    A name, also of another language, or a symbol becomes the entry's name and its English
    synonyms; a variety (amethyst) itself and the name (quartz). A phrase stays as it is, and is
    said once more with each synonym of the first entry that it names. Whatever is not in the
    vocabulary is taken at its word. At most six.
    """
    text = unicodedata.normalize("NFC", text).strip()
    entry = vocabulary.find(text)
    if entry is not None:
        varieties = {name_key(one): one for one in entry.varieties}
        variety = varieties.get(name_key(text))
        return [variety, entry.name] if variety else _names(entry)
    words = [text]
    for mention in vocabulary.mentions(text)[:1]:
        others = [] if mention.term in mention.entry.varieties else _names(mention.entry)
        words += [
            text[: mention.start] + other + text[mention.end :]
            for other in others
            if other != mention.term
        ]
    return words[:MOST_WORDS]


def _named(text: str, vocabulary: Vocabulary) -> Entry | None:
    """The entry a text is, or the first that it names."""
    return vocabulary.find(text) or next((one.entry for one in vocabulary.mentions(text)), None)


def _names(entry: Entry) -> list[str]:
    return [entry.name, *entry.synonyms][:MOST_WORDS]


def _style_of(entry: Entry | None) -> str:
    if entry is None:
        return "general"
    return "palynological" if entry.kind == "palynomorph" else "petrographic"


@functools.cache
def _templates() -> dict[str, Any]:
    data = importlib.resources.files("georetrieve.vocabulary") / "data" / "prompts.toml"
    return tomllib.loads(data.read_text(encoding="utf-8"))
