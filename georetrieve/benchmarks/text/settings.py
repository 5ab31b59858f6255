"""What a text task says."""

from __future__ import annotations

from dataclasses import dataclass

from georetrieve.probes.zero_shot import PresenceRule
from georetrieve.vocabulary.prompts import PROMPT_STYLES

__all__ = ["TextColumns", "TextProbe"]


@dataclass(frozen=True, slots=True)
class TextColumns:
    """Columns of the items; "" for none. What an index does not have is not measured.

    Attributes:
        label: What an item is: one name.
        several: What is in an item: names.
        separator: Between them.
        caption: A sentence that describes an item.
    """

    label: str = "label"
    several: str = "minerals"
    separator: str = ";"
    caption: str = "caption"


@dataclass(frozen=True, slots=True)
class TextProbe:
    """How words are put and judged.

    Attributes:
        prompts: See :func:`~georetrieve.vocabulary.prompts_for`.
        ks: The k of R@k, each ≥ 1.
        rule: When a name is said to be in an image; see :class:`PresenceRule`.
        quantile: Of the rule ``rivals``.
        probability: Of the rule ``sigmoid``.
        top: Names given by the rule ``top``.
        draws: Bootstrap samples, ≥ 1.
        seed: Of the draws.

    Raises:
        ValueError: A value is out of range.
    """

    prompts: str = "auto"
    ks: tuple[int, ...] = (1, 5, 10)
    rule: str = "rivals"
    quantile: float = 0.95
    probability: float = 0.5
    top: int = 3
    draws: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.prompts not in PROMPT_STYLES:
            raise ValueError(f"prompts {self.prompts!r} are none of {', '.join(PROMPT_STYLES)}")
        if not self.ks or min(self.ks) < 1 or self.draws < 1:
            raise ValueError("ks and draws start at 1")

    def presence(self) -> PresenceRule:
        """The rule.

        Raises:
            StoreError: It is none, or a value is out of range.
        """
        return PresenceRule(
            by=self.rule,  # type: ignore[arg-type]
            quantile=self.quantile,
            probability=self.probability,
            k=self.top,
        )
