"""From values of cells to values of pixels, row by row: bands say what the whole would say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from georetrieve.types import FloatArray, IntArray

__all__ = ["enlarged"]

BAND_VALUES = 1 << 22  # numbers given at once: 16 MiB


def enlarged(
    bands: Iterable[tuple[int, FloatArray]],
    cells: tuple[int, int],
    cell_px: tuple[float, float],
    size: tuple[int, int],
    *,
    nearest: bool = False,
) -> Iterator[tuple[int, FloatArray]]:
    """Bring a grid of cells to pixels, in bands from the top to the bottom.

    Bilinear between the centres of cells, constant beyond the outermost, as PyTorch's
    ``interpolate`` with ``align_corners=False``; what sums to 1 in the cells does so in the pixels.

    Args:
        bands: Number of a band's first row of cells, and its (rows, columns, C) values; from the
            top, without gaps.
        cells: (columns, rows) in all.
        cell_px: (width, height) of a cell, pixels; the first begins at the first pixel, the last
            may reach beyond the last pixel.
        size: (width, height) wanted, pixels.
        nearest: Each pixel has the values of the cell it lies in.

    Yields:
        Number of a band's first row of pixels, and its (rows, width, C) values.
    """
    across = _between(size[0], cells[0], cell_px[0], nearest)
    down = _between(size[1], cells[1], cell_px[1], nearest)
    kept: FloatArray | None = None
    first = done = 0  # rows: of cells, the first that is kept; of pixels, given so far
    for top, band in bands:
        kept = band if kept is None else np.concatenate([kept, band])
        known = top + len(band)
        ready = size[1] if known == cells[1] else int(np.searchsorted(down[1], known))
        step = max(1, BAND_VALUES // (size[0] * band.shape[2]))
        for start in range(done, ready, step):
            rows = slice(start, min(start + step, ready))
            yield start, _blend(kept, [part[rows] for part in down], across, first)
        done = max(done, ready)
        needed = min(int(down[0][done]), known) if done < size[1] else known
        if needed > first:
            kept, first = kept[needed - first :], needed


def _between(
    length: int, cells: int, cell_px: float, nearest: bool
) -> tuple[IntArray, IntArray, FloatArray]:
    """The two cells each pixel lies between, and the share of the second."""
    centres = (np.arange(length) + 0.5) / cell_px
    if nearest:
        inside = np.minimum(centres.astype(np.int64), cells - 1)
        return inside, inside, np.zeros(length, np.float32)
    places = np.clip(centres - 0.5, 0, cells - 1)
    low = places.astype(np.int64)
    return low, np.minimum(low + 1, cells - 1), (places - low).astype(np.float32)


def _blend(
    kept: FloatArray,
    down: list[npt.NDArray[np.generic]],
    across: tuple[IntArray, IntArray, FloatArray],
    first: int,
) -> FloatArray:
    above, below, share_down = down[0] - first, down[1] - first, down[2]
    lowest, highest = int(above[0]), int(below[-1]) + 1
    left, right, share_across = across
    rows = kept[lowest:highest]
    wide = rows[:, left] + (rows[:, right] - rows[:, left]) * share_across[:, None]
    upper, lower = wide[above - lowest], wide[below - lowest]
    blended: FloatArray = upper + (lower - upper) * share_down[:, None, None]
    return blended
