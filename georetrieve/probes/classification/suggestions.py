"""What items without a label may be, and which of them a person should look at first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from georetrieve.errors import StoreError
from georetrieve.probes.classification.choose_k import CANDIDATES
from georetrieve.probes.classification.queries import UNLABELLED, open_queries
from georetrieve.probes.classification.result import Classification
from georetrieve.probes.classification.run import ClassifyOptions, classify
from georetrieve.probes.classification.spread import spread_out
from georetrieve.protocols import Progress
from georetrieve.search import Index
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.schema import sql_in
from georetrieve.types import IntArray

__all__ = ["SUGGESTING", "Suggestion", "Suggestions", "suggest"]

SPREAD = 1000  # items at the head of a queue that are spread out; the others follow

# Of fewer than five voters nearly all agree, and then nothing is in doubt.
SUGGESTING = ClassifyOptions(candidates=tuple(k for k in CANDIDATES if k >= 5), voters=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """What an item may be.

    Attributes:
        id: Of the item.
        label: The class with most of the votes.
        probability: Its share of them, 0..1.
        runner_up: The class with most of the others; None where all agree.
        runner_up_probability: Its share.
        far: The item is far from anything labelled, so the votes mean little; see
            :mod:`georetrieve.probes.classification.far`.
    """

    id: str
    label: str
    probability: float
    runner_up: str | None
    runner_up_probability: float
    far: bool


class Suggestions:
    """The votes of labelled items on others, and queues made of them.

    Args:
        store: The index the items are in.
        classification: Of items of this index.
    """

    def __init__(self, store: IndexStore, classification: Classification) -> None:
        self._store, self.classification = store, classification

    def __len__(self) -> int:
        return len(self.classification)

    def __contains__(self, one: object) -> bool:
        return one in self._places

    def __getitem__(self, one: str) -> Suggestion:
        """Of an item.

        Raises:
            StoreError: There is none for it.
        """
        if one not in self._places:
            raise StoreError(f"There is no suggestion for {one!r}; it has a label, or no vector.")
        return self._at(self._places[one])

    @property
    def one_class(self) -> bool:
        """Whether all labelled items are of one class: then the votes decide nothing."""
        return len(self.classification.names) < 2

    @cached_property
    def doubtful(self) -> list[str]:
        """Ids of items between classes: first those of which votes disagree most, spread out.

        Doubt is 1 - margin, the share of the first class less that of the second (T. Scheffer et
        al., 2001; after the uncertainty sampling of D. Lewis and W. Gale, 1994). The head of the
        queue is spread by :func:`~georetrieve.probes.classification.spread.spread_out`, each item
        counting by its doubt, so that look-alikes do not follow each other. Items far from anything
        labelled have a queue of their own.
        """
        items = self.classification.items
        margins = items.probabilities - items.runner_up_probabilities
        return self._spread(1.0 - margins, (margins < 1.0) & ~self.classification.far)

    @cached_property
    def far(self) -> list[str]:
        """Ids of items far from anything labelled, the farthest first, spread out likewise."""
        flags = self.classification.far
        return self._spread(np.ones(len(flags)), flags, by=self.classification.items.distances)

    def sure(self, above: float) -> dict[str, str]:
        """Label by id where its share of the votes is ``above`` or more, class by class.

        None of those far from anything labelled, and none at all while all labels are of one class.

        Raises:
            StoreError: ``above`` is not a share of more than a half.
        """
        if not 0.5 < above <= 1.0:
            raise StoreError(
                f"{above:g} cannot be a threshold: take a share above 0.5 and up to 1, say 0.95."
            )
        if self.one_class:
            return {}
        items = self.classification.items
        # Shares are sums, and of votes that all agree one may fall short of 1 by its last digit.
        sure = (items.probabilities >= above - 1e-9) & ~self.classification.far
        return {items.ids[row]: self._name(row) for row in self._by_class if sure[row]}

    @cached_property
    def by_class(self) -> list[str]:
        """Ids of all, class by class, of each first those of the highest share; far ones last."""
        return [self.classification.items.ids[row] for row in self._by_class]

    def counts(self, ids: Sequence[str]) -> dict[str, int]:
        """How many of some items are suggested to be what, the most frequent first."""
        rows = [self._places[one] for one in ids if one in self._places]
        classes, numbers = np.unique(self.classification.items.classes[rows], return_counts=True)
        counted = {
            self.classification.names[one]: count
            for one, count in zip(classes.tolist(), numbers.tolist(), strict=True)
        }
        return dict(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {one: row for row, one in enumerate(self.classification.items.ids)}

    @cached_property
    def _by_class(self) -> list[int]:
        items = self.classification.items
        by_id = np.array(sorted(range(len(items)), key=items.ids.__getitem__), np.int64)
        keys = -items.probabilities.round(9), items.classes, self.classification.far
        order: list[int] = by_id[np.lexsort([key[by_id] for key in keys])].tolist()
        return order

    def _at(self, row: int) -> Suggestion:
        items, names = self.classification.items, self.classification.names
        second = int(items.runners_up[row])
        return Suggestion(
            id=items.ids[row],
            label=self._name(row),
            probability=min(float(items.probabilities[row]), 1.0),
            runner_up=None if second < 0 else names[second],
            runner_up_probability=float(items.runner_up_probabilities[row]),
            far=bool(items.percentiles[row] > self.classification.far_percentile),
        )

    def _name(self, row: int) -> str:
        return self.classification.names[int(self.classification.items.classes[row])]

    def _sorted(self, rows: IntArray, keys: npt.NDArray[np.floating]) -> IntArray:
        """By key, then by id: the order of a table is nobody's business."""
        ids = self.classification.items.ids
        return np.array(sorted(rows.tolist(), key=lambda row: (keys[row], ids[row])), np.int64)

    def _spread(
        self,
        weights: npt.NDArray[np.float64],
        wanted: npt.NDArray[np.bool_],
        by: npt.NDArray[np.floating] | None = None,
    ) -> list[str]:
        items, spec = self.classification.items, self.classification.encoder
        rows = self._sorted(np.flatnonzero(wanted), -(weights if by is None else by))
        head = [items.ids[row] for row in rows[:SPREAD]]
        if not head:
            return []
        found, vectors = self._store.vectors(spec, sql_in("id", head))
        places = {one: place for place, one in enumerate(found)}
        kept = np.array([row for row in rows[:SPREAD] if items.ids[row] in places], np.int64)
        order = spread_out(
            vectors[[places[items.ids[row]] for row in kept]],
            weights[kept],
            items.distances[kept],
            self.classification.metric,
        )
        return [items.ids[row] for row in [*kept[order], *rows[SPREAD:]]]


def suggest(
    index: Index,
    *,
    encoder: str | None = None,
    options: ClassifyOptions = SUGGESTING,
    where: str | None = None,
    progress: Progress | None = None,
) -> Suggestions:
    """Suggest labels for the items of an index that have none.

    Args:
        index: Some of its items are labelled.
        encoder: Whose vectors are compared; the index's first by default.
        options: How votes are counted.
        where: Only items that meet this SQL condition.
        progress: Told of every batch.

    Raises:
        StoreError: Nothing is labelled, there is no such encoder, or the condition is not valid.
    """
    queries = open_queries(index, UNLABELLED, encoder=encoder, where=where)
    found = classify(index, queries, options, encoder=encoder, asked=UNLABELLED, progress=progress)
    return Suggestions(index.store, found)
