"""An index opened for reading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from georetrieve.encoders.registry import load_for_spec
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import SpecMismatchError, StoreError
from georetrieve.protocols import ImageEncoder, Progress
from georetrieve.search.asked import indexed_file, read_query, similar_ids
from georetrieve.search.places import find_index
from georetrieve.search.query import Query, QueryImage, QueryItem, QueryPart, QueryVector, combine
from georetrieve.search.result import QueryPicture, SearchHit, SearchResult
from georetrieve.sources.options import ReadOptions
from georetrieve.stores.distances import pair_distances
from georetrieve.stores.engines import EngineVectors
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest
from georetrieve.stores.schema import sql_in, sql_literal
from georetrieve.types import EncoderSpec, FloatArray, Hits, item_id

__all__ = ["Index"]

SAMPLED_ITEMS = 1000  # whose pairs tell what a near distance is


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
    ) -> None:
        self.store = store
        self._runtime, self._engine, self._progress = runtime, engine, progress
        self._columns: dict[str, EngineVectors] = {}
        self._encoders: dict[str, ImageEncoder] = {}
        self._pairs: dict[str, FloatArray] = {}

    @classmethod
    def open(
        cls,
        index: str | Path,
        *,
        runtime: Runtime | None = None,
        engine: str = "auto",
        progress: Progress | None = None,
    ) -> Index:
        """Open an index.

        Args:
            index: A name under ``indexes/``, or a path.
            runtime: How encoders run; by default PyTorch in single precision.
            engine: What searches; see :mod:`georetrieve.stores.engine_choice`.
            progress: Told when an engine's index is built.

        Raises:
            IndexNotFoundError: There is none; the nearest names are suggested.
            StoreError: It is damaged, or of a later version of georetrieve.
        """
        store = IndexStore.open(find_index(index))
        return cls(store, runtime=runtime, engine=engine, progress=progress)

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of encoders and of vectors held in memory."""
        self._encoders.clear()
        self._columns.clear()
        self._pairs.clear()

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
        return isinstance(one, str) and self.store.count(sql_in("id", [one])) > 0

    def parse(self, words: Sequence[str]) -> Query:
        """Read a query as a user types it; see :meth:`Query.parse`.

        Raises:
            StoreError: It is none; ids like what was typed are suggested.
        """
        return Query.parse(
            words,
            is_item=self.__contains__,
            similar=lambda word: similar_ids(self.store, word),
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
            self._columns[spec.column] = EngineVectors(
                self.store.column(spec),
                self.path,
                engine=self._engine,
                device="cpu" if self._runtime and self._runtime.device == "cpu" else "auto",
                progress=self._progress,
            )
        return self._columns[spec.column]

    def search(
        self,
        query: Query,
        k: int = 10,
        *,
        encoder: str | None = None,
        where: str | None = None,
        exclude_group: bool = False,
        exclude_self: bool = True,
    ) -> SearchResult:
        """Find the k items nearest to a query.

        Args:
            query: See :class:`Query`.
            k: Hits asked for, ≥ 1.
            encoder: Whose vectors are compared; the index's first by default.
            where: SQL condition on the columns of items.
            exclude_group: Leave out the groups of the query's items.
            exclude_self: Leave out the query's items themselves. An image file that is indexed as a
                whole image counts as that item.

        Raises:
            StoreError: An id is unknown, k < 1, the condition is not valid, or the query is empty.
            SpecMismatchError: A vector is not of this encoder.
            SourceError: An image cannot be read.
            EncoderError: The encoder cannot be loaded.
        """
        spec = self.manifest.encoder(encoder)
        vectors = np.stack([self._vector(part, spec) for part in query.parts])
        vector = combine(vectors, [part.weight for part in query.parts], spec.metric)
        left_out: set[str] = set()
        if exclude_self:
            left_out = {one for one in map(self._item_of, query.parts) if one is not None}
        remarks: list[str] = []
        condition = self._without_groups(query, where, remarks) if exclude_group else where
        column = self.column(spec.column)
        choice = column.choose()
        remarks += choice.remarks
        # Asked for more by what is then left out; a check of k itself is the column's.
        wanted = k + len(left_out) if k > 0 else k
        hits = column.search(vector[None], min(wanted, max(len(column), 1)), where=condition)
        return SearchResult(
            index=self.path,
            query=str(query),
            encoder=spec.name,
            metric=spec.metric,
            hits=self._hits(hits, spec, left_out, k),
            remarks=remarks,
            engine=choice.name,
            recall_at_10=choice.recall_at_10,
        )

    def picture(self, part: QueryPart) -> QueryPicture:
        """What a part of a query looks like, to stand beside its hits.

        Raises:
            StoreError: It is an item that is not there, or a vector, which looks like nothing.
            SourceError: The image cannot be read.
        """
        if isinstance(part, QueryVector):
            raise StoreError("A vector has no picture; give an image or an item as query.")
        own = self._item_of(part)
        rows = self.store.take([own], ["label", "thumbnail"]).to_pylist() if own else []
        label = rows[0]["label"] if rows else None
        image = rows[0]["thumbnail"] if isinstance(part, QueryItem) else self._pixels(part)
        return QueryPicture(image, str(part), label, part.weight)

    def thumbnails(self, ids: Sequence[str]) -> dict[str, bytes]:
        """The WebP thumbnails of some items.

        Raises:
            StoreError: An id is unknown.
        """
        table = self.store.take(ids, ["thumbnail"])
        return dict(zip(ids, table.column("thumbnail").to_pylist(), strict=True))

    # --- the query ----------------------------------------------------------------------------

    def _vector(self, part: QueryPart, spec: EncoderSpec) -> FloatArray:
        if isinstance(part, QueryVector):
            return _checked(part, spec)
        if isinstance(part, QueryItem):
            return self._stored(part.id, spec)
        vector: FloatArray = self.encoder(spec.name).encode_images([self._pixels(part)])[0]
        return vector

    def _pixels(self, part: QueryImage) -> Image.Image:
        return read_query(part, ReadOptions.from_json(self.manifest.reading))

    def _stored(self, one: str, spec: EncoderSpec) -> FloatArray:
        ids, vectors = self.store.vectors(spec.column, sql_in("id", [one]))
        if ids:
            stored: FloatArray = vectors[0]
            return stored
        if one in self:
            raise StoreError(f"Item {one!r} has no {spec.name} vector; choose another encoder.")
        raise StoreError(f"There is no item {one!r} in {self.path}.{similar_ids(self.store, one)}")

    def _item_of(self, part: QueryPart) -> str | None:
        """The item a part stands for: named by id, or an indexed file or region of one."""
        if isinstance(part, QueryItem):
            return part.id
        if isinstance(part, QueryVector):
            return None
        place = indexed_file(part, self.manifest)
        if place is None:
            return None
        one = item_id(place[1], part.region, source=place[0])
        return one if one in self else None

    def _groups_of(self, part: QueryPart) -> set[str | None]:
        """The groups of an item, or of the items of an indexed file."""
        if isinstance(part, QueryItem):
            return set(self.store.take([part.id], ["group"]).column("group").to_pylist())
        place = indexed_file(part, self.manifest) if isinstance(part, QueryImage) else None
        if place is None:
            return set()
        source, path = map(sql_literal, place)
        table = self.store.scan(["group"], f"source = {source} AND path = {path}")
        return set(table.column("group").to_pylist())

    def _without_groups(self, query: Query, where: str | None, remarks: list[str]) -> str | None:
        """A condition that also leaves out the groups of the query's items."""
        groups = set().union(*map(self._groups_of, query.parts))
        known = sorted(group for group in groups if group is not None)
        if not known:
            remarks.append("The query's group is unknown, so no group was left out.")
            return where
        others = f"(`group` IS NULL OR NOT {sql_in('group', known)})"
        if where is None:
            return others
        self.store.count(where)  # if it is not valid, it is the user's own words that are shown
        return f"({where}\n) AND {others}"

    # --- the hits -----------------------------------------------------------------------------

    def _hits(self, hits: Hits, spec: EncoderSpec, left_out: set[str], k: int) -> list[SearchHit]:
        found = [
            (one, float(score), float(distance))
            for one, score, distance in zip(
                hits.ids[0], hits.scores[0], hits.distances[0], strict=True
            )
            if one and one not in left_out
        ][:k]
        rows = self.store.take([one for one, _, _ in found]).to_pylist()
        percentiles = self._percentiles([distance for _, _, distance in found], spec)
        roots = {source.key: Path(source.root) for source in self.manifest.sources}
        return [
            SearchHit.from_row(
                row,
                roots.get(row["source"], Path()),
                rank=rank,
                score=score,
                distance=distance,
                percentile=percentile,
            )
            for rank, (row, (_, score, distance), percentile) in enumerate(
                zip(rows, found, percentiles, strict=True), start=1
            )
        ]

    def _percentiles(self, distances: Iterable[float], spec: EncoderSpec) -> list[float | None]:
        if spec.column not in self._pairs:
            self._pairs[spec.column] = pair_distances(
                self.store.column(spec).sample(SAMPLED_ITEMS), spec.metric
            )
        pairs = self._pairs[spec.column]
        if not len(pairs):
            return [None for _ in distances]
        nearer = np.searchsorted(pairs, np.asarray(list(distances), np.float32))
        return [100.0 * float(count) / len(pairs) for count in nearer]


def _checked(part: QueryVector, spec: EncoderSpec) -> FloatArray:
    vector = np.asarray(part.vector, dtype=np.float32)
    if part.spec is not None and part.spec.fingerprint != spec.fingerprint:
        raise SpecMismatchError(
            f"The query is a vector of {part.spec.name} ({part.spec.fingerprint}); the column "
            f"holds those of {spec.name} ({spec.fingerprint}). Name the column of the encoder."
        )
    if vector.shape != (spec.dim,):
        raise SpecMismatchError(
            f"The query has shape {vector.shape}; vectors of {spec.name} have width {spec.dim}."
        )
    if not np.isfinite(vector).all() or not vector.any():
        raise StoreError("The query vector is zero or not finite, and so near to nothing.")
    return vector
