"""Words against the items of an index: what finds what, and what is named rightly."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from georetrieve.benchmarks.record import Estimate, RunRecord, encoder_facts
from georetrieve.benchmarks.run import BenchmarkRun
from georetrieve.benchmarks.tasks import Task, settings
from georetrieve.benchmarks.text.items import TextItems, read_items
from georetrieve.benchmarks.text.measure import (
    Draws,
    named_estimates,
    retrieval_estimates,
    set_estimates,
)
from georetrieve.benchmarks.text.settings import TextColumns, TextProbe
from georetrieve.errors import EncoderError, StoreError
from georetrieve.metrics.classification import class_scores, confusion_matrix
from georetrieve.metrics.multilabel import per_class_scores
from georetrieve.metrics.text_retrieval import QueryScores, query_scores
from georetrieve.probes.zero_shot import ZeroShotProbe, class_texts
from georetrieve.protocols import ImageEncoder, Progress, TextEncoder
from georetrieve.search import Index
from georetrieve.search.texts import as_text_encoder, text_vectors
from georetrieve.types import EncoderSpec, IntArray, Scalar
from georetrieve.vocabulary import Vocabulary, load_vocabulary

__all__ = ["run_text"]

SCORES = 1 << 24  # held at once


@dataclass(slots=True)
class _Findings:
    """What fills a record."""

    metrics: dict[str, Estimate] = field(default_factory=dict)
    tables: dict[str, list[dict[str, Scalar]]] = field(default_factory=dict)
    queries: list[dict[str, Scalar]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def run_text(
    task: Task,
    index: Index,
    *,
    encoders: Sequence[str] = (),
    where: str | None = None,
    vocabulary: Vocabulary | None = None,
    progress: Progress | None = None,
) -> list[BenchmarkRun]:
    """Measure how well words and the images of an index find each other, encoder by encoder.

    Args:
        task: Of kind ``text``.
        index: Opened.
        encoders: Columns whose encoders take texts; all that do by default.
        where: SQL condition on the items that take part.
        vocabulary: Knows synonyms; by default what comes with georetrieve, and the user's file.
        progress: Told of every encoder.

    Raises:
        EncoderError: An encoder cannot be loaded or has no texts, or none of the index has.
        StoreError: There is no such encoder, the task or the condition is not valid, or the items
            have neither labels nor captions.
    """
    columns, probe = settings(task, "data", TextColumns), settings(task, "probe", TextProbe)
    probe.presence()
    runs = []
    for spec in _specs(index, encoders):
        if progress:
            progress.say(f"{index.manifest.name}: {spec.name}")
        start = time.perf_counter()
        items = read_items(index, spec, columns, where)
        words = vocabulary or load_vocabulary()
        findings = _measure(items, index.encoder(spec.name), words, probe)
        if not findings.metrics:
            raise StoreError(
                f"No item of {index.manifest.name} has a {columns.label!r} or a "
                f"{columns.caption!r}; give labels when indexing, or name other columns in the "
                "task."
            )
        record = RunRecord(
            task="text",
            protocol=task.name,
            data=items.facts(index),
            encoder=encoder_facts(spec),
            metrics=findings.metrics,
            settings={**asdict(columns), **asdict(probe), "where": where},
            tables=findings.tables,
            queries=findings.queries,
            notes=[*task.notes, *items.notes(), *dict.fromkeys(findings.notes)],
            seconds=time.perf_counter() - start,
        )
        runs.append(BenchmarkRun(record))
    return runs


def _specs(index: Index, encoders: Sequence[str]) -> list[EncoderSpec]:
    if encoders:
        specs = [index.manifest.encoder(name) for name in encoders]
        for spec in specs:
            as_text_encoder(index.encoder(spec.name))
        return specs
    specs = [
        spec
        for spec in index.manifest.encoders
        if spec.metric == "cosine" and isinstance(index.encoder(spec.name), TextEncoder)
    ]
    if not specs:
        raise EncoderError(
            f"No encoder of {index.manifest.name} has texts; add one that has: georetrieve index "
            f"SOURCE --index {index.manifest.name} -e siglip2-vitb16."
        )
    return specs


def _measure(
    items: TextItems, encoder: ImageEncoder, vocabulary: Vocabulary, probe: TextProbe
) -> _Findings:
    findings = _Findings()
    _by_label(findings, items, as_text_encoder(encoder), vocabulary, probe)
    _by_caption(findings, items, as_text_encoder(encoder), probe)
    _by_set(findings, items, encoder, vocabulary, probe)
    return findings


def _by_label(
    findings: _Findings,
    items: TextItems,
    encoder: TextEncoder,
    vocabulary: Vocabulary,
    probe: TextProbe,
) -> None:
    """Class names look for their items; items are given one of the names."""
    names = sorted({label for label in items.labels if label})
    if not names:
        return
    texts = class_texts(names, vocabulary, style=probe.prompts)
    findings.notes += texts.remarks
    number = {name: place for place, name in enumerate(texts.names)}
    rows = np.array([row for row, one in enumerate(items.labels) if one in number], np.int64)
    true = np.array([number[items.labels[row] or ""] for row in rows], np.int64)
    words = text_vectors(encoder, texts.prompts)
    vectors = items.directions(rows)
    draws = Draws(probe.draws, probe.seed)
    parts = []
    called, best = np.zeros(len(rows), np.int64), np.full(len(rows), -np.inf, np.float32)
    step = max(1, SCORES // max(len(rows), 1))
    for start in range(0, len(words), step):
        scores = words[start : start + step] @ vectors.T
        asked = np.arange(start, start + len(scores))
        parts.append(query_scores(scores, asked[:, None] == true, probe.ks))
        better = scores.max(axis=0) > best
        called[better] = start + scores.argmax(axis=0)[better]
        best = np.maximum(best, scores.max(axis=0))
    found = QueryScores.joined(parts)
    findings.metrics |= retrieval_estimates(found, len(rows), probe.ks, draws, name="text_to_image")
    findings.metrics |= named_estimates(true, called, len(texts.names), draws, items.clusters(rows))
    confusion = confusion_matrix(true, called, len(texts.names))
    _tell_labels(findings, items, texts.names, found, confusion)
    findings.queries = [
        {
            "id": items.ids[row],
            "label": texts.names[is_],
            "called": texts.names[said],
            "cosine": float(score),
        }
        for row, is_, said, score in zip(rows, true, called, best, strict=True)
    ]


def _tell_labels(
    findings: _Findings,
    items: TextItems,
    names: Sequence[str],
    found: QueryScores,
    confusion: IntArray,
) -> None:
    scores = class_scores(confusion)
    findings.tables["per_class"] = [
        {
            "class": name,
            "items": int(found.relevant[place]),
            "average_precision": float(found.average_precision[place]),
            "precision": float(scores.precision[place]),
            "recall": float(scores.recall[place]),
            "f1": float(scores.f1[place]),
        }
        for place, name in enumerate(names)
    ]
    findings.tables["confusion"] = [
        {"truth": names[true], "predicted": names[said], "count": int(confusion[true, said])}
        for true, said in np.argwhere(confusion)
    ]


def _by_caption(
    findings: _Findings, items: TextItems, encoder: TextEncoder, probe: TextProbe
) -> None:
    """Items look for their caption among all different ones."""
    captions = sorted({one.strip() for one in items.captions if one and one.strip()})
    if not captions:
        return
    number = {caption: place for place, caption in enumerate(captions)}
    own = [number.get((one or "").strip(), -1) for one in items.captions]
    rows = np.flatnonzero(np.array(own) >= 0)
    words = text_vectors(encoder, [[caption] for caption in captions])
    vectors, places = items.directions(rows), np.array(own, np.int64)[rows]
    step = max(1, SCORES // len(captions))
    parts = []
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        relevant = places[part, None] == np.arange(len(captions))
        parts.append(query_scores(vectors[part] @ words.T, relevant, probe.ks))
    draws = Draws(probe.draws, probe.seed)
    findings.metrics |= retrieval_estimates(
        QueryScores.joined(parts),
        len(captions),
        probe.ks,
        draws,
        name="image_to_text",
        clusters=items.clusters(rows),
    )


def _by_set(
    findings: _Findings,
    items: TextItems,
    encoder: ImageEncoder,
    vocabulary: Vocabulary,
    probe: TextProbe,
) -> None:
    """Items are given all the names that fit."""
    names = sorted({name for names in items.sets or () for name in names})
    if not names or items.sets is None:
        return
    namer = ZeroShotProbe.of(encoder, names, vocabulary, style=probe.prompts)
    findings.notes += namer.texts.remarks
    rows = np.array([row for row, own in enumerate(items.sets) if own], np.int64)
    kept = list(namer.names)
    true = np.array([[name in items.sets[row] for name in kept] for row in rows], bool)
    step = max(1, SCORES // (64 * len(kept)))
    said = np.concatenate(
        [
            namer.present(items.vectors[rows[start : start + step]], probe.presence())
            for start in range(0, len(rows), step)
        ]
    )
    draws = Draws(probe.draws, probe.seed)
    findings.metrics |= set_estimates(true, said, draws, items.clusters(rows))
    scores = per_class_scores(true, said)
    findings.tables["per_name"] = [
        {
            "name": name,
            "items": int(true[:, place].sum()),
            "said": int(said[:, place].sum()),
            "precision": float(scores.precision[place]),
            "recall": float(scores.recall[place]),
            "f1": float(scores.f1[place]),
        }
        for place, name in enumerate(kept)
    ]
