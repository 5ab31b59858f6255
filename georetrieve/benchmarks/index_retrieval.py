"""The retrieval benchmark on the items of an index."""

from __future__ import annotations

from georetrieve.benchmarks.engine_retrieval import with_engine
from georetrieve.benchmarks.record import RunRecord
from georetrieve.benchmarks.retrieval import Protocol, run_retrieval
from georetrieve.search import Index

__all__ = ["measure_index"]


def measure_index(
    index: Index,
    *,
    encoder: str | None = None,
    protocol: Protocol = "full",
    where: str | None = None,
) -> RunRecord:
    """Measure how well the labelled items of an index find their like.

    Args:
        index: Opened; a named engine's answers are judged beside the exact ones.
        encoder: Whose vectors; the index's first by default.
        protocol: See :func:`~georetrieve.benchmarks.retrieval.run_retrieval`.
        where: SQL condition on the items that take part.

    Raises:
        StoreError: There is no such encoder, the condition is not valid, or too few items carry a
            label.
    """
    spec = index.manifest.encoder(encoder)
    ids, vectors = index.store.vectors(spec.column, where)
    facts = index.store.take(ids, ["label", "group", "content_hash"])
    labels, groups, digests = (column.to_pylist() for column in facts.columns)
    record = run_retrieval(
        vectors,
        labels,
        ids,
        groups=groups,
        content_hashes=digests,
        protocol=protocol,
        index=index.manifest.name,
        version=str(index.store.version),
        encoder=spec,
    )
    return with_engine(record, index, ids, vectors, labels, encoder=spec.column, where=where)
