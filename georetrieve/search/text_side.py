"""Words in an index: how they are put, and what words that fit nothing score there."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from georetrieve.errors import EncoderError
from georetrieve.protocols import ImageEncoder, TextEncoder
from georetrieve.search.cutoff import NullScores, calibrate, null_prompts
from georetrieve.search.query import Query, QueryPart, QueryText
from georetrieve.search.result import Cutoff, Found
from georetrieve.search.texts import text_vectors
from georetrieve.search.wording import Wording, suggestion, word
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest
from georetrieve.stores.schema import sql_in
from georetrieve.types import EncoderSpec, FloatArray
from georetrieve.vocabulary import Vocabulary, load_vocabulary

__all__ = ["CACHE_FOLDER", "TextSide", "takes_texts", "text_column"]

CACHE_FOLDER = Path("cache", "texts")


class TextSide:
    """Words in one index.

    Args:
        store: The index.
        vocabulary: Knows synonyms; by default what comes with georetrieve, and the user's file.
    """

    def __init__(self, store: IndexStore, vocabulary: Vocabulary | None = None) -> None:
        self._store, self._given = store, vocabulary
        self._nulls: dict[tuple[str, str], NullScores] = {}

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Knows synonyms."""
        return self._given or load_vocabulary()

    def wordings(self, parts: Sequence[QueryPart], remarks: list[str]) -> list[Wording]:
        """How the texts among the parts of a query are put; names like them become remarks.

        Raises:
            VocabularyError: A style is unknown, or the user's file is not usable.
        """
        wordings = [word(part, self.vocabulary) for part in parts if isinstance(part, QueryText)]
        lines = [suggestion(wording, self.vocabulary) for wording in wordings]
        remarks += [line for line in lines if line]
        return wordings

    def judges(self, query: Query, remarks: list[str]) -> bool:
        """Whether hits have to fit words: all that is asked for more of is words."""
        more = [part for part in query.parts if part.weight > 0]
        words = [part for part in more if isinstance(part, QueryText)]
        if words and len(words) < len(more):
            remarks.append("Not words alone are looked for, so no hit is left out for its score.")
        return bool(words) and len(words) == len(more)

    def judge(
        self,
        encoder: TextEncoder,
        spec: EncoderSpec,
        wordings: Sequence[Wording],
        texts: FloatArray,
        found: Sequence[Found],
        quantile: float,
    ) -> tuple[list[Found], Cutoff]:
        """Say how well each item fits the best of some texts, and what it would have to reach.

        Args:
            encoder: Of the column.
            spec: Of the column.
            wordings: T texts; more is asked for of one at least, and others do not count.
            texts: (T, D) their vectors.
            found: Items of the column.
            quantile: See :class:`~georetrieve.search.result.Cutoff`.

        Raises:
            StoreError: The quantile is none that can be told.
        """
        pairs = zip(wordings, texts, strict=True)
        wanted = [(wording, vector) for wording, vector in pairs if wording.weight > 0]
        nulls = [self.nulls(encoder, spec, wording.style) for wording, _ in wanted]
        limit = max(each.cutoff(quantile) for each in nulls)
        ids, vectors = self._store.vectors(spec.column, sql_in("id", [one.id for one in found]))
        fits = [
            each.fits(vectors, vector[None])[:, 0]
            for each, (_, vector) in zip(nulls, wanted, strict=True)
        ]
        best = dict(zip(ids, np.max(fits, axis=0).tolist(), strict=True))
        judged = [replace(one, fit=best[one.id]) for one in found]
        above = sum(best[one.id] > limit for one in found)
        return judged, Cutoff(quantile, limit, len(found), above)

    def nulls(self, encoder: TextEncoder, spec: EncoderSpec, style: str) -> NullScores:
        """What words that fit nothing score in a column, put as a style does.

        Found once and kept in the index's cache: to encode hundreds of sentences takes a laptop
        seconds, and so does comparing them with hundreds of thousands of items.
        """
        key = (spec.column, style)
        if key not in self._nulls:
            self._nulls[key] = self._kept_nulls(encoder, spec, style)
        return self._nulls[key]

    def _kept_nulls(self, encoder: TextEncoder, spec: EncoderSpec, style: str) -> NullScores:
        ensembles = null_prompts(self.vocabulary, style)
        said = json.dumps([spec.fingerprint, ensembles]).encode()
        digest = hashlib.sha256(said).hexdigest()[:16]
        path = self._store.path / CACHE_FOLDER / f"{spec.column}-{style}-{digest}.safetensors"
        kept = _read(path, (len(ensembles), spec.dim))
        texts = text_vectors(encoder, ensembles) if kept is None else kept[0].texts
        snapshot = self._store.column(spec).snapshot()
        if kept is not None and kept[1] == snapshot.stamp:
            return kept[0]
        nulls = calibrate(snapshot.gallery, texts)
        _write(path, nulls, snapshot.stamp)
        return nulls


def _read(path: Path, shape: tuple[int, int]) -> tuple[NullScores, str] | None:
    """What was kept, and the stamp of the vectors it is of; None if there is none that is whole."""
    with contextlib.suppress(OSError, SafetensorError, KeyError):
        kept = load_file(path)
        nulls, stamp = NullScores(kept["texts"], kept["best"]), kept["stamp"].tobytes().hex()
        finite = np.isfinite(nulls.texts).all() and np.isfinite(nulls.best).all()
        if nulls.texts.shape == shape and nulls.best.shape == shape[:1] and finite:
            return nulls, stamp
    return None


def _write(path: Path, nulls: NullScores, stamp: str) -> None:
    """Keep for the next time; where the folder cannot be written, it is found anew then."""
    with contextlib.suppress(OSError, SafetensorError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{os.getpid()}-{uuid.uuid4().hex}.safetensors")
        texts: dict[str, np.ndarray] = {"texts": nulls.texts, "best": nulls.best}
        of = np.frombuffer(bytes.fromhex(stamp), np.uint8)
        save_file({**texts, "stamp": of}, temporary)
        temporary.replace(path)


def takes_texts(spec: EncoderSpec, load: Callable[[str], ImageEncoder]) -> bool:
    """Whether the encoder of a column takes texts; one that compares by distance is not loaded.

    Raises:
        EncoderError: Its weights cannot be found or used.
    """
    return spec.metric == "cosine" and isinstance(load(spec.name), TextEncoder)


def text_column(
    manifest: Manifest, load: Callable[[str], ImageEncoder], remarks: list[str]
) -> EncoderSpec:
    """The first column of an index whose encoder takes texts.

    Encoders of images and texts compare by the cosine; the others are not even loaded.

    Args:
        manifest: Of the index.
        load: Name → encoder of a column.
        remarks: Told where that is not the first column.

    Raises:
        EncoderError: There is none; the message says how to add one.
        StoreError: There is no column at all.
    """
    first = manifest.encoder()
    for spec in manifest.encoders:
        if takes_texts(spec, load):
            if spec is not first:
                remarks.append(f"{first.name} has no texts; searched with {spec.name}, which has.")
            return spec
    names = ", ".join(spec.name for spec in manifest.encoders)
    have = "has" if len(manifest.encoders) == 1 else "have"
    raise EncoderError(
        f"{names} {have} no texts; add an encoder that has: georetrieve index SOURCE --index "
        f"{manifest.name} -e siglip2-vitb16 (or fetch it before: georetrieve encoders pull "
        "siglip2-vitb16)."
    )
