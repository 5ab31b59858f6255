"""Labelled pixels drawn from fields of view, as many as a model can learn from and no more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from georetrieve.baselines.pixel_features import PixelFeatures, PixelKind, is_coloured
from georetrieve.baselines.tiles import tile_rows, widen
from georetrieve.errors import SourceError
from georetrieve.protocols import Progress
from georetrieve.sources.fields import LabelledField
from georetrieve.types import FloatArray, IntArray, Region

__all__ = ["TrainingPixels", "draw_pixels", "shared_view_names"]


@dataclass(frozen=True, slots=True)
class TrainingPixels:
    """N labelled pixels.

    Attributes:
        features: What was computed of them.
        values: (N, F).
        labels: (N,) class numbers, none of them void.
        n_classes: C.
    """

    features: PixelFeatures
    values: FloatArray
    labels: IntArray
    n_classes: int

    @property
    def present(self) -> IntArray:
        """The classes that have pixels."""
        return np.unique(self.labels)

    @property
    def most_clusters(self) -> int:
        """As many as there are labelled classes, and no more than there are different pixels.

        Else two centres would have to be in one place.
        """
        return min(len(self.present), len(np.unique(self.values, axis=0)))


def shared_view_names(fields: Sequence[LabelledField]) -> tuple[str, ...]:
    """The views that all fields have.

    Raises:
        SourceError: There are no fields, or they differ in their views.
    """
    if not fields:
        raise SourceError("There is no image to fit to; name images that have masks or clicks.")
    first = fields[0].field
    for one in fields:
        if one.field.view_names != first.view_names:
            raise SourceError(
                f"{one.field.name} has the views {_list(one.field.view_names)} and {first.name} "
                f"{_list(first.view_names)}; all images of one fit need the same views in the same "
                "order."
            )
    return first.view_names


def draw_pixels(
    fields: Sequence[LabelledField],
    kind: PixelKind,
    n_classes: int,
    *,
    limit: int,
    power: float,
    seed: int = 0,
    progress: Progress | None = None,
) -> TrainingPixels:
    """Draw labelled pixels at random; void pixels are never among them.

    Two passes over the tiles that hold labels: one counts, one reads what was drawn. What is held
    is one tile and what was drawn.

    Args:
        fields: Fields of view with the same views.
        kind: Features computed.
        n_classes: C.
        limit: Most pixels drawn.
        power: Classes are drawn by their pixels to this power: 1 as they occur, 0 all alike, 0.5
            between; as far as a class has pixels, and at least one of each.
        seed: Of the draws.
        progress: Told of each tile.

    Raises:
        SourceError: No pixel is labelled, a label is out of range, or an image cannot be read.
    """
    names = shared_view_names(fields)
    counts, tiles, coloured = _survey(fields, n_classes, len(names))
    if not counts.any():
        raise SourceError(
            "No pixel of the images is labelled, so there is nothing to fit to; check the masks, "
            "or add clicks."
        )
    features = PixelFeatures(kind, tuple(coloured))
    rng = np.random.default_rng(seed)
    ranks = [
        np.sort(rng.choice(total, size=wanted, replace=False))
        for total, wanted in zip(counts, _quotas(counts, limit, power), strict=True)
    ]
    if progress:
        progress.start("Drawing pixels", len(tiles), "tiles")
    parts = []
    for part in _gather(fields, tiles, features, ranks):
        parts.append(part)
        if progress:
            progress.advance()
    if progress:
        progress.finish()
    values, labels = (np.concatenate(kept) for kept in zip(*parts, strict=True))
    return TrainingPixels(features, values, labels, n_classes)


def _survey(
    fields: Sequence[LabelledField], n_classes: int, n_views: int
) -> tuple[IntArray, list[tuple[int, Region]], list[bool]]:
    """Labelled pixels a class, (field, tile) pairs that hold any, and which views have colour."""
    counts = np.zeros(n_classes, np.int64)
    tiles: list[tuple[int, Region]] = []
    coloured = [False] * n_views
    for number, one in enumerate(fields):
        for tile in (tile for row in tile_rows(one.field.size) for tile in row):
            labels = one.truth.read(tile)
            known = labels[labels >= 0]
            if not known.size:
                continue
            if known.max() >= n_classes:
                raise SourceError(
                    f"The mask of {one.field.name} holds class {known.max()}; of {n_classes} "
                    f"classes the numbers are 0 to {n_classes - 1}."
                )
            counts += np.bincount(known, minlength=n_classes)
            tiles.append((number, tile))
            if not all(coloured):
                views = one.field.read(tile)
                coloured = [had or is_coloured(v) for had, v in zip(coloured, views, strict=True)]
    return counts, tiles, coloured


def _quotas(counts: IntArray, limit: int, power: float) -> IntArray:
    """Pixels drawn of each class; what a class lacks is shared by those that have more."""
    quota = np.zeros_like(counts)
    share = np.where(counts > 0, np.maximum(counts, 1).astype(np.float64) ** power, 0.0)
    # The class that has least of what it should give comes first, so that its lack is known.
    waiting = sorted(np.flatnonzero(counts), key=lambda place: counts[place] / share[place])
    left = limit
    for number, place in enumerate(waiting):
        wanted = round(left * share[place] / share[waiting[number:]].sum())
        # At least one: a class that was labelled is learned, however many classes there are.
        quota[place] = min(counts[place], max(1, wanted))
        left = max(0, left - int(quota[place]))
    return quota


def _gather(
    fields: Sequence[LabelledField],
    tiles: Sequence[tuple[int, Region]],
    features: PixelFeatures,
    ranks: Sequence[IntArray],
) -> Iterator[tuple[FloatArray, IntArray]]:
    """Features and labels of the pixels whose places among those of their class were drawn."""
    seen = np.zeros(len(ranks), np.int64)
    for number, tile in tiles:
        field = fields[number].field
        labels = fields[number].truth.read(tile).ravel()
        chosen = []
        for place in np.unique(labels[labels >= 0]):
            here = np.flatnonzero(labels == place)
            first, last = np.searchsorted(ranks[place], (seen[place], seen[place] + len(here)))
            chosen.append(here[ranks[place][first:last] - seen[place]])
            seen[place] += len(here)
        pixels = np.sort(np.concatenate(chosen))
        values = np.zeros((0, features.width), np.float32)
        if pixels.size:
            wide = widen(tile, field.size, features.margin_px)
            described = features.describe(field.read(wide.region))[wide.inner]
            values = described.reshape(-1, features.width)[pixels]
        yield values, labels[pixels]


def _list(names: Sequence[str]) -> str:
    return ", ".join(name or "(unnamed)" for name in names)
