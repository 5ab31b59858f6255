"""Labels that the items around them contradict: some are mistakes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from georetrieve.probes.classification.queries import ROWS, QueryBatch
from georetrieve.probes.classification.run import LABELLED, ClassifyOptions, classify
from georetrieve.probes.classification.suggestions import SUGGESTING, Suggestion, Suggestions
from georetrieve.protocols import Progress
from georetrieve.search import Index
from georetrieve.stores.label_journal import LabelJournal
from georetrieve.stores.lance import IndexStore
from georetrieve.types import EncoderSpec

__all__ = ["CHECKED", "Contradicted", "find_contradicted"]

CHECKED = 20_000  # labelled items at most; the others only vote


@dataclass(frozen=True, slots=True)
class Contradicted:
    """Labels that the items around them contradict.

    Attributes:
        labels: By item id: first those whose neighbours agree most on something else.
        suggestions: What the neighbours say.
        remarks: What a user should know, one line each.
    """

    labels: dict[str, str]
    suggestions: Suggestions
    remarks: Sequence[str]


def find_contradicted(
    index: Index,
    *,
    encoder: str | None = None,
    options: ClassifyOptions = SUGGESTING,
    progress: Progress | None = None,
) -> Contradicted:
    """Find labelled items that others vote to be something else, most of the votes being for it.

    Each labelled item is classified by all others, of its own group too. That a label that its
    neighbours outvote is suspect is the rule of D. Wilson, 1972 (edited nearest neighbours), made
    a filter for mistakes by C. Brodley and M. Friedl, 1999. A class of one item has nobody to vote
    for it, and is passed over; so is what is far from all that is labelled, and a label that a
    person gave again when it stood already.

    Args:
        index: Some of its items are labelled.
        encoder: Whose vectors are compared; the index's first by default.
        options: How votes are counted.
        progress: Told of every batch.

    Raises:
        StoreError: Nothing is labelled, or there is no such encoder.
    """
    store, spec = index.store, index.manifest.encoder(encoder)
    queries = _LabelledQueries(store, spec, options.seed)
    found = classify(index, queries, options, encoder=encoder, asked="labelled", progress=progress)
    table = store.scan(["id", "label"], LABELLED)
    said = dict(zip(*(table.column(name).to_pylist() for name in ("id", "label")), strict=True))
    counted = pc.value_counts(table.column("label")).to_pylist()
    sizes = {one["values"]: one["counts"] for one in counted}
    sayings = LabelJournal(index.path).sayings()
    confirmed = {one for one, act in sayings.items() if len(set(act.labels[one])) == 1}
    suggestions = Suggestions(store, found)
    suspect: list[Suggestion] = []
    for row in np.flatnonzero((found.items.probabilities > 0.5) & ~found.far).tolist():
        one = suggestions[found.items.ids[row]]
        if one.id in confirmed:
            continue
        if one.label != said[one.id] and sizes[said[one.id]] > 1:
            suspect.append(one)
    suspect.sort(key=lambda one: (-one.probability, one.id))
    labels = {one.id: str(said[one.id]) for one in suspect}
    return Contradicted(labels, suggestions, found.remarks)


@dataclass(frozen=True, slots=True)
class _LabelledQueries:
    """The labelled items, asked about as if they had no label; see ``Queries``."""

    store: IndexStore
    spec: EncoderSpec
    seed: int
    failed: Sequence[tuple[str, str]] = ()

    @property
    def labelled(self) -> int:
        return self.store.count(f"`{self.spec.column}` IS NOT NULL AND {LABELLED}")

    @property
    def total(self) -> int:
        return min(self.labelled, CHECKED)

    @property
    def remarks(self) -> Sequence[str]:
        if self.labelled <= CHECKED:
            return ()
        return (f"{CHECKED:,} of {self.labelled:,} labelled items are checked, drawn at random",)

    def batches(self) -> Iterator[QueryBatch]:
        drawn = np.random.default_rng(self.seed).permutation(self.labelled)[:CHECKED]
        chosen = np.zeros(self.labelled, bool)
        chosen[drawn] = True
        start = 0
        for ids, vectors in self.store.vector_batches(self.spec.column, LABELLED, rows=ROWS):
            rows = np.flatnonzero(chosen[start : start + len(ids)])
            start += len(ids)
            some = [ids[row] for row in rows]
            yield QueryBatch(some, vectors[rows], some)
