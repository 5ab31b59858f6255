"""Where the points of a map lie: t-SNE, for three items as for hundreds of thousands."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from georetrieve.errors import MissingExtraError, StoreError
from georetrieve.probes.item_map.nearest import compared, nearest_of_each, nearest_to
from georetrieve.protocols import Progress
from georetrieve.types import FloatArray, IntArray, Metric

__all__ = ["MapOptions", "lay_out", "place_beside"]

Places: TypeAlias = npt.NDArray[np.float64]  # (N, 2), as openTSNE moves them

COMPONENTS = 50
EARLY, LATE, ALL = 250, 500, 250  # steps: pulled together, on their own, with all items
STEPS_AT_ONCE = 25
EXAGGERATION = 12.0
FEWEST = 5  # of fewer items a plain projection shows all there is to show
FEW = 8_000  # up to here Barnes and Hut's tree is quicker than interpolation, and one thread enough
APART = 0.01  # of the spread: by how much items begin beside what they are put next to


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOptions:
    """How a map is laid out.

    Attributes:
        perplexity: About how many neighbours an item is kept near to; of small collections fewer.
        seed: Of all that is drawn; the same on the same machine gives the same map.
        drawn: Items that are laid out first, drawn evenly; the others join them afterwards.

    Raises:
        StoreError: A value cannot be used.
    """

    perplexity: float = 30.0
    seed: int = 0
    drawn: int = 20_000

    def __post_init__(self) -> None:
        if not 2 <= self.perplexity <= 500:
            raise StoreError(
                f"A perplexity of {self.perplexity:g} makes no map; choose one from 2 to 500."
            )
        if not 0 <= self.seed < 2**32 or self.drawn < FEWEST:
            raise StoreError(
                f"A seed is from 0 to 2³² - 1 and at least {FEWEST} items are drawn first, not "
                f"{self.seed} and {self.drawn}."
            )


def lay_out(
    vectors: FloatArray,
    *,
    metric: Metric = "euclidean",
    options: MapOptions | None = None,
    progress: Progress | None = None,
) -> FloatArray:
    """Lay vectors out in a plane by t-SNE (L. van der Maaten & G. Hinton, JMLR 2008).

    As D. Kobak & P. Berens advise (Nature Communications 2019): it begins with the two first
    principal components, so that groups lie where the collection as a whole puts them; the learning
    rate grows with N; and of a large collection an even sample is laid out first, the other items
    begin beside their nearest of it, and then all move together. Computed by openTSNE (P. Poličar,
    M. Stražar & B. Zupan, Journal of Statistical Software 2024), with the neighbours that FAISS
    finds in the 50 first principal components.

    Args:
        vectors: (N, D), finite.
        metric: What they are compared with; for cosine only their directions count.
        options: How.
        progress: Told of the steps.

    Returns:
        (N, 2), centred on 0. Fewer than five items, or such that are all the same, are projected.

    Raises:
        StoreError: A vector is not finite.
        MissingExtraError: openTSNE is not installed.
    """
    options = options or MapOptions()
    points = _principal(compared(vectors, metric), options.seed)
    rng = np.random.default_rng(options.seed)
    if len(points) < FEWEST or not np.ptp(points, axis=0).any():
        return _centred(_begin(points, rng))
    drawn = _draw(len(points), options, rng)
    rest = np.setdiff1d(np.arange(len(points)), drawn, assume_unique=True)
    alike = _alike(points[drawn], options, progress)
    places = _moved(alike, _begin(points[drawn], rng), EARLY, EXAGGERATION, progress)
    places = _moved(alike, places, ALL if len(rest) else LATE, 1.0, progress)
    if len(rest):
        every = np.empty((len(points), 2))
        every[drawn] = places
        every[rest] = place_beside(points[rest], points[drawn], places, seed=options.seed)
        places = _moved(_alike(points, options, progress), every, ALL, 1.0, progress)
    return _centred(places)


def place_beside(
    vectors: FloatArray, known: FloatArray, places: npt.NDArray[np.floating], *, seed: int = 0
) -> Places:
    """(N, 2) places of vectors, each a little beside the place of its nearest known vector.

    Not between several: between two groups there is nothing.

    Args:
        vectors: (N, D).
        known: (M, D), M ≥ 1.
        places: (M, 2).
        seed: Of the direction.
    """
    nearest = nearest_to(vectors, known, 1)[0][:, 0]
    rng = np.random.default_rng(seed)
    aside = rng.normal(size=(len(vectors), 2)) * APART * (places.std() or 1.0)
    return np.asarray(places[nearest] + aside, np.float64)


def _alike(points: FloatArray, options: MapOptions, progress: Progress | None) -> Any:  # noqa: ANN401 - openTSNE is untyped
    """How alike near points are."""
    perplexity = min(options.perplexity, (len(points) - 1) / 3)
    count = min(len(points) - 1, int(3 * perplexity))
    rows, distances = nearest_of_each(points, count, progress)
    tsne = _open_tsne()
    return tsne.affinity.PerplexityBasedNN(
        knn_index=tsne.nearest_neighbors.PrecomputedNeighbors(rows, distances),
        perplexity=perplexity,
        n_jobs=_threads(len(points)),
    )


def _moved(
    alike: Any,  # noqa: ANN401 - openTSNE is untyped
    places: Places,
    steps: int,
    exaggeration: float,
    progress: Progress | None,
) -> Places:
    """(N, 2) places after steps of the descent, with an exaggeration of how alike points are."""
    count = len(places)
    found = _open_tsne().TSNEEmbedding(
        np.asarray(places, np.float64),
        alike,
        negative_gradient_method="bh" if count < FEW else "fft",
        n_jobs=_threads(count),
    )
    if progress:
        progress.start(f"laying out {count:,} items", steps, "steps")
    for _ in range(0, steps, STEPS_AT_ONCE):
        found.optimize(STEPS_AT_ONCE, exaggeration=exaggeration, momentum=0.8, inplace=True)
        if progress:
            progress.advance(STEPS_AT_ONCE)
    if progress:
        progress.finish()
    moved: Places = np.array(found)
    return moved


def _threads(count: int) -> int:
    """Of few points each step is over before a second thread has begun."""
    return 1 if count < FEW else os.cpu_count() or 1


def _open_tsne() -> Any:  # noqa: ANN401 - untyped; imported when it is needed
    try:
        import openTSNE
        import openTSNE.affinity
        import openTSNE.nearest_neighbors
    except ImportError as error:
        raise MissingExtraError(
            "A map needs openTSNE, which is not installed; run: pip install openTSNE"
        ) from error
    return openTSNE


def _principal(points: FloatArray, seed: int) -> FloatArray:
    """(N, C) principal components, C ≤ 50, with a spread of 1 in all."""
    from sklearn.decomposition import PCA

    if not points.size or not np.ptp(points, axis=0).any():
        return np.zeros((len(points), 2), np.float32)
    width = min(COMPONENTS, *points.shape)
    sample = points[_draw(len(points), MapOptions(seed=seed), np.random.default_rng(seed))]
    width = min(width, len(sample))
    fitted = PCA(width, random_state=seed, svd_solver="full" if len(sample) < 500 else "auto")
    fitted.fit(sample.astype(np.float64))
    found = ((points - fitted.mean_) @ fitted.components_.T).astype(np.float32)
    return np.ascontiguousarray(found / (found.std() or 1.0))


def _draw(count: int, options: MapOptions, rng: np.random.Generator) -> IntArray:
    if count <= options.drawn:
        return np.arange(count)
    return np.sort(rng.choice(count, options.drawn, replace=False))


def _begin(points: FloatArray, rng: np.random.Generator) -> Places:
    """(N, 2) the first two components, small, and no two items in quite the same place."""
    start = np.zeros((len(points), 2))
    width = min(2, points.shape[1])
    start[:, :width] = points[:, :width]
    spread = float(start[:, 0].std()) if len(start) else 0.0
    start = start / (spread or 1.0)
    begun: Places = 1e-4 * (start + rng.normal(size=start.shape) * APART)
    return begun


def _centred(places: Places) -> FloatArray:
    """(N, 2) around 0; what was only projected is brought to a size that can be drawn."""
    if not len(places):
        return np.zeros((0, 2), np.float32)
    middle = places - places.mean(axis=0)
    reach = float(np.abs(middle).max())
    if 0 < reach < 1:
        middle = middle / reach
    centred: FloatArray = middle.astype(np.float32)
    return centred
