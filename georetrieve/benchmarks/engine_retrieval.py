"""What an engine's answers are worth beside the exact ones, on the labelled items of an index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from georetrieve.benchmarks.record import Estimate, RunRecord
from georetrieve.search import Index
from georetrieve.types import FloatArray

__all__ = ["with_engine"]

K = 10
LABELLED = "label IS NOT NULL AND label <> ''"


def with_engine(
    record: RunRecord,
    index: Index,
    ids: Sequence[str],
    vectors: FloatArray,
    labels: Sequence[str | None],
    *,
    encoder: str | None = None,
    where: str | None = None,
) -> RunRecord:
    """A retrieval record that says which engine searched, and what that changed.

    The numbers of the benchmark are always exact. Of an index opened with a named engine, every
    labelled item is also looked up by that engine, under the encoder's own distance; what it finds
    is judged by label and compared with what the exact engine finds.

    Args:
        record: Of :func:`~georetrieve.benchmarks.retrieval.run_retrieval`.
        index: Opened.
        ids: N items.
        vectors: (N, D).
        labels: N labels; None or "" for none.
        encoder: Whose vectors; the index's first by default.
        where: Condition the items meet.
    """
    if index.engine in ("auto", "exact"):
        return replace(record, settings={**record.settings, "engine": "exact"})
    rows = [row for row, label in enumerate(labels) if label]
    names = [ids[row] for row in rows]
    classes = dict(zip(names, (labels[row] for row in rows), strict=True))
    condition = LABELLED if where is None else f"({where}\n) AND {LABELLED}"
    column = index.column(encoder)
    found, truth = (
        store.search(vectors[rows], K, where=condition, exclude_ids=names)
        for store in (column, index.store.column(column.spec))
    )
    same_class = np.array(
        [
            [classes.get(one) == classes[name] for one in near]
            for name, near in zip(names, found.ids, strict=True)
        ]
    )
    there = truth.ids != ""
    as_near = found.scores >= truth.scores.min(axis=1, where=there, initial=np.inf)[:, None]
    recalled = float((as_near & (found.ids != "")).sum() / max(there.sum(), 1))
    choice = column.choose(len(rows))
    metrics = {
        "engine/precision_at_1": float(same_class[:, 0].mean()),
        "engine/precision_at_10": float(same_class.mean()),
        "engine/recall_at_10_of_exact": recalled,
    }
    estimates = {name: Estimate(value, n=len(rows)) for name, value in metrics.items()}
    note = (
        f"Only engine/* was searched by {choice.name}, under the {column.spec.metric} distance; "
        "all other numbers are exact."
    )
    return replace(
        record,
        metrics={**record.metrics, **estimates},
        settings={
            **record.settings,
            "engine": choice.name,
            "engine_recall_at_10": choice.recall_at_10,
        },
        notes=[*record.notes, note, *choice.remarks],
    )
