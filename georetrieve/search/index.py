"""An index opened for reading."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from georetrieve.encoders.runtime import Runtime
from georetrieve.protocols import ImageEncoder, Progress
from georetrieve.search.asked import similar_ids
from georetrieve.search.cutoff import QUANTILE
from georetrieve.search.loaded import LoadedColumns
from georetrieve.search.mixing import combine
from georetrieve.search.parts import PartReader
from georetrieve.search.places import find_index
from georetrieve.search.query import Query, QueryPart, QueryText
from georetrieve.search.result import Found, QueryPicture, SearchHit, SearchResult
from georetrieve.search.text_side import TextSide, text_column
from georetrieve.search.texts import as_text_encoder
from georetrieve.stores.engines import EngineVectors
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest
from georetrieve.types import EncoderSpec, FloatArray, Hits
from georetrieve.vocabulary import Vocabulary

__all__ = ["Index"]

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
        self._loaded = LoadedColumns(store, runtime=runtime, engine=engine, progress=progress)
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
        store = IndexStore.open(self.path, before=self.store)
        newer = Index(store, vocabulary=self._words.vocabulary)
        newer._loaded = self._loaded.moved_to(store)
        return newer

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of encoders and of vectors held in memory."""
        self._loaded.clear()

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
        return self._loaded.engine

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
        return self._loaded.encoder(self.manifest.encoder(name))

    def column(self, encoder: str | None = None) -> EngineVectors:
        """The vectors of an encoder, the first by default, searched by the index's engine.

        Raises:
            StoreError: There is no such column, engine or GPU.
        """
        return self._loaded.vectors(self.manifest.encoder(encoder))

    def read_ahead(self, encoder: str | None = None) -> None:
        """Read what the first search by an item would: vectors that fit in memory, a sample.

        Args:
            encoder: Whose; the first by default.

        Raises:
            StoreError: There is no such column, or it cannot be read.
        """
        self._loaded.read_ahead(self.manifest.encoder(encoder))

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
        vectors = self._parts.vectors(query.parts, wordings, spec, self.encoder)
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
        judges = cutoff is not None and self._words.judges(query, remarks)
        # Asked for more by what is then left out; a check of k itself is the column's.
        wanted = max(k, JUDGED if judges else 1) + len(left_out) if k > 0 else k
        hits = column.search(vector[None], min(wanted, max(len(column), 1)), where=condition)
        found = _found(hits, left_out)
        limit = None
        if cutoff is not None and judges and found:
            texts = vectors[[isinstance(part, QueryText) for part in query.parts]]
            found, limit = self._words.judge(
                as_text_encoder(self.encoder(spec.name)), spec, wordings, texts, found, cutoff
            )
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

    def _weights(self, query: Query, vectors: FloatArray, spec: EncoderSpec) -> list[float]:
        """What each part counts; where words are among several, by how far its scores spread."""
        weights = np.array([part.weight for part in query.parts])
        if query.has_words and len(weights) > 1:
            weights = weights / self._loaded.sample(spec).spreads(vectors)
        return [float(weight) for weight in weights]

    # --- the hits -----------------------------------------------------------------------------

    def _hits(
        self, found: Sequence[Found], spec: EncoderSpec, *, among_images: bool
    ) -> list[SearchHit]:
        rows = self.store.take([one.id for one in found]).to_pylist()
        percentiles: list[float | None] = [None] * len(found)
        if among_images:  # distances from words are no distances between images
            percentiles = self._loaded.sample(spec).percentiles([one.distance for one in found])
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
