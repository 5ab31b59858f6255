"""Classes named in words, without a labelled item."""

from georetrieve.probes.zero_shot.classes import ClassTexts, Comparison, class_texts, read_names
from georetrieve.probes.zero_shot.probe import ZeroShotProbe
from georetrieve.probes.zero_shot.result import NamedItems, Naming
from georetrieve.probes.zero_shot.run import all_items, name_items, naming_spec
from georetrieve.probes.zero_shot.scores import PresenceRule, WordScores

__all__ = [
    "ClassTexts",
    "Comparison",
    "NamedItems",
    "Naming",
    "PresenceRule",
    "WordScores",
    "ZeroShotProbe",
    "all_items",
    "class_texts",
    "name_items",
    "naming_spec",
    "read_names",
]
