"""The parts of a query in an index: their pixels, stored vectors, items and groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from georetrieve.errors import SpecMismatchError, StoreError
from georetrieve.protocols import ImageEncoder
from georetrieve.search.asked import indexed_file, read_query, similar_ids
from georetrieve.search.query import (
    Query,
    QueryImage,
    QueryItem,
    QueryPart,
    QueryText,
    QueryVector,
)
from georetrieve.search.result import QueryPicture
from georetrieve.search.texts import as_text_encoder, text_vector
from georetrieve.search.wording import Wording
from georetrieve.sources.options import ReadOptions
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.schema import sql_in, sql_literal
from georetrieve.types import EncoderSpec, FloatArray, item_id

__all__ = ["PartReader"]


class PartReader:
    """Reads the parts of queries, in one index."""

    def __init__(self, store: IndexStore) -> None:
        self._store = store

    def pixels(self, part: QueryImage) -> Image.Image:
        """See :func:`~georetrieve.search.asked.read_query`."""
        return read_query(part, ReadOptions.from_json(self._store.manifest.reading))

    def vectors(
        self,
        parts: Sequence[QueryPart],
        wordings: Sequence[Wording],
        spec: EncoderSpec,
        load: Callable[[str], ImageEncoder],
    ) -> FloatArray:
        """Return the (P, D) vectors of parts.

        Args:
            parts: P parts.
            wordings: How the texts among them are put.
            spec: Of the column they are compared with.
            load: Name → encoder; called where there is something to encode.

        Raises:
            StoreError: See :meth:`vector`.
            SpecMismatchError: See :meth:`vector`.
            SourceError: An image cannot be read.
            EncoderError: The encoder cannot be loaded, or has no texts.
        """
        prompts = iter([wording.prompts for wording in wordings])
        vectors = []
        for part in parts:
            if isinstance(part, QueryText):
                vectors.append(text_vector(as_text_encoder(load(spec.name)), next(prompts)))
            elif isinstance(part, QueryImage):
                pixels = self.pixels(part)
                vectors.append(load(spec.name).encode_images([pixels])[0])
            else:
                vectors.append(self.vector(part, spec))
        return np.stack(vectors)

    def vector(self, part: QueryItem | QueryVector, spec: EncoderSpec) -> FloatArray:
        """The (D,) vector of an item, or the one that is given.

        Raises:
            StoreError: There is no such item, it has no vector of this encoder, or what is given is
                zero or not finite.
            SpecMismatchError: What is given is of another encoder, or of another width.
        """
        return (
            _checked(part, spec) if isinstance(part, QueryVector) else self._stored(part.id, spec)
        )

    def picture(self, part: QueryPart) -> QueryPicture:
        """What a part of a query looks like, to stand beside its hits.

        Raises:
            StoreError: It is an item that is not there, or a vector, which looks like nothing.
            SourceError: The image cannot be read.
        """
        if isinstance(part, QueryText):
            return QueryPicture(None, str(part), None, part.weight)
        if isinstance(part, QueryVector):
            raise StoreError("A vector has no picture; give an image or an item as query.")
        own = self.item_of(part)
        rows = self._store.take([own], ["label", "thumbnail"]).to_pylist() if own else []
        label = rows[0]["label"] if rows else None
        image = rows[0]["thumbnail"] if isinstance(part, QueryItem) else self.pixels(part)
        return QueryPicture(image, str(part), label, part.weight)

    def _stored(self, one: str, spec: EncoderSpec) -> FloatArray:
        ids, vectors = self._store.vectors(spec.column, sql_in("id", [one]))
        if ids:
            stored: FloatArray = vectors[0]
            return stored
        if self.is_item(one):
            raise StoreError(f"Item {one!r} has no {spec.name} vector; choose another encoder.")
        raise StoreError(
            f"There is no item {one!r} in {self._store.path}.{similar_ids(self._store, one)}"
        )

    def is_item(self, one: str) -> bool:
        """Whether there is an item of this id."""
        return self._store.count(sql_in("id", [one])) > 0

    def item_of(self, part: QueryPart) -> str | None:
        """The item a part stands for: named by id, or an indexed file or region of one."""
        if isinstance(part, QueryItem):
            return part.id
        if not isinstance(part, QueryImage):
            return None
        place = indexed_file(part, self._store.manifest)
        if place is None:
            return None
        one = item_id(place[1], part.region, source=place[0])
        return one if self.is_item(one) else None

    def without_groups(self, query: Query, where: str | None, remarks: list[str]) -> str | None:
        """A condition that also leaves out the groups of the query's items."""
        groups = set().union(*map(self._groups_of, query.parts))
        known = sorted(group for group in groups if group is not None)
        if not known:
            remarks.append("The query's group is unknown, so no group was left out.")
            return where
        others = f"(`group` IS NULL OR NOT {sql_in('group', known)})"
        if where is None:
            return others
        self._store.count(where)  # if it is not valid, it is the user's own words that are shown
        return f"({where}\n) AND {others}"

    def _groups_of(self, part: QueryPart) -> set[str | None]:
        """The groups of an item, or of the items of an indexed file."""
        if isinstance(part, QueryItem):
            return set(self._store.take([part.id], ["group"]).column("group").to_pylist())
        place = indexed_file(part, self._store.manifest) if isinstance(part, QueryImage) else None
        if place is None:
            return set()
        source, path = map(sql_literal, place)
        table = self._store.scan(["group"], f"source = {source} AND path = {path}")
        return set(table.column("group").to_pylist())


def _checked(part: QueryVector, spec: EncoderSpec) -> FloatArray:
    """The vector of a part, if it can be compared with a column."""
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
