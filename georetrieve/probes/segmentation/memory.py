"""The memory of labelled patches: their features, and how much of each class they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from georetrieve.errors import SourceError
from georetrieve.probes.segmentation.features import CellGrid
from georetrieve.probes.segmentation.settings import PatchSettings
from georetrieve.protocols import Truth
from georetrieve.types import FloatArray, IntArray, Region

__all__ = ["Chosen", "Draw", "MemoryBank", "cell_shares", "choose_cells"]

STRIP_PIXELS = 1 << 22  # of a mask, read at once


@dataclass(frozen=True, slots=True)
class MemoryBank:
    """Patches that are remembered.

    Attributes:
        vectors: (M, D) features of length 1.
        shares: (M, C) share of each class among a patch's labelled pixels, rows of sum 1.
        weights: (M,) > 0, of mean 1: how many patches each stands for.
    """

    vectors: FloatArray
    shares: FloatArray
    weights: FloatArray

    def __len__(self) -> int:
        return len(self.vectors)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Cells of fields that are to be remembered, in the order of the fields, then of the cells.

    Attributes:
        fields: (M,) numbers of the fields.
        cells: (M,) row × columns + column.
        shares: (M, C), see :attr:`MemoryBank.shares`.
        weights: (M,), see :attr:`MemoryBank.weights`.
    """

    fields: IntArray
    cells: IntArray
    shares: FloatArray
    weights: FloatArray


