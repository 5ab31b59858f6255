"""A map of items: a point each, near each other where their vectors are."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from georetrieve.types import IntArray

__all__ = ["LARGEST_MAP", "item_map"]

LARGEST_MAP = 3000
"""Items drawn at most; more take minutes and cannot be told apart."""
_PERPLEXITY = 30.0
_COMPONENTS = 50


def item_map(
    vectors: npt.NDArray[np.floating],
    labels: Sequence[str],
    ids: Sequence[str],
    *,
    seed: int = 0,
    most: int = LARGEST_MAP,
) -> dict[str, list[float | str]]:
    """t-SNE of vectors (L. van der Maaten & G. Hinton, 2008), started from their PCA.

    Distances between far groups and the sizes of groups mean nothing in such a map; what lies side
    by side in it is near in the vectors.

    Args:
        vectors: (N, D), finite.
        labels: N labels.
        ids: N item ids.
        seed: Of the drawing of items and of the map.
        most: Items drawn; of more, as many of them at random.

    Returns:
        ``x``, ``y``, ``label`` and ``id`` of each item drawn, in the order given; nothing for fewer
        than four items or where all vectors are one.
    """
    rows = _rows(len(ids), seed, most)
    points = np.asarray(vectors[rows], np.float64)
    if len(rows) < 4 or not np.ptp(points, axis=0).any():
        return {}
    width = min(_COMPONENTS, *points.shape)
    if width < points.shape[1]:
        points = PCA(width, random_state=seed).fit_transform(points)
    # With values of very unlike sizes the start is what the seed gives, whatever the units.
    points /= points.std()
    mapper = TSNE(
        perplexity=min(_PERPLEXITY, (len(rows) - 1) / 3),
        init="pca" if points.shape[1] > 1 else "random",
        random_state=seed,
    )
    with warnings.catch_warnings():
        # Copies make PCA's and t-SNE's spreads zero here and there, which only moves them apart.
        warnings.filterwarnings("ignore", category=RuntimeWarning, module="sklearn")
        places = mapper.fit_transform(points)
    return {
        "x": [round(float(x), 3) for x in places[:, 0]],
        "y": [round(float(y), 3) for y in places[:, 1]],
        "label": [labels[row] for row in rows],
        "id": [ids[row] for row in rows],
    }


def _rows(count: int, seed: int, most: int) -> IntArray:
    if count <= most:
        return np.arange(count)
    drawn = np.random.default_rng(seed).choice(count, most, replace=False)
    rows: IntArray = np.sort(drawn).astype(np.int64)
    return rows
