"""An index opened for reading."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from georetrieve.encoders.registry import load_for_spec
from georetrieve.encoders.runtime import Runtime
from georetrieve.protocols import ImageEncoder, Progress
from georetrieve.search.asked import similar_ids
from georetrieve.search.cutoff import QUANTILE
from georetrieve.search.mixing import combine
from georetrieve.search.parts import PartReader
from georetrieve.search.places import find_index
from georetrieve.search.query import Query, QueryImage, QueryPart, QueryText
from georetrieve.search.result import Cutoff, Found, QueryPicture, SearchHit, SearchResult
from georetrieve.search.sample import ItemSample
from georetrieve.search.text_side import TextSide, text_column
from georetrieve.search.texts import as_text_encoder, text_vector
from georetrieve.search.wording import Wording
from georetrieve.stores.engines import EngineVectors
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest
from georetrieve.types import EncoderSpec, FloatArray, Hits
from georetrieve.vocabulary import Vocabulary

__all__ = ["Index"]

SAMPLED_ITEMS = 1000  # whose pairs tell what a near distance is
JUDGED = 500  # items nearest to words that are judged, so that k of them may be left


class Index:
    """An index opened for reading, at the version it has now.

    Usable as a context manager. Encoders are loaded when they are first needed.
    """

    def __init__(
        self,
        store: IndexStore,
        *,
        runtime: Runtime | None = None,
        engine: str = "auto",
        progress: Progress | None = None,
        vocabulary: Vocabulary | None = None,
    ) -> None:
        self.store = store
        self._runtime, self._engine, self._progress = runtime, engine, progress
        self._columns: dict[str, EngineVectors] = {}
        self._encoders: dict[str, ImageEncoder] = {}
        self._samples: dict[str, tuple[str, ItemSample]] = {}  # by column, with its stamp
        self._parts = PartReader(store)
        self._words = TextSide(store, vocabulary)

    @classmethod
    def open(
        cls,
        index: str | Path,
        *,
        runtime: Runtime | None = None,
        engine: str = "auto",
        progress: Progress | None = None,
        vocabulary: Vocabulary | None = None,
    ) -> Index:
        """Open an index.

        Args:
            index: A name under ``indexes/``, or a path.
            runtime: How encoders run; by default PyTorch in single precision.
            engine: What searches; see :mod:`georetrieve.stores.engine_choice`.
            progress: Told when an engine's index is built.
            vocabulary: Knows synonyms of words that are searched for; by default what comes with
                georetrieve, and the user's file.

        Raises:
            IndexNotFoundError: There is none; the nearest names are suggested.
            StoreError: It is damaged, or of a later version of georetrieve.
        """
        store = IndexStore.open(find_index(index))
        return cls(store, runtime=runtime, engine=engine, progress=progress, vocabulary=vocabulary)

    def refreshed(self) -> Index:
        """The index as it is now: this one, or where somebody wrote to it another one.

        Encoders, and of what is held in memory all that has not changed, go over to it.

        Raises:
            StoreError: It is damaged, or gone.
        """
        if self.store.is_newest:
            return self
        newer = Index(
            IndexStore.open(self.path, before=self.store),
            runtime=self._runtime,
            engine=self._engine,
            progress=self._progress,
            vocabulary=self._words.vocabulary,
        )
        newer._samples = dict(self._samples)
        same = [spec for spec in newer.manifest.encoders if spec in self.manifest.encoders]
        for spec in same:
            if spec.column in self._encoders:
                newer._encoders[spec.column] = self._encoders[spec.column]
            if spec.column in self._columns:
                column = newer.store.column(spec)
                newer._columns[spec.column] = self._columns[spec.column].moved_to(column)
        return newer

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of encoders and of vectors held in memory."""
        self._encoders.clear()
        self._columns.clear()
        self._samples.clear()

    @property
    def path(self) -> Path:
        """Folder of the index."""
        return self.store.path

    @property
    def manifest(self) -> Manifest:
        """Its description."""
        return self.store.manifest

    @property
    def engine(self) -> str:
        """What searches, as it was asked for."""
        return self._engine

    def __len__(self) -> int:
        return len(self.store)

    def __contains__(self, one: object) -> bool:
        return isinstance(one, str) and self._parts.is_item(one)

    def parse(
        self, words: Sequence[str], *, texts: Sequence[str] = (), style: str = "auto"
    ) -> Query:
        """Read a query as a user types it; see :meth:`Query.parse`.

        Raises:
            StoreError: It is none; ids like what was typed are suggested.
        """
        return Query.parse(
            words,
            is_item=self.__contains__,
            similar=lambda word: similar_ids(self.store, word),
            texts=texts,
            style=style,
        )

    def encoder(self, name: str | None = None) -> ImageEncoder:
        """The encoder of a column, the first by default.

        Raises:
            StoreError: The index has no such column; the message names those it has.
            EncoderError: Its weights cannot be found or used.
        """
        spec = self.manifest.encoder(name)
        if spec.column not in self._encoders:
            self._encoders[spec.column] = load_for_spec(spec, self.path, runtime=self._runtime)
        return self._encoders[spec.column]

    def column(self, encoder: str | None = None) -> EngineVectors:
        """The vectors of an encoder, the first by default, searched by the index's engine.

        Raises:
            StoreError: There is no such column, engine or GPU.
        """
        spec = self.manifest.encoder(encoder)
        if spec.column not in self._columns:
            column = EngineVectors(
                self.store.column(spec),
                self.path,
                engine=self._engine,
                device="cpu" if self._runtime and self._runtime.device == "cpu" else "auto",
                progress=self._progress,
            )
            self._columns.setdefault(spec.column, column)  # of two threads the first one's
        return self._columns[spec.column]

    def read_ahead(self, encoder: str | None = None) -> None:
        """Read what the first search by an item would: vectors that fit in memory, a sample.

        Args:
            encoder: Whose; the first by default.

        Raises:
            StoreError: There is no such column, or it cannot be read.
        """
        spec = self.manifest.encoder(encoder)
        self.column(spec.column)
        self.store.column(spec).snapshot().hold()
        self._sample(spec).percentiles([0.0])

    def search(
        self,
        query: Query,
        k: int = 10,
        *,
        encoder: str | None = None,
        where: str | None = None,
        exclude_group: bool = False,
        exclude_self: bool = True,
        cutoff: float | None = QUANTILE,
        show_all: bool = False,
    ) -> SearchResult:
        """Find the k items nearest to a query.

        Args:
            query: See :class:`Query`.
            k: Hits asked for, ≥ 1.
            encoder: Whose vectors are compared; by default the index's first, for words the first
                that takes them.
            where: SQL condition on the columns of items.
            exclude_group: Leave out the groups of the query's items.
            exclude_self: Leave out the query's items themselves. An image file that is indexed as a
                whole image counts as that item.
            cutoff: Where all that is asked for more of is words: of the 500 nearest items leave out
                those that fit no better than this share of words that fit nothing, see
                :mod:`georetrieve.search.cutoff`; None: compare with no such words.
            show_all: Compare, but leave nothing out.

        Raises:
            StoreError: An id is unknown, k < 1, the condition or the cutoff is not valid, or the
                query is empty.
            SpecMismatchError: A vector is not of this encoder.
            SourceError: An image cannot be read.
            EncoderError: The encoder cannot be loaded, or has no texts.
            VocabularyError: A style of prompts is unknown.
        """
        remarks: list[str] = []
        wordings = self._words.wordings(query.parts, remarks)
        spec = self._column_for(query, encoder, remarks)
        vectors = self._vectors(query.parts, wordings, spec)
        weights = self._weights(query, vectors, spec)
        vector = combine(vectors, weights, spec.metric)
        left_out: set[str] = set()
        if exclude_self:
            own = map(self._parts.item_of, query.parts)
            left_out = {one for one in own if one is not None}
        condition = where
        if exclude_group:
            condition = self._parts.without_groups(query, where, remarks)
        column = self.column(spec.column)
        choice = column.choose()
        remarks += choice.remarks
        judges = cutoff is not None and _is_judged(query, remarks)
        # Asked for more by what is then left out; a check of k itself is the column's.
        wanted = max(k, JUDGED if judges else 1) + len(left_out) if k > 0 else k
        hits = column.search(vector[None], min(wanted, max(len(column), 1)), where=condition)
        found = _found(hits, left_out)
        limit = None
        if cutoff is not None and judges and found:
            found, limit = self._judged(query, wordings, vectors, spec, found, cutoff)
            remarks.append(limit.told(shown=show_all))
            if not show_all:
                found = [one for one in found if one.fit is not None and one.fit > limit.fit]
        return SearchResult(
            index=self.path,
            query=str(query),
            encoder=spec.name,
            metric=spec.metric,
            hits=self._hits(found[:k], spec, among_images=not wordings),
            remarks=remarks,
            engine=choice.name,
            recall_at_10=choice.recall_at_10,
            texts=wordings,
            cutoff=limit,
        )

    def picture(self, part: QueryPart) -> QueryPicture:
        """See :meth:`PartReader.picture`."""
        return self._parts.picture(part)

    def thumbnails(self, ids: Sequence[str]) -> dict[str, bytes]:
        """The WebP thumbnails of some items.

        Raises:
            StoreError: An id is unknown.
        """
        table = self.store.take(ids, ["thumbnail"])
        return dict(zip(ids, table.column("thumbnail").to_pylist(), strict=True))

    # --- the query ----------------------------------------------------------------------------

    def _column_for(self, query: Query, encoder: str | None, remarks: list[str]) -> EncoderSpec:
        """The column that is asked for; for words the first that takes them."""
        if encoder is None and query.has_words:
            return text_column(self.manifest, self.encoder, remarks)
        return self.manifest.encoder(encoder)

    def _vectors(
        self, parts: Sequence[QueryPart], wordings: Sequence[Wording], spec: EncoderSpec
    ) -> FloatArray:
        """(P, D), one for each part."""
        prompts = iter([wording.prompts for wording in wordings])
        vectors = []
        for part in parts:
            if isinstance(part, QueryText):
                vectors.append(text_vector(as_text_encoder(self.encoder(spec.name)), next(prompts)))
            elif isinstance(part, QueryImage):
                pixels = self._parts.pixels(part)
                vectors.append(self.encoder(spec.name).encode_images([pixels])[0])
            else:
                vectors.append(self._parts.vector(part, spec))
        return np.stack(vectors)

    def _weights(self, query: Query, vectors: FloatArray, spec: EncoderSpec) -> list[float]:
        """What each part counts; where words are among several, by how far its scores spread."""
        weights = np.array([part.weight for part in query.parts])
        if query.has_words and len(weights) > 1:
            weights = weights / self._sample(spec).spreads(vectors)
        return [float(weight) for weight in weights]

    def _sample(self, spec: EncoderSpec) -> ItemSample:
        column = self.store.column(spec)
        stamp = column.snapshot().stamp
        known, sample = self._samples.get(spec.column, ("", None))
        if sample is None or known != stamp:
            sample = ItemSample(column.sample(SAMPLED_ITEMS), spec.metric)
            self._samples[spec.column] = stamp, sample
        return sample

    # --- the hits -----------------------------------------------------------------------------

    def _judged(
        self,
        query: Query,
        wordings: Sequence[Wording],
        vectors: FloatArray,
        spec: EncoderSpec,
        found: Sequence[Found],
        quantile: float,
    ) -> tuple[list[Found], Cutoff]:
        """Hits with how well they fit the words that more is asked for of, the best of them."""
        places = [place for place, part in enumerate(query.parts) if isinstance(part, QueryText)]
        pairs = zip(wordings, vectors[places], strict=True)
        more = [(wording, vector) for wording, vector in pairs if wording.weight > 0]
        return self._words.judge(
            as_text_encoder(self.encoder(spec.name)), spec, more, found, quantile
        )

    def _hits(
        self, found: Sequence[Found], spec: EncoderSpec, *, among_images: bool
    ) -> list[SearchHit]:
        rows = self.store.take([one.id for one in found]).to_pylist()
        percentiles: list[float | None] = [None] * len(found)
        if among_images:  # distances from words are no distances between images
            percentiles = self._sample(spec).percentiles([one.distance for one in found])
        roots = {source.key: Path(source.root) for source in self.manifest.sources}
        return [
            SearchHit.from_row(
                row,
                roots.get(row["source"], Path()),
                rank=rank,
                score=one.score,
                distance=one.distance,
                percentile=percentile,
                fit=one.fit,
            )
            for rank, (row, one, percentile) in enumerate(
                zip(rows, found, percentiles, strict=True), start=1
            )
        ]


def _found(hits: Hits, left_out: set[str]) -> list[Found]:
    """Those that are there and are not left out."""
    rows = zip(hits.ids[0], hits.scores[0], hits.distances[0], strict=True)
    return [
        Found(one, float(score), float(distance))
        for one, score, distance in rows
        if one and one not in left_out
    ]


def _is_judged(query: Query, remarks: list[str]) -> bool:
    """Whether hits have to fit words: all that is asked for more of is words."""
    more = [part for part in query.parts if part.weight > 0]
    words = [part for part in more if isinstance(part, QueryText)]
    if words and len(words) < len(more):
        remarks.append("Not words alone are looked for, so no hit is left out for its score.")
    return bool(words) and len(words) == len(more)
