"""How a family loads whose models are all published: entry, weights on this machine, encoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from georetrieve.encoders.catalogue.entry import Entry
from georetrieve.encoders.catalogue.weights_folder import LocalWeights, WeightsFolder
from georetrieve.encoders.devices import resolve_device
from georetrieve.encoders.network_encoder import NetworkEncoder
from georetrieve.encoders.networks.patches import check_whole_patches
from georetrieve.encoders.options import Options, split_name
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import EncoderError
from georetrieve.protocols import Progress
from georetrieve.types import EncoderSpec

__all__ = ["PublishedModels"]


class _LoadEntry(Protocol):
    def __call__(
        self, entry: Entry, weights: LocalWeights, options: Options, *, runtime: Runtime
    ) -> NetworkEncoder: ...


@dataclass(frozen=True, slots=True)
class PublishedModels:
    """Loads the models of a family, given what is the family's own.

    Attributes:
        entry_for: Name without options → what is known of the model before it is fetched.
        further: What must be fetched besides, as only the files that are there tell.
        load_entry: The encoder from files at hand.
    """

    entry_for: Callable[[str], Entry]
    further: Callable[[Entry, LocalWeights], Entry | None]
    load_entry: _LoadEntry

    def load_named(
        self, name: str, options: Options, *, runtime: Runtime, progress: Progress | None = None
    ) -> NetworkEncoder:
        """Load a model of the catalogue, or one named in the family's open form.

        Raises:
            EncoderError: It is unknown or of a kind that is not supported, cannot be had, does not
                fit exactly, or cannot run so.
        """
        entry = self.entry_for(name)
        _check_before(entry, options, runtime)
        return self.load_entry(entry, self._obtain(entry, progress), options, runtime=runtime)

    def load_spec(self, spec: EncoderSpec, index_dir: Path, *, runtime: Runtime) -> NetworkEncoder:
        """Load the encoder that a column was made with.

        Weights are looked for in the weights folder, then in the folder ``encoders`` of the index.

        Raises:
            EncoderError: They are in neither place, or have changed.
        """
        name, options = split_name(spec.name)
        entry, weights = self.entry_for(name), _find_weights(spec, index_dir)
        return self.load_entry(entry, weights, options, runtime=runtime)

    def _obtain(self, entry: Entry, progress: Progress | None) -> LocalWeights:
        """Find or download weights, and what only they tell must be fetched besides."""
        kept = WeightsFolder.default()
        weights = kept.obtain(entry, progress=progress)
        besides = self.further(entry, weights)
        return kept.obtain(besides, progress=progress) if besides else weights


def _check_before(entry: Entry, options: Options, runtime: Runtime) -> None:
    """Refuse what can be refused before weights are downloaded, which may take long.

    Raises:
        EncoderError: The device is not there, or the size asked for is not whole patches.
    """
    resolve_device(runtime.device)
    if entry.patch_px:
        transform = entry.transform.changed(size=options.size, fit=options.fit)
        check_whole_patches(transform.crop, entry.patch_px)


def _find_weights(spec: EncoderSpec, index_dir: Path) -> LocalWeights:
    """The weights that a column was made with, by their digest.

    They are looked for in the weights folder, then in the folder ``encoders`` of the index, where
    a copy of an encoder's folder of weights may lie.

    Raises:
        EncoderError: They are in neither place, or have changed.
    """
    beside = WeightsFolder(index_dir / "encoders")
    for kept in (WeightsFolder.default(), beside):
        found = kept.find_sha256(spec.sha256)
        if found is not None:
            return replace(found, source=spec.weights, revision=spec.revision)
    name = spec.name.partition(",")[0]
    raise EncoderError(
        f"The weights that the vectors of {spec.name} were made with (SHA-256 "
        f"{spec.sha256[:12]}…) are not on this machine. Fetch them: georetrieve encoders pull "
        f"{name}; or copy their folder from a machine that has them into {beside.root}."
    )
