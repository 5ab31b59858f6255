"""An index on disk: manifest, items, ledger. The system of record."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from georetrieve.errors import SpecMismatchError, StoreError
from georetrieve.stores.checks import check_vectors
from georetrieve.stores.items import Key, change_items, insert_items, key_conditions, rename_items
from georetrieve.stores.manifest import MANIFEST_NAME, Manifest
from georetrieve.stores.schema import FILES, ITEMS, files_table, vector_field
from georetrieve.stores.staging import Staging
from georetrieve.stores.stored_items import StoredItems
from georetrieve.stores.tables import LanceTable
from georetrieve.stores.vectors import LanceVectors, Snapshot, read_vectors, vector_batches
from georetrieve.types import EncoderSpec, FileRecord, FloatArray, Item, Scalar

__all__ = ["IndexStore"]

ITEMS_TABLE, FILES_TABLE = "items.lance", "files.lance"


class IndexStore(StoredItems):
    """The folder of an index; how its items are read says :class:`StoredItems`.

    A reader keeps the version it opened. Writers hold :func:`~georetrieve.stores.lock.write_lock`;
    each call that changes something is one commit unless it says otherwise, and doing it again
    after an interruption gives the same result.
    """

    def __init__(
        self, path: Path, manifest: Manifest, items: LanceTable, files: LanceTable
    ) -> None:
        super().__init__(items)
        self.path, self._manifest, self._files = path, manifest, files
        self._columns: dict[str, LanceVectors] = {}
        self._before: dict[str, Snapshot] = {}
        self._opening = threading.Lock()

    # --- life ---------------------------------------------------------------------------------

    @classmethod
    def create(cls, path: Path, manifest: Manifest) -> IndexStore:
        """Make an empty index in a folder, which may exist.

        Raises:
            StoreError: There is an index, or what is left of one that holds items.
        """
        if cls.exists(path):
            raise StoreError(f"{path} holds an index already; open it, or choose another folder.")
        if LanceTable.exists(path / ITEMS_TABLE) and len(LanceTable.open(path / ITEMS_TABLE)):
            raise StoreError(
                f"{path} holds the items of an index whose {MANIFEST_NAME} is gone. Restore that "
                "file, or delete the folder to index again."
            )
        path.mkdir(parents=True, exist_ok=True)
        items = LanceTable.create(path / ITEMS_TABLE, ITEMS)
        files = LanceTable.create(path / FILES_TABLE, FILES)
        store = cls(path, replace(manifest, encoders=()), items, files)
        store.update_manifest(manifest)  # last: an index exists when its manifest does
        return store

    @classmethod
    def open(cls, path: Path, *, before: IndexStore | None = None) -> IndexStore:
        """Open an index at its newest version.

        Args:
            path: Its folder.
            before: The index as it was opened earlier; vectors held in memory are taken from it
                where they have not changed.

        Raises:
            IndexNotFoundError: There is none.
            StoreError: It is damaged, or of a later version of georetrieve.
        """
        manifest = Manifest.load(path)
        items = LanceTable.open(path / ITEMS_TABLE)
        store = cls(path, manifest, items, LanceTable.open(path / FILES_TABLE))
        if before is not None:
            held = {name: column.last for name, column in before._columns.items()}
            store._before = before._before | {name: one for name, one in held.items() if one}
        return store

    @staticmethod
    def exists(path: Path) -> bool:
        """Whether a folder holds an index."""
        return (path / MANIFEST_NAME).is_file()

    @property
    def manifest(self) -> Manifest:
        """Its description."""
        return self._manifest

    def update_manifest(self, manifest: Manifest) -> None:
        """Replace the manifest; for an encoder that is new in it, the table gets an empty column.

        Raises:
            SpecMismatchError: An encoder would change under the vectors of its column.
        """
        known = {spec.column: spec for spec in self._manifest.encoders}
        for spec in manifest.encoders:
            if spec.column not in known:
                self._empty_column(spec)
            elif spec.fingerprint != known[spec.column].fingerprint:
                raise _other_spec(self._manifest, known[spec.column], spec)
        self._save(manifest)

    def _empty_column(self, spec: EncoderSpec) -> None:
        if spec.column in self._items.schema.names:  # of a run killed while it was dropped
            self._items.drop_column(spec.column)
        self._items.add_columns([vector_field(spec.column, spec.dim)])

    def _save(self, manifest: Manifest) -> None:
        manifest.save(self.path)
        self._manifest = manifest

    def compact(self) -> None:
        """Join what many commits left in small pieces; drop versions more than a day old."""
        self._items.tidy()
        self._files.tidy()

    # --- ledger -------------------------------------------------------------------------------

    def files(self) -> dict[Key, FileRecord]:
        """The ledger by (source, path)."""
        table = self._files.scan(FILES.names)
        columns = [table.column(name).to_pylist() for name in FILES.names]
        records = (
            FileRecord(**dict(zip(FILES.names, row, strict=True)))
            for row in zip(*columns, strict=True)
        )
        return {record.key: record for record in records}

    def write_files(self, records: Sequence[FileRecord]) -> None:
        """Insert rows of the ledger, replacing those of the same (source, path)."""
        latest = {record.key: record for record in records}
        if latest:
            self._files.upsert(files_table(list(latest.values())), on=["source", "path"])

    def remove_files(self, keys: Iterable[Key]) -> None:
        """Remove rows of the ledger; a commit per source folder and 5,000 files."""
        for condition in key_conditions(keys):
            self._files.delete(condition)

    # --- items --------------------------------------------------------------------------------

    def add_items(self, items: Sequence[Item], vectors: Mapping[str, FloatArray]) -> None:
        """Insert N items with their vectors, replacing items of the same id.

        Args:
            items: Of different ids.
            vectors: (N, D) by column; a column that is not given stays empty for these items.

        Raises:
            SpecMismatchError: A column is not in the manifest or has another width.
            StoreError: A vector is zero or not finite (the first such item is named), an id comes
                twice, or a metadata column cannot be stored.
        """
        if not items:
            return
        ids = [item.id for item in items]
        if len(set(ids)) < len(ids):
            twice = next(one for number, one in enumerate(ids) if one in ids[:number])
            raise StoreError(f"Item {twice!r} is there twice in one batch; ids must be unique.")
        for column, matrix in vectors.items():
            check_vectors(self._spec(column), ids, matrix)
        insert_items(self._items, items, vectors)

    def remove_items(self, keys: Iterable[Key]) -> None:
        """Remove all items of some files; a commit per source folder and 5,000 files."""
        for condition in key_conditions(keys):
            self._items.delete(condition)

    def remove_ids(self, ids: Iterable[str]) -> None:
        """Remove items by id; unknown ids are ignored. A commit per 5,000 ids."""
        self._items.delete_with("id", ids)

    def move_items(self, renames: Mapping[Key, Key]) -> None:
        """Give the items of renamed files their new path and id; vectors stay.

        A commit per 1,000 files, each with items under either the old name or the new. Items that
        stand under a new name already are replaced.

        Raises:
            StoreError: A new name is the old name of another file.
        """
        rename_items(self._items, renames)

    def update_items(self, changes: Mapping[str, Mapping[str, Scalar]]) -> None:
        """Change labels, groups or metadata of items by id; no vector is touched.

        What is not mentioned stays; unknown ids are ignored. One commit per set of columns that
        items have changed in.

        Args:
            changes: Column → value for each id.

        Raises:
            StoreError: A column is one of the index's own other than ``label`` and ``group``.
        """
        change_items(self._items, changes)

    # --- vectors ------------------------------------------------------------------------------

    def column(self, encoder: str | EncoderSpec | None = None) -> LanceVectors:
        """The vectors of an encoder (the first by default), to be searched.

        Raises:
            SpecMismatchError: The spec given is not that of the column.
            StoreError: There is no such column.
        """
        name = encoder.column if isinstance(encoder, EncoderSpec) else encoder
        spec = self._manifest.encoder(name)
        if isinstance(encoder, EncoderSpec) and encoder.fingerprint != spec.fingerprint:
            raise _other_spec(self._manifest, spec, encoder)
        with self._opening:
            if spec.column not in self._columns:
                before = self._before.pop(spec.column, None)
                self._columns[spec.column] = LanceVectors(spec, self._items, self, before=before)
            return self._columns[spec.column]

    def vectors(
        self, encoder: str | None = None, where: str | None = None
    ) -> tuple[list[str], FloatArray]:
        """Ids, sorted, and their (N, D) vectors; items without one are left out."""
        return read_vectors(self._items, self._manifest.encoder(encoder), where)

    def vector_batches(
        self, encoder: str | None = None, where: str | None = None, *, rows: int = 8192
    ) -> Iterator[tuple[list[str], FloatArray]]:
        """The same in the order of the table, at most ``rows`` at a time."""
        return vector_batches(self._items, self._manifest.encoder(encoder), where, rows=rows)

    def _spec(self, column: str) -> EncoderSpec:
        for spec in self._manifest.encoders:
            if spec.column == column:
                return spec
        known = ", ".join(spec.column for spec in self._manifest.encoders) or "none"
        raise SpecMismatchError(
            f"Index {self._manifest.name!r} has no vector column {column!r} (it has: {known})."
        )

    # --- a further encoder --------------------------------------------------------------------

    def begin_column(self, spec: EncoderSpec) -> None:
        """Prepare to fill the column of a further encoder; goes on where a run stopped before."""
        if any(known.column == spec.column for known in self._manifest.encoders):
            raise StoreError(f"Index {self._manifest.name!r} has a column {spec.column!r} already.")
        Staging(self.path, spec.column).begin(spec)

    def staged_ids(self, column: str) -> set[str]:
        """Ids whose vector waits to become part of the column."""
        return Staging(self.path, column).ids()

    def stage_vectors(self, column: str, ids: Sequence[str], vectors: FloatArray) -> None:
        """Put (N, D) vectors aside for the column.

        Raises:
            StoreError: A vector is zero, not finite or of another width.
        """
        Staging(self.path, column).add(ids, vectors)

    def finish_column(self, spec: EncoderSpec) -> None:
        """Make the staged vectors a column, in one commit, and enter its encoder in the manifest.

        Items without a staged vector have none and are not found by a search with this encoder.
        """
        staging = Staging(self.path, spec.column)
        if spec.column in self._items.schema.names:  # a run killed before the manifest was written
            self._items.drop_column(spec.column)
        self._items.join_column(staging.reader(), on="id")
        self._save(replace(self._manifest, encoders=(*self._manifest.encoders, spec)))
        staging.discard()

    def drop_column(self, encoder: str) -> None:
        """Remove an encoder's vectors, and the encoder from the manifest."""
        spec = self._manifest.encoder(encoder)
        left = tuple(one for one in self._manifest.encoders if one is not spec)
        self._save(replace(self._manifest, encoders=left))
        if spec.column in self._items.schema.names:
            self._items.drop_column(spec.column)


def _other_spec(manifest: Manifest, held: EncoderSpec, offered: EncoderSpec) -> SpecMismatchError:
    return SpecMismatchError(
        f"Column {held.column} of index {manifest.name!r} holds vectors of {held.name} "
        f"({held.fingerprint}), not of {offered.name} ({offered.fingerprint}). Use the encoder it "
        "was made with, or make another index."
    )
