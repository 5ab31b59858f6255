"""Words of the field: names, synonyms and looks of minerals and palynomorphs, and prompts."""

from georetrieve.vocabulary.entry import Entry
from georetrieve.vocabulary.lookup import Mention, Vocabulary
from georetrieve.vocabulary.prompts import PromptStyle, prompt_style, prompts_for, words_for
from georetrieve.vocabulary.reading import check_vocabulary, load_vocabulary

__all__ = [
    "Entry",
    "Mention",
    "PromptStyle",
    "Vocabulary",
    "check_vocabulary",
    "load_vocabulary",
    "prompt_style",
    "prompts_for",
    "words_for",
]