class Draw:
    """Uniform random numbers in [0, 1), one for each labelled cell in order."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)

    def __call__(self, count: int) -> FloatArray:
        """The next numbers."""
        return self._generator.random(count, dtype=np.float32)


def choose_cells(
    truths: Sequence[Truth],
    grids: Sequence[CellGrid],
    n_classes: int,
    settings: PatchSettings,
    draw: Draw | None = None,
) -> Chosen:
    """Choose the cells to remember, by what is known of them alone; nothing is encoded.

    Args:
        truths: Of N fields.
        grids: Their cells.
        n_classes: C.
        settings: How many, and by which rule.
        draw: The random numbers; by default from the seed of the settings.

    Raises:
        SourceError: No pixel of any field is labelled.
    """
    draw = draw or Draw(settings.seed)
    rule = _hummingbird if settings.sampling == "hummingbird" else _balanced
    found = list(rule(truths, grids, n_classes, settings, draw))
    if not sum(len(one.fields) for one in found):
        raise SourceError(
            "No pixel of the given images is labelled, so there is nothing to learn from; check "
            "the masks or clicks, and which codes are void."
        )
    return Chosen(
        np.concatenate([one.fields for one in found]),
        np.concatenate([one.cells for one in found]),
        np.concatenate([one.shares for one in found]),
        np.concatenate([one.weights for one in found]),
    )


def cell_shares(
    truth: Truth, grid: CellGrid, n_classes: int, min_labelled: float = 0.0
) -> Iterator[tuple[IntArray, FloatArray]]:
    """Yield the labelled cells of a field from the top, strip by strip.

    Only pixels of the field count: where a patch was filled up by reflection there are none.

    Args:
        truth: What is known of the pixels.
        grid: The cells of the field.
        n_classes: C.
        min_labelled: Least share of a cell's pixels that is labelled.

    Yields:
        (n,) row × columns + column, rising, and (n, C) shares of the classes, rows of sum 1.

    Raises:
        SourceError: A pixel is of a class beyond C.
    """
    width, height = truth.size
    row_of = _cell_of(height, grid.rows, grid.cell_px[1])
    column_of = _cell_of(width, grid.columns, grid.cell_px[0])
    across = np.bincount(column_of, minlength=grid.columns)
    largest = max(width * grid.cell_px[1], grid.columns * (n_classes + 1))
    step = max(1, int(STRIP_PIXELS / largest))
    for first in range(0, grid.rows, step):
        top, bottom = (int(at) for at in np.searchsorted(row_of, (first, first + step)))
        if top == bottom:
            continue
        labels = truth.read(Region(0, top, width, bottom - top))
        if labels.max() >= n_classes:
            raise SourceError(
                f"A mask has a pixel of class {labels.max()}, and only {n_classes} classes are "
                "named; give the table of classes that belongs to the masks."
            )
        local = row_of[top:bottom] - first
        counts = _counts(labels, local, column_of, (step, grid.columns, n_classes))
        labelled = counts.sum(axis=1)
        pixels = np.outer(np.bincount(local, minlength=step), across).ravel()
        kept = np.flatnonzero((labelled > 0) & (labelled >= min_labelled * pixels))
        shares = (counts[kept] / labelled[kept, None]).astype(np.float32)
        yield first * grid.columns + kept, shares


def _counts(
    labels: IntArray, row_of: IntArray, column_of: IntArray, shape: tuple[int, int, int]
) -> IntArray:
    """(rows × columns, C) pixels of each class in each cell; void pixels are not counted."""
    rows, columns, n_classes = shape
    cell = row_of[:, None] * columns + column_of
    places = cell * (n_classes + 1) + np.maximum(labels, -1) + 1
    counts = np.bincount(places.ravel(), minlength=rows * columns * (n_classes + 1))
    return counts.reshape(rows * columns, n_classes + 1)[:, 1:]


def _cell_of(length: int, cells: int, cell_px: float) -> IntArray:
    """(length,) the cell the middle of each pixel lies in."""
    inside = ((np.arange(length) + 0.5) / cell_px).astype(np.int64)
    return np.minimum(inside, cells - 1)


def _balanced(
    truths: Sequence[Truth],
    grids: Sequence[CellGrid],
    n_classes: int,
    settings: PatchSettings,
    draw: Draw,
) -> Iterator[Chosen]:
    """Cells of rare classes rather than of frequent ones, drawn over all fields at once.

    A cell's rarity is the sum over classes of its share over the root of all there is of the
    class; cells are drawn by it without replacement (P. Efraimidis and P. Spirakis, Weighted random
    sampling with a reservoir, 2006: the smallest of exponential numbers divided by the rarity).

    What is kept of a frequent class stands for more than it is: a cell weighs the inverse of the
    probability that it is kept (D. Horvitz and D. Thompson, 1952), given the smallest number that
    is not. Without that, boundaries would go to the rarer class.
    """
    pairs = list(zip(truths, grids, strict=True))
    totals = np.zeros(n_classes)
    for truth, grid in pairs:
        for _, shares in cell_shares(truth, grid, n_classes, settings.min_labelled):
            totals += shares.sum(axis=0, dtype=np.float64)
    rarity = np.divide(1, np.sqrt(totals), out=np.zeros(n_classes), where=totals > 0)
    kept = _Smallest(settings.memory_size, n_classes)
    for number, (truth, grid) in enumerate(pairs):
        for cells, shares in cell_shares(truth, grid, n_classes, settings.min_labelled):
            waiting = -np.log1p(-draw(len(cells)).astype(np.float64))
            kept.offer(waiting / (shares @ rarity), number, cells, shares)
    chosen = kept.chosen()
    stand_for = -1 / np.expm1(-kept.smallest_refused * (chosen.shares @ rarity))
    mean = stand_for.sum() / max(1, len(stand_for))
    yield replace(chosen, weights=(stand_for / mean).astype(np.float32))


def _hummingbird(
    truths: Sequence[Truth],
    grids: Sequence[CellGrid],
    n_classes: int,
    settings: PatchSettings,
    draw: Draw,
) -> Iterator[Chosen]:
    """As many cells of each field, those of its rare classes first.

    A cell's score is the sum, over the classes in it, of the number of the field's cells the class
    is in, times a uniform number; the smallest are kept (I. Balažević et al., Towards in-context
    scene understanding, 2023, appendix; V. Pariza et al., Hummingbird Evaluation, 2024).
    """
    quota = max(1, settings.memory_size // len(truths))
    for number, (truth, grid) in enumerate(zip(truths, grids, strict=True)):
        present = np.zeros(n_classes, np.float32)
        for _, shares in cell_shares(truth, grid, n_classes, settings.min_labelled):
            present += (shares > 0).sum(axis=0)
        kept = _Smallest(quota, n_classes)
        for cells, shares in cell_shares(truth, grid, n_classes, settings.min_labelled):
            scores = (shares > 0).astype(np.float32) @ present
            kept.offer(scores * draw(len(cells)), number, cells, shares)
        yield kept.chosen()


class _Smallest:
    """The cells of the smallest keys, as strips go by."""

    def __init__(self, size: int, n_classes: int) -> None:
        self._size = size
        self._keys: npt.NDArray[np.float64] = np.empty(0)
        none = np.empty(0, np.int64)
        no_weights = np.empty(0, np.float32)
        self._kept = Chosen(none, none, np.empty((0, n_classes), np.float32), no_weights)
        self.smallest_refused = np.inf

    def offer(
        self, keys: npt.NDArray[np.floating], field: int, cells: IntArray, shares: FloatArray
    ) -> None:
        """Meet the cells of a strip."""
        old = self._kept
        all_keys = np.concatenate([self._keys, keys.astype(np.float64)])
        best = np.arange(len(all_keys))
        if len(all_keys) > self._size:
            order = np.argpartition(all_keys, (self._size - 1, self._size))
            refused = float(all_keys[order[self._size]])
            self.smallest_refused = min(self.smallest_refused, refused)
            best = np.sort(order[: self._size])
        self._keys = all_keys[best]
        self._kept = Chosen(
            np.concatenate([old.fields, np.full(len(cells), field)])[best],
            np.concatenate([old.cells, cells])[best],
            np.concatenate([old.shares, shares])[best],
            np.ones(len(best), np.float32),
        )

    def chosen(self) -> Chosen:
        """Those that are left, in the order they came in."""
        return self._kept
