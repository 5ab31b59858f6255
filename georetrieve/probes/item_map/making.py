"""Make the map of an index, or bring it up to date."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from filelock import FileLock, Timeout

from georetrieve.probes.item_map.kept import (
    ItemMap,
    items_mapped,
    keep_map,
    kept_map,
    writable_map_file,
)
from georetrieve.probes.item_map.layout import MapOptions, lay_out, place_beside
from georetrieve.probes.item_map.nearest import compared
from georetrieve.probes.item_map.quality import neighbours_kept
from georetrieve.protocols import Progress
from georetrieve.search import Index
from georetrieve.stores.lance import IndexStore
from georetrieve.types import EncoderSpec, FloatArray

__all__ = ["make_map"]

JOINED = 0.2  # of a map: so many new items are put beside their nearest; more change the map


def make_map(
    index: Index,
    encoder: str | None = None,
    *,
    options: MapOptions | None = None,
    again: bool = False,
    progress: Progress | None = None,
) -> ItemMap:
    """The map of an index; made and kept when there is none that fits.

    Items keep their places when labels change and when others come or go: up to a fifth of new ones
    are put beside their nearest, more have the map laid out anew. Who asks for a map that is being
    made waits for it.

    Args:
        index: Open.
        encoder: Whose vectors; the first by default.
        options: How it is laid out; None: as it was.
        again: Lay it out anew in any case.
        progress: Told of the steps.

    Raises:
        StoreError: There is no such encoder, or nowhere to keep a map.
        MissingExtraError: openTSNE is not installed.
    """
    store, spec = index.store, index.manifest.encoder(encoder)
    with _alone(store, spec, progress):
        items = items_mapped(store, spec)
        kept = kept_map(store, spec)
        if kept is None or again or options not in (None, kept.options):
            old = kept.options if kept else MapOptions()
            return _laid_out(store, spec, items, options or old, progress)
        held = kept.of_now(items)
        new = held.missing(items)
        if not new:
            return held
        if len(new) > JOINED * len(held):
            return _laid_out(store, spec, items, kept.options, progress)
        return _joined(store, spec, items, held, new)


def _alone(
    store: IndexStore, spec: EncoderSpec, progress: Progress | None
) -> AbstractContextManager[object]:
    """The right to make this map."""
    lock = FileLock(writable_map_file(store, spec).with_suffix(".lock"), fallback_to_soft=False)
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        if progress:
            progress.say("Another process is making this map; waiting for it.")
        return lock.acquire(timeout=-1)


def _laid_out(
    store: IndexStore,
    spec: EncoderSpec,
    items: pa.Table,
    options: MapOptions,
    progress: Progress | None,
) -> ItemMap:
    vectors = store.vectors(spec.name)[1]  # sorted by id, as the items are
    places = lay_out(vectors, metric=spec.metric, options=options, progress=progress)
    made = ItemMap(
        items=_placed(items, places),
        encoder=spec.name,
        options=options,
        quality=neighbours_kept(vectors, places, metric=spec.metric, seed=options.seed),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    keep_map(store, spec, made)
    return made


def _joined(
    store: IndexStore, spec: EncoderSpec, items: pa.Table, held: ItemMap, new: list[str]
) -> ItemMap:
    """The map with new items beside their nearest; those that have a place keep it."""
    vectors = store.vectors(spec.name)[1]
    is_new = pc.is_in(items.column("id"), pa.array(new, pa.string())).to_numpy()
    places = np.empty((len(vectors), 2), np.float32)
    places[~is_new] = held.places
    known = compared(vectors, spec.metric)
    places[is_new] = place_beside(
        known[is_new], known[~is_new], held.places, seed=held.options.seed
    )
    joined = replace(
        held,
        items=_placed(items, places),
        quality=neighbours_kept(vectors, places, metric=spec.metric, seed=held.options.seed),
        beside=held.beside + len(new),
    )
    keep_map(store, spec, joined)
    return joined


def _placed(items: pa.Table, places: FloatArray) -> pa.Table:
    columns = {name: items.column(name) for name in ("id", "content_hash")}
    return pa.table(columns | {"x": pa.array(places[:, 0]), "y": pa.array(places[:, 1])})
