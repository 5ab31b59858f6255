"""Name items of an index, or images, by words, a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from georetrieve.indexing.options import Silent
from georetrieve.probes.classification.interface import share_blocks
from georetrieve.probes.classification.queries import ItemQueries, Queries, QueryBatch
from georetrieve.probes.items import join_items
from georetrieve.probes.zero_shot.probe import ZeroShotProbe
from georetrieve.probes.zero_shot.result import NamedItems, Naming
from georetrieve.probes.zero_shot.scores import PresenceRule
from georetrieve.protocols import Progress
from georetrieve.search import Index
from georetrieve.search.text_side import text_column
from georetrieve.types import EncoderSpec, FloatArray
from georetrieve.vocabulary import Vocabulary

__all__ = ["all_items", "name_items", "naming_spec"]


def naming_spec(
    index: Index, encoder: str | None = None, remarks: list[str] | None = None
) -> EncoderSpec:
    """The encoder that words are put to: the one that is named, or the first that has texts.

    Args:
        index: Whose.
        encoder: Its name.
        remarks: Told where the first column has no texts.

    Raises:
        EncoderError: No encoder of the index takes texts, or it cannot be loaded.
        StoreError: There is no such encoder.
    """
    if encoder is not None:
        return index.manifest.encoder(encoder)
    return text_column(index.manifest, index.encoder, [] if remarks is None else remarks)


def all_items(index: Index, *, encoder: str | None = None, where: str | None = None) -> ItemQueries:
    """The items of an index, or those that meet a condition, to be named.

    Args:
        index: Whose.
        encoder: Whose vectors; see :func:`naming_spec`.
        where: SQL condition on the columns of items.

    Raises:
        EncoderError: No encoder of the index takes texts, or it cannot be loaded.
        StoreError: There is no such encoder, or the condition is not valid.
    """
    if where is not None:
        index.store.count(where)  # if it is not valid, the error shows it alone
    condition = "true" if where is None else f"({where}\n)"
    return ItemQueries(index.store, naming_spec(index, encoder), condition)


def name_items(
    index: Index,
    queries: Queries,
    names: Sequence[str],
    *,
    rule: PresenceRule | None = None,
    encoder: str | None = None,
    vocabulary: Vocabulary | None = None,
    style: str = "auto",
    asked: str = "",
    progress: Progress | None = None,
) -> Naming:
    """Say which of some names fit items best.

    Items are read, compared and forgotten a batch at a time, whatever the number of names.

    Args:
        index: Whose encoder is used.
        queries: What is named, with vectors of that encoder.
        names: Any words; at least one.
        rule: Give every name that applies by this rule; None: the best one and the runner-up.
        encoder: Of images and texts; see :func:`naming_spec`.
        vocabulary: Knows synonyms, kinds and looks; the package's by default.
        style: Of prompts; see :func:`~georetrieve.vocabulary.prompts_for`.
        asked: What is named, in the user's words.
        progress: Told of every batch.

    Raises:
        EncoderError: The encoder has no texts, or cannot be loaded.
        VocabularyError: There is no name, one is empty, or the style is unknown.
        StoreError: There is no such encoder, or the rule asks for what cannot be told.
    """
    progress = progress or Silent()
    remarks: list[str] = []
    spec = naming_spec(index, encoder, remarks)
    probe = ZeroShotProbe.of(index.encoder(spec.name), names, vocabulary, style=style)
    parts = [_named(probe, QueryBatch([], np.empty((0, spec.dim), np.float32), []), rule)]
    progress.start("Naming", queries.total)
    for batch in queries.batches():
        parts.append(_named(probe, batch, rule))
        progress.advance(len(batch.ids))
    progress.finish()
    return Naming(
        index=str(index.path),
        queries=asked,
        encoder=spec.name,
        names=probe.names,
        prompts=probe.texts.prompts,
        rule="the best one" if rule is None else str(rule),
        several=rule is not None,
        items=join_items(parts),
        remarks=[*remarks, *probe.texts.remarks, *queries.remarks],
        failed=list(queries.failed),
    )


def _named(probe: ZeroShotProbe, batch: QueryBatch, rule: PresenceRule | None) -> NamedItems:
    """The names of a batch, in blocks that are held at once for any number of names."""
    blocks = list(share_blocks(len(batch.ids), len(probe.names))) or [slice(0, 0)]
    return join_items(
        [_block(probe, batch.ids[block], batch.vectors[block], rule) for block in blocks]
    )


def _block(
    probe: ZeroShotProbe, ids: list[str], vectors: FloatArray, rule: PresenceRule | None
) -> NamedItems:
    scores = probe.score(vectors)
    fits, surpass = scores.fits(), scores.present(PresenceRule())
    chosen = scores.present(rule or PresenceRule(by="top", k=2))
    rows, classes = np.nonzero(chosen)
    order = np.lexsort((-scores.cosines[rows, classes], rows))  # best first within an item
    rows, classes = rows[order], classes[order]
    if rule is None:
        probabilities = scores.shares()[rows, classes]
    elif scores.has_probabilities:
        probabilities = scores.probabilities()[rows, classes]
    else:
        probabilities = np.full(len(rows), np.nan)
    return NamedItems(
        ids=list(ids),
        counts=chosen.sum(axis=1),
        classes=classes,
        probabilities=probabilities,
        cosines=scores.cosines[rows, classes],
        fits=fits[rows, classes],
        surpass=surpass[rows, classes],
    )
