"""Classify items by the labelled ones of an index, a batch at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal

import numpy as np
import numpy.typing as npt

from georetrieve.errors import SourceError, StoreError
from georetrieve.indexing.options import Silent
from georetrieve.probes.classification.centroid import CentroidProbe
from georetrieve.probes.classification.choose_k import CANDIDATES, choose_k
from georetrieve.probes.classification.far import FAR_PERCENTILE, LabelledDistances
from georetrieve.probes.classification.interface import Probe, share_blocks
from georetrieve.probes.classification.knn import KnnProbe
from georetrieve.probes.classification.left_out import Units, find_left_out
from georetrieve.probes.classification.linear import LinearProbe
from georetrieve.probes.classification.neighbours import Neighbours, find_neighbours
from georetrieve.probes.classification.queries import Queries, QueryBatch
from georetrieve.probes.classification.result import Classification, ClassifiedItems
from georetrieve.probes.items import join_items
from georetrieve.probes.vote import VoteRule
from georetrieve.protocols import Progress
from georetrieve.search import Index
from georetrieve.stores.lance import IndexStore
from georetrieve.types import EncoderSpec, FloatArray, IntArray, Metric

__all__ = ["ClassifyOptions", "LabelledItems", "ProbeKind", "classify", "read_labelled"]

ProbeKind = Literal["knn", "centroid", "linear"]
LABELLED = "label IS NOT NULL AND label != ''"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifyOptions:
    """How items are classified.

    Attributes:
        probe: ``knn``, ``centroid`` (nearest class mean) or ``linear`` (logistic regression).
        k: Neighbours that vote; None: chosen on the labelled items.
        candidates: Of which.
        rule: What a neighbour's or a class mean's word weighs. With softmax weights all is ranked
            by cosine, else by what the encoder's authors compare its vectors with.
        balanced: Divide each neighbour's word by the frequency of its class.
        far_percentile: Above it an item is far from anything labelled; 0..100.
        voters: How many of the voters are kept for each item.
        seed: Of draws, and of the linear probe.
    """

    probe: ProbeKind = "knn"
    k: int | None = None
    candidates: tuple[int, ...] = CANDIDATES
    rule: VoteRule = field(default_factory=VoteRule)
    balanced: bool = False
    far_percentile: float = FAR_PERCENTILE
    voters: int = 5
    seed: int = 0


@dataclass(frozen=True, slots=True)
class LabelledItems:
    """The N labelled items of an index, in the order of their ids.

    Attributes:
        ids: N.
        vectors: (N, D).
        classes: (N,) positions in ``names``.
        names: C class names, sorted.
        groups: N; None where unknown.
    """

    ids: list[str]
    vectors: FloatArray
    classes: IntArray
    names: tuple[str, ...]
    groups: list[str | None]

    def __len__(self) -> int:
        return len(self.ids)


def read_labelled(store: IndexStore, spec: EncoderSpec) -> LabelledItems:
    """The labelled items of an index that have a vector of an encoder.

    Raises:
        StoreError: There is none.
    """
    ids, vectors = store.vectors(spec.column, LABELLED)
    if not ids:
        raise StoreError(
            f"Index {store.manifest.name!r} has no labelled item with a {spec.name} vector to "
            "classify by; label some: georetrieve index SOURCE --labels TABLE.csv"
        )
    table = store.scan(
        ["id", "label", "group"], f"{LABELLED} AND `{spec.column}` IS NOT NULL", order_by_id=True
    )
    names, classes = np.unique(table.column("label").to_pylist(), return_inverse=True)
    groups = table.column("group").to_pylist()
    named = tuple(str(name) for name in names)
    return LabelledItems(ids, vectors, classes.astype(np.int64), named, groups)


def classify(
    index: Index,
    queries: Queries,
    options: ClassifyOptions | None = None,
    *,
    encoder: str | None = None,
    asked: str = "",
    progress: Progress | None = None,
) -> Classification:
    """Classify what is asked for by the labelled items of an index.

    Queries are read, compared and forgotten a batch at a time; what is kept of each takes about a
    hundred bytes and its voters. An item of the index, or a file of it, has no vote on itself.

    Args:
        index: The labelled items.
        queries: From :func:`~georetrieve.probes.classification.queries.open_queries`.
        options: How.
        encoder: Whose vectors are compared; the index's first by default.
        asked: What is classified, in the user's words.
        progress: Told of every batch.

    Raises:
        StoreError: Nothing is labelled, there is no such encoder, or an option is out of range.
        SourceError: Not one of the files asked for can be read.
        EncoderError: The encoder cannot be loaded.
    """
    options, progress = options or ClassifyOptions(), progress or Silent()
    _check(options)
    spec = index.manifest.encoder(encoder)
    labelled = read_labelled(index.store, spec)
    progress.start("Classifying", queries.total)
    run = _Run(labelled, spec, options)
    parts = [run.none()]
    for batch in queries.batches():
        parts.append(run.classified(batch))
        progress.advance(len(batch.ids))
    progress.finish()
    if queries.failed and not any(map(len, parts)):
        path, reason = queries.failed[0]
        count = len(queries.failed)
        others = f" (the first of {count:,} that cannot be read)" if count > 1 else ""
        said = reason.removeprefix(PurePath(path).name).lstrip(": ")  # the file is named once
        raise SourceError(f"{path}: {said} Nothing is left to classify{others}.")
    return Classification(
        index=str(index.path),
        queries=asked,
        encoder=spec.name,
        probe=run.probe.description,
        metric=run.metric,
        names=labelled.names,
        labelled_ids=labelled.ids,
        labelled_classes=labelled.classes,
        far_percentile=options.far_percentile,
        items=join_items(parts),
        remarks=[*run.remarks, *queries.remarks],
        failed=list(queries.failed),
    )


def _check(options: ClassifyOptions) -> None:
    if not 0 <= options.far_percentile <= 100:
        raise StoreError(
            f"A percentile of {options.far_percentile:g} cannot be reached; far is what lies above "
            "one of 0 to 100."
        )
    if options.voters < 0:
        raise StoreError(f"{options.voters} voters cannot be shown; ask for 0 or more.")


class _Run:
    """What all batches of one call share."""

    def __init__(
        self, labelled: LabelledItems, spec: EncoderSpec, options: ClassifyOptions
    ) -> None:
        self.labelled, self.options = labelled, options
        self.metric: Metric = "cosine" if options.rule.weighting == "softmax" else spec.metric
        self.remarks: list[str] = []
        self.probe: Probe = self._fitted()
        units = Units.of(labelled.groups)
        left_out = find_left_out(labelled.vectors, units, 1, self.metric, seed=options.seed)
        self.ordinary = LabelledDistances(left_out)
        self.remarks += filter(None, [self.ordinary.remark(options.far_percentile)])
        self._places = {one: place for place, one in enumerate(labelled.ids)}

    def _fitted(self) -> Probe:
        labelled, options = self.labelled, self.options
        if len(labelled.names) == 1:
            self.remarks.append(f"all labelled items are {labelled.names[0]!r}, so everything is")
        fitting = labelled.vectors, labelled.classes, len(labelled.names)
        if options.probe == "centroid":
            return CentroidProbe(options.rule, self.metric).fit(*fitting)
        if options.probe == "linear":
            return LinearProbe(options.seed, scaled=True).fit(*fitting)
        k = options.k
        if k is None:
            ks = options.candidates
            probe = KnnProbe(max(ks), options.rule, self.metric, balanced=options.balanced)
            choice = choose_k(probe, *fitting, labelled.groups, candidates=ks, seed=options.seed)
            self.remarks.append(choice.how)
            k = choice.k
        elif k > len(labelled):
            self.remarks.append(f"k = {k}, but {len(labelled)} items are labelled: all vote")
        return KnnProbe(k, options.rule, self.metric, balanced=options.balanced).fit(*fitting)

    def none(self) -> ClassifiedItems:
        """No item; so that a result of none is one too."""
        width = self.labelled.vectors.shape[1]
        return self.classified(QueryBatch([], np.empty((0, width), np.float32), []))

    def classified(self, batch: QueryBatch) -> ClassifiedItems:
        """The classes of a batch."""
        found = self._neighbours(batch)
        classes, shares = self._most(batch.vectors, found)
        nearest, distances = found.places[:, 0], found.distances[:, 0]
        voters, weights = self._voters(found)
        return ClassifiedItems(
            ids=batch.ids,
            classes=classes[:, 0],
            probabilities=shares[:, 0],
            runners_up=np.where(shares[:, 1] > 0, classes[:, 1], -1),
            runner_up_probabilities=shares[:, 1],
            nearest=nearest,
            distances=distances,
            percentiles=self.ordinary.percentiles(distances),
            voters=voters.places,
            voter_scores=voters.scores,
            voter_weights=weights,
        )

    def _neighbours(self, batch: QueryBatch) -> Neighbours:
        """Those that vote, or the nearest one; no item has a vote on itself unless it is alone."""
        k = self.probe.k if isinstance(self.probe, KnnProbe) else 1
        own = np.array([self._places.get(one or "", -1) for one in batch.indexed_as], np.int64)
        return find_neighbours(
            self.labelled.vectors,
            batch.vectors,
            k,
            self.metric,
            gallery_units=np.arange(len(self.labelled)),
            query_units=own if len(self.labelled) > 1 and (own >= 0).any() else None,
        )

    def _most(
        self, vectors: FloatArray, found: Neighbours
    ) -> tuple[IntArray, npt.NDArray[np.float64]]:
        """(Q, 2) classes of the largest shares, and these; of equal ones the first."""
        classes = np.zeros((len(vectors), 2), np.int64)
        most = np.zeros((len(vectors), 2))
        for block in share_blocks(len(vectors), len(self.labelled.names)):
            if isinstance(self.probe, KnnProbe):
                shares = self.probe.vote(found.rows(block))
            else:
                shares = self.probe.predict_proba(vectors[block])
            rows = np.arange(len(shares))
            for rank in range(2):
                called = shares.argmax(axis=1)
                classes[block, rank], most[block, rank] = called, shares[rows, called]
                shares[rows, called] = 0.0
        return classes, most

    def _voters(self, found: Neighbours) -> tuple[Neighbours, npt.NDArray[np.float64]]:
        """The first of those that voted, and what their words weigh; a linear probe has none."""
        if not isinstance(self.probe, KnnProbe):
            return found.first(0), np.empty((len(found), 0))
        weights = self.probe.weights(found)[:, : self.options.voters]
        return found.first(self.options.voters), weights
