"""Words that a class is compared with to tell whether it is there.

That an image is one of a thin section makes any mineral fit it better than a bicycle does. So a
mineral is compared with the other minerals of the vocabulary, a genus with the other genera; only
words of another kind are compared with words that fit nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence

from georetrieve.probes.zero_shot.classes import ClassTexts, Comparison
from georetrieve.vocabulary import Entry, Vocabulary, prompts_for
from georetrieve.vocabulary.null_words import null_words

__all__ = ["LEAST_RIVALS", "rival_prompts"]

LEAST_RIVALS = 40  # fewer cannot tell what a share of 95 per cent of them score
KINDS = {
    "petrographic": ("ore mineral", "rock-forming mineral"),
    "palynological": ("palynomorph",),
}
NO_SYNONYMS = Vocabulary([], {})


def rival_prompts(
    texts: ClassTexts, vocabulary: Vocabulary
) -> tuple[dict[Comparison, list[list[str]]], list[str]]:
    """The prompts of all words that classes are compared with, and what a user should know.

    Left out are the classes themselves, and what one of them is or is one of: feldspar is no rival
    of orthoclase.
    """
    kin = _kin(texts.names, vocabulary)
    prompts: dict[Comparison, list[list[str]]] = {}
    remarks = []
    for comparison in dict.fromkeys(texts.comparisons):
        words = [
            entry.name
            for kind in KINDS.get(comparison.words, ())
            for entry in vocabulary.entries(kind)  # type: ignore[arg-type]
            if entry.name not in kin
        ]
        if comparison.words in KINDS and len(words) < LEAST_RIVALS:
            remarks.append(
                f"the vocabulary has only {len(words)} other names to compare with; whether a name "
                "fits is told by words that fit nothing, which is more lenient"
            )
            words = []
        style = comparison.style
        prompts[comparison] = [
            # Their names alone: synonyms would only make it slower.
            prompts_for(word, NO_SYNONYMS, style=style)
            for word in words or null_words()
        ]
    return prompts, remarks


def _kin(names: Sequence[str], vocabulary: Vocabulary) -> set[str]:
    """Names of the entries that classes name, are, or are one of, and of those that are of them."""
    above = {entry.name: _above(entry, vocabulary) for entry in vocabulary.entries()}
    own: set[str] = set()
    for name in names:
        entry = vocabulary.find(name)
        named = [entry] if entry else [one.entry for one in vocabulary.mentions(name)]
        own.update(one.name for one in named)
    below = {name for name, higher in above.items() if higher & own}
    return own.union(below, *(above[name] for name in own))


def _above(entry: Entry, vocabulary: Vocabulary) -> set[str]:
    """Names of the entries it is one of, by what its group and theirs name."""
    found: set[str] = set()
    ahead = [entry]
    while ahead:
        for mention in vocabulary.mentions(ahead.pop().group):
            if mention.entry.name not in found | {entry.name}:
                found.add(mention.entry.name)
                ahead.append(mention.entry)
    return found
