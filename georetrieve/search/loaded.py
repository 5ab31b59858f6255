"""What has been loaded of the columns of an open index: encoders, vectors, samples."""

from __future__ import annotations

from georetrieve.encoders.registry import load_for_spec
from georetrieve.encoders.runtime import Runtime
from georetrieve.protocols import ImageEncoder, Progress
from georetrieve.search.sample import ItemSample
from georetrieve.stores.engines import EngineVectors
from georetrieve.stores.lance import IndexStore
from georetrieve.types import EncoderSpec

__all__ = ["LoadedColumns"]

SAMPLED_ITEMS = 1000  # whose pairs tell what a near distance is


class LoadedColumns:
    """Loads when it is first needed what a search in a column takes, and keeps it.

    Args:
        store: The index.
        runtime: How encoders run.
        engine: What searches, as it was asked for.
        progress: Told when an engine's index is built.
    """

    def __init__(
        self,
        store: IndexStore,
        *,
        runtime: Runtime | None = None,
        engine: str = "auto",
        progress: Progress | None = None,
    ) -> None:
        self.engine = engine
        self._store, self._runtime, self._progress = store, runtime, progress
        self._vectors: dict[str, EngineVectors] = {}
        self._encoders: dict[str, ImageEncoder] = {}
        self._samples: dict[str, tuple[str, ItemSample]] = {}  # by column, with its stamp

    def moved_to(self, store: IndexStore) -> LoadedColumns:
        """The same of a newer version of the index: all that has not changed goes over to it."""
        newer = LoadedColumns(
            store, runtime=self._runtime, engine=self.engine, progress=self._progress
        )
        newer._samples = dict(self._samples)
        before = self._store.manifest.encoders
        for spec in (spec for spec in store.manifest.encoders if spec in before):
            if spec.column in self._encoders:
                newer._encoders[spec.column] = self._encoders[spec.column]
            if spec.column in self._vectors:
                moved = self._vectors[spec.column].moved_to(store.column(spec))
                newer._vectors[spec.column] = moved
        return newer

    def clear(self) -> None:
        """Let go of everything."""
        self._encoders.clear()
        self._vectors.clear()
        self._samples.clear()

    def encoder(self, spec: EncoderSpec) -> ImageEncoder:
        """The encoder of a column.

        Raises:
            EncoderError: Its weights cannot be found or used.
        """
        if spec.column not in self._encoders:
            loaded = load_for_spec(spec, self._store.path, runtime=self._runtime)
            self._encoders[spec.column] = loaded
        return self._encoders[spec.column]

    def vectors(self, spec: EncoderSpec) -> EngineVectors:
        """The vectors of a column, searched by the engine.

        Raises:
            StoreError: There is no such engine or GPU.
        """
        if spec.column not in self._vectors:
            vectors = EngineVectors(
                self._store.column(spec),
                self._store.path,
                engine=self.engine,
                device="cpu" if self._runtime and self._runtime.device == "cpu" else "auto",
                progress=self._progress,
            )
            self._vectors.setdefault(spec.column, vectors)  # of two threads the first one's
        return self._vectors[spec.column]

    def sample(self, spec: EncoderSpec) -> ItemSample:
        """Items of a column drawn at random, whose pairs tell what a near distance is."""
        column = self._store.column(spec)
        stamp = column.snapshot().stamp
        known, sample = self._samples.get(spec.column, ("", None))
        if sample is None or known != stamp:
            sample = ItemSample(column.sample(SAMPLED_ITEMS), spec.metric)
            self._samples[spec.column] = stamp, sample
        return sample

    def read_ahead(self, spec: EncoderSpec) -> None:
        """Read what the first search by an item would: vectors that fit in memory, a sample.

        Raises:
            StoreError: The column cannot be read.
        """
        self.vectors(spec)
        self._store.column(spec).snapshot().hold()
        self.sample(spec).percentiles([0.0])
