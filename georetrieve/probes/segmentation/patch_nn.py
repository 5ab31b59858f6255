"""Maps by the nearest patches of labelled images: no training, and any encoder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from georetrieve.errors import SourceError
from georetrieve.probes.segmentation.enlarging import enlarged
from georetrieve.probes.segmentation.features import cell_features, cell_grid
from georetrieve.probes.segmentation.guided import guided_bands
from georetrieve.probes.segmentation.interface import Band
from georetrieve.probes.segmentation.memory import MemoryBank
from georetrieve.probes.segmentation.model_file import write_model
from georetrieve.probes.segmentation.neighbours import Neighbours
from georetrieve.probes.segmentation.scaling import LEARNED_TEMPERATURE, LIFT, FeatureScaling
from georetrieve.probes.segmentation.settings import SOFTMAX, PatchSettings
from georetrieve.probes.segmentation.thinning import thinned_votes
from georetrieve.probes.vote import VoteRule, vote_shares, vote_weights
from georetrieve.protocols import DensePatchEncoder, Progress
from georetrieve.sources.fields import FieldOfView
from georetrieve.sources.masks.classes import ClassTable
from georetrieve.types import FloatArray

__all__ = ["PatchSegmenter"]

BLOCK_VALUES = 1 << 22  # neighbours' shares held at once
MAX_QUERIES = 8192
MOST_NEIGHBOURS = 30  # as Hummingbird
MOST_LEARNED = 10  # along learned axes further ones add nothing but time
FEWEST_NEIGHBOURS = 5
ALIKE = 0.5  # along learned axes, where a neighbour at distance d weighs exp(-d²)


class PatchSegmenter:
    """Gives each patch the classes of the patches most like it, and each pixel those of its patch.

    The method of Hummingbird (I. Balažević et al., Towards in-context scene understanding, 2023): a
    memory of patches of labelled images, the k of highest cosine, a vote by softmax, and bilinear
    interpolation to pixels. Satisfies :class:`~.interface.Segmenter`.

    Attributes:
        method: ``patch-nn``.
        classes: The C classes.
        view_names: Views of a field, in order.
        memory: The patches that vote.
        settings: How they do.
        encoder: Whose features are compared.
        k: Neighbours that vote.
        scaling: What is compared instead of the features; None: the features.
    """

    method = "patch-nn"

    def __init__(
        self,
        encoder: DensePatchEncoder,
        memory: MemoryBank,
        classes: ClassTable,
        view_names: tuple[str, ...],
        settings: PatchSettings,
        scaling: FeatureScaling | None = None,
    ) -> None:
        self.encoder, self.memory, self.settings = encoder, memory, settings
        self.scaling = scaling
        self.classes, self.view_names = classes, view_names
        self.k = _neighbours_asked(
            memory, settings.k, MOST_NEIGHBOURS if scaling is None else MOST_LEARNED
        )
        self._rule = settings.rule if scaling is None else _as_learned(settings.rule)
        self._neighbours = Neighbours(memory.vectors, settings.search)

    def segment(self, field: FieldOfView, *, progress: Progress | None = None) -> Iterator[Band]:
        """Yield the map from the top to the bottom; see :class:`~.interface.Segmenter`.

        What is held are the features of one row of windows, and the probabilities of a band.

        Raises:
            SourceError: The field has not the views it was fitted to, or cannot be read.
            EncoderError: Window or stride do not suit the encoder.
        """
        if field.view_names != self.view_names:
            raise SourceError(
                f"{field.name} has {_listed(field.view_names)}, and the model was fitted to "
                f"{_listed(self.view_names)}; give it those, in that order."
            )
        return self._bands(field, progress)

    def votes(self, features: FloatArray) -> FloatArray:
        """Return the (Q, C) share of the vote of each class for (Q, D) features of length 1."""
        n_classes = len(self.classes)
        k = self.k
        shares = np.empty((len(features), n_classes), np.float32)
        step = int(np.clip(BLOCK_VALUES // (k * n_classes), 1, MAX_QUERIES))
        for start in range(0, len(features), step):
            part = slice(start, start + step)
            cosines, numbers = self._neighbours.find(features[part], k)
            weights = vote_weights(cosines, "cosine", self._rule) * self.memory.weights[numbers]
            weights /= weights.sum(axis=1, keepdims=True)
            shares[part] = vote_shares(weights, self.memory.shares[numbers])
        return shares

    def save(self, path: Path) -> None:
        """Write everything but the encoder's weights to one file, which holds no code.

        Raises:
            StoreError: The file cannot be written.
        """
        facts = {
            "classes": self.classes.to_json(),
            "view_names": list(self.view_names),
            "settings": self.settings.to_json(),
            "encoder": self.encoder.spec.to_json(),
            "patch": [self.encoder.patch_px, self.encoder.patch_dim],
        }
        memory = self.memory
        tensors = {"vectors": memory.vectors, "shares": memory.shares, "weights": memory.weights}
        if self.scaling is not None:
            tensors |= {"centre": self.scaling.centre, "axes": self.scaling.axes}
        write_model(path, self.method, facts, tensors)

    def _bands(self, field: FieldOfView, progress: Progress | None) -> Iterator[Band]:
        grid = cell_grid(self.encoder, field.size, self.settings)
        pixels = enlarged(
            self._voted(field),
            (grid.columns, grid.rows),
            grid.cell_px,
            field.size,
            nearest=self.settings.upsampling == "nearest",
        )
        if self.settings.smooth_px:
            pixels = guided_bands(pixels, field, self.settings.smooth_px)
        if progress:
            progress.start(f"mapping {field.name}", field.size[1], "rows")
        for top, probabilities in pixels:
            yield Band(top, probabilities)
            if progress:
                progress.advance(len(probabilities))
        if progress:
            progress.finish()

    def _voted(self, field: FieldOfView) -> Iterator[tuple[int, FloatArray]]:
        """The same for cells: first row, and (rows, columns, C) shares of the vote."""
        for top, features in cell_features(self.encoder, field, self.settings, self.scaling):
            if self.scaling is not None and self.settings.search != "exact":
                yield top, thinned_votes(features, self.votes, ALIKE / LIFT)
                continue
            rows, columns, width = features.shape
            yield top, self.votes(features.reshape(-1, width)).reshape(rows, columns, -1)


def _neighbours_asked(memory: MemoryBank, k: int | None, most: int) -> int:
    """See :attr:`PatchSettings.k`."""
    if k is None:
        patches = memory.shares.sum(axis=0)
        k = min(most, max(FEWEST_NEIGHBOURS, int(patches[patches > 0].min())))
    return min(k, len(memory))


def _as_learned(rule: VoteRule) -> VoteRule:
    """A rule for features, of the axes learned from them: the usual temperature is the learned."""
    share = rule.temperature / SOFTMAX.temperature
    return replace(rule, temperature=share * LEARNED_TEMPERATURE)


def _listed(names: tuple[str, ...]) -> str:
    if names == ("",):
        return "one view without a name"
    return f"the views {', '.join(names)}"
