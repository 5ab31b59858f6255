"""Maps that were made, kept in the index's folder; labels may change without one being made anew.

``cache/maps/COLUMN-BASIS.arrow`` holds a row an item: id, digest of its file, x, y. The basis
stands for all that vectors depend on but the files: the encoder, its metric, how files are read. An
item whose digest is another is a new one. A file appears whole or not at all and may be deleted at
any time. Where the index's folder cannot be written, the user's cache folder takes its place.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.feather as feather

from georetrieve.encoders.catalogue.obtaining import cache_folder
from georetrieve.errors import StoreError
from georetrieve.probes.item_map.layout import MapOptions
from georetrieve.probes.item_map.quality import MapQuality
from georetrieve.stores.lance import IndexStore
from georetrieve.types import EncoderSpec, FloatArray

__all__ = ["ItemMap", "items_mapped", "keep_map", "kept_map", "map_file", "writable_map_file"]

_FACTS = b"georetrieve"


@dataclass(frozen=True, slots=True)
class ItemMap:
    """Where items lie.

    Attributes:
        items: ``id``, ``content_hash``, ``x``, ``y`` of N items, sorted by id.
        encoder: Whose vectors.
        options: How it was laid out.
        quality: How far it can be believed; None for a few items.
        made: When it was laid out, ISO 8601 in UTC.
        beside: Items that came later and were only put beside their nearest.
    """

    items: pa.Table
    encoder: str
    options: MapOptions
    quality: MapQuality | None
    made: str
    beside: int = 0

    def __len__(self) -> int:
        return int(self.items.num_rows)

    @property
    def stamp(self) -> str:
        """Another one for another map of the same index."""
        return f"{self.made} {self.encoder} {len(self)} {self.beside}"

    @property
    def ids(self) -> list[str]:
        """Of the items, sorted."""
        found: list[str] = self.items.column("id").to_pylist()
        return found

    @property
    def places(self) -> FloatArray:
        """(N, 2)."""
        found: FloatArray = np.stack(
            [self.items.column(name).to_numpy().astype(np.float32) for name in ("x", "y")], axis=1
        )
        return found

    def of_now(self, items: pa.Table) -> ItemMap:
        """The part of the map whose items are still those of the index.

        Args:
            items: What :func:`items_mapped` says.
        """
        if items.num_rows == len(self) and self._same(items).all():
            return self
        found = pc.index_in(self.items.column("id"), items.column("id").combine_chunks())
        there = found.is_valid().to_numpy()
        digests = items.column("content_hash").take(found.fill_null(0)) if items.num_rows else None
        if digests is not None:
            there &= pc.equal(digests, self.items.column("content_hash")).to_numpy()
        return replace(self, items=self.items.filter(pa.array(there)))

    def missing(self, items: pa.Table) -> list[str]:
        """Ids of the items that have no place in the map :meth:`of_now`."""
        known = pc.is_in(items.column("id"), self.items.column("id").combine_chunks())
        found: list[str] = items.column("id").filter(pc.invert(known)).to_pylist()
        return found

    def _same(self, items: pa.Table) -> npt.NDArray[np.bool_]:
        pairs = (
            pc.equal(self.items.column(name), items.column(name)) for name in ("id", "content_hash")
        )
        one, other = (np.asarray(pair.to_numpy(), bool) for pair in pairs)
        same: npt.NDArray[np.bool_] = one & other
        return same


def items_mapped(store: IndexStore, spec: EncoderSpec) -> pa.Table:
    """``id`` and ``content_hash`` of the items that have a vector, sorted by id."""
    has = f"`{spec.column}` IS NOT NULL"
    return store.scan(["id", "content_hash"], has, order_by_id=True).combine_chunks()


def kept_map(store: IndexStore, spec: EncoderSpec) -> ItemMap | None:
    """The map that is kept, if any; see :meth:`ItemMap.of_now` for what of it still holds.

    A file that cannot be read counts as none: it is made again.
    """
    found = [path for path in _files(store, spec) if path.is_file()]
    for path in sorted(found, key=lambda one: one.stat().st_mtime, reverse=True):
        try:
            return _read(path)
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
            continue
    return None


def keep_map(store: IndexStore, spec: EncoderSpec, made: ItemMap) -> Path:
    """Write a map, in one step, and take away those of other encoders of the same name.

    Raises:
        StoreError: It cannot be written.
    """
    path = writable_map_file(store, spec)
    facts = {
        "encoder": made.encoder,
        "options": asdict(made.options),
        "quality": None if made.quality is None else asdict(made.quality),
        "made": made.made,
        "beside": made.beside,
    }
    table = made.items.replace_schema_metadata({_FACTS: json.dumps(facts).encode()})
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        feather.write_feather(table, str(temporary), compression="lz4")
        temporary.replace(path)
    except OSError as error:
        raise StoreError(f"The map cannot be kept: {path.parent} ({error.strerror}).") from error
    finally:
        temporary.unlink(missing_ok=True)
    for other in path.parent.glob(f"{spec.column}-*.arrow"):
        if other != path:
            other.unlink(missing_ok=True)
    return path


def map_file(store: IndexStore, spec: EncoderSpec) -> Path:
    """Where the map is, or would be."""
    return next((path for path in _files(store, spec) if path.is_file()), None) or next(
        _files(store, spec)
    )


def writable_map_file(store: IndexStore, spec: EncoderSpec) -> Path:
    """Where a map can be kept; the folder is made.

    Raises:
        StoreError: Nowhere.
    """
    reason = ""
    for path in _files(store, spec):
        probe = path.with_name(f".{os.getpid()}.{uuid.uuid4().hex[:8]}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            probe.touch()
        except OSError as error:
            reason = f"{path.parent}: {error.strerror or error}"
            continue
        probe.unlink(missing_ok=True)
        return path
    raise StoreError(f"A map can be kept nowhere ({reason}); make room or mend access.")


def _files(store: IndexStore, spec: EncoderSpec) -> Iterator[Path]:
    """In the index's folder, then in the user's."""
    basis = [spec.fingerprint, spec.metric, dict(store.manifest.reading)]
    text = json.dumps(basis, sort_keys=True, default=str)
    name = f"{spec.column}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.arrow"
    yield store.path / "cache" / "maps" / name
    place = hashlib.sha256(str(store.path.resolve()).encode()).hexdigest()[:16]
    yield cache_folder() / "georetrieve" / "maps" / place / name


def _read(path: Path) -> ItemMap:
    table = feather.read_table(str(path), memory_map=False).combine_chunks()
    facts = json.loads(table.schema.metadata[_FACTS])
    quality = facts["quality"]
    return ItemMap(
        items=table.select(["id", "content_hash", "x", "y"]),
        encoder=str(facts["encoder"]),
        options=MapOptions(**facts["options"]),
        quality=None if quality is None else MapQuality(**quality),
        made=str(facts["made"]),
        beside=int(facts["beside"]),
    )
