"""What items are called by words."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt

from georetrieve.probes.items import write_items
from georetrieve.types import FloatArray, IntArray

__all__ = ["ONE_COLUMNS", "SEVERAL_COLUMNS", "NamedItems", "Naming"]

ONE_COLUMNS = (
    "id",
    "name",
    "probability",
    "runner_up",
    "runner_up_probability",
    "cosine",
    "fit",
    "fits",
)
SEVERAL_COLUMNS = ("id", "names", "count", "best", "best_fit")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedItems:
    """Names of some items, end to end: a few of each, the best first.

    Attributes:
        ids: Q ids.
        counts: (Q,) how many names each item has.
        classes: (M,) positions in the names of a :class:`Naming`, M the sum of the counts.
        probabilities: (M,) of each; NaN where the network has none.
        cosines: (M,) with the item.
        fits: (M,) standard deviations above its rivals.
        surpass: (M,) whether it fits better than 95 per cent of those.
    """

    ids: list[str]
    counts: IntArray
    classes: IntArray
    probabilities: npt.NDArray[np.float64]
    cosines: FloatArray
    fits: FloatArray
    surpass: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """The names of all items that were asked for.

    Attributes:
        index: Folder of the index.
        queries: What was named, as it was asked for; "" for all items of the index.
        encoder: Whose vectors were compared.
        names: The C names to choose from.
        prompts: What was encoded for each.
        rule: When a name was given to an item, in words.
        several: Whether an item has all names that apply, or the best one and the runner-up.
        items: Those named.
        remarks: What a user should know, one line each.
        failed: (path, reason) of what could not be read.
    """

    index: str
    queries: str
    encoder: str
    names: tuple[str, ...]
    prompts: Sequence[Sequence[str]]
    rule: str
    several: bool
    items: NamedItems
    remarks: Sequence[str] = ()
    failed: Sequence[tuple[str, str]] = ()

    def __len__(self) -> int:
        return len(self.items)

    @property
    def columns(self) -> tuple[str, ...]:
        """Of a table and of CSV."""
        return SEVERAL_COLUMNS if self.several else ONE_COLUMNS

    def counts(self) -> dict[str, int]:
        """Items by name, the most frequent first."""
        items = self.items
        firsts = np.cumsum(items.counts) - items.counts
        given = items.classes if self.several else items.classes[firsts]
        return {self.names[one]: count for one, count in Counter(given.tolist()).most_common()}

    def rows(self) -> Iterator[dict[str, Any]]:
        """One item after the other as plain values, of the columns and ``words``.

        ``words`` lists ``name``, ``probability``, ``cosine``, ``fit`` and ``fits`` of each name.
        """
        ends = np.cumsum(self.items.counts)
        for one, end, count in zip(self.items.ids, ends, self.items.counts, strict=True):
            words = [self._word(place) for place in range(end - count, end)]
            yield {"id": one, **(_several(words) if self.several else _one(words)), "words": words}

    def write_json(self, stream: TextIO) -> None:
        """Write everything, an item a line, so that nothing of all items is held twice."""
        head = {
            "index": self.index,
            "queries": self.queries,
            "encoder": self.encoder,
            "rule": self.rule,
            "names": list(self.names),
            "prompts": dict(zip(self.names, map(list, self.prompts), strict=True)),
            "remarks": list(self.remarks),
            "failed": [{"path": path, "reason": reason} for path, reason in self.failed],
            "counts": self.counts(),
        }
        write_items(stream, head, self.rows())

    def write_csv(self, stream: TextIO) -> None:
        """Write the items, one a line, with a header."""
        writer = csv.DictWriter(stream, self.columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows())

    def _word(self, place: int) -> dict[str, Any]:
        items = self.items
        probability = float(items.probabilities[place])
        return {
            "name": self.names[items.classes[place]],
            "probability": None if np.isnan(probability) else probability,
            "cosine": float(items.cosines[place]),
            "fit": float(items.fits[place]),
            "fits": bool(items.surpass[place]),
        }


def _one(words: Sequence[dict[str, Any]]) -> dict[str, Any]:
    best = words[0]
    second = words[1] if len(words) > 1 else {"name": None, "probability": 0.0}
    return {
        **best,
        "runner_up": second["name"],
        "runner_up_probability": second["probability"],
    }


def _several(words: Sequence[dict[str, Any]]) -> dict[str, Any]:
    best = words[0] if words else {"name": None, "fit": None}
    return {
        "names": "; ".join(word["name"] for word in words),
        "count": len(words),
        "best": best["name"],
        "best_fit": best["fit"],
    }
