"""What it gains to encode an image in all its eight views.

A specimen lies on its slide as it fell. Every image is encoded in its four quarter turns and their
mirror images; the mean of the eight vectors is what the encoder's option ``rotations=8`` gives, for
whichever view it is shown. Both ways are measured on the same images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from georetrieve.encoders.rotations import VIEWS, view
from georetrieve.errors import GeoRetrieveError, SourceError
from georetrieve.metrics.ranking import as_points, distances_to
from georetrieve.protocols import ImageEncoder, Progress
from georetrieve.sources.folder import walk
from georetrieve.sources.opening import open_raster
from georetrieve.types import FloatArray, IntArray, Metric, Region

__all__ = ["ViewedImages", "encode_views", "measure_rotations", "run_rotations"]


@dataclass(frozen=True, slots=True)
class ViewedImages:
    """The vectors of N images, each seen in eight views.

    Attributes:
        views: (N, 8, D), the upright one first.
        labels: N labels, "" for none.
        failed: Why images were left out, one line each.
    """

    views: FloatArray
    labels: tuple[str, ...]
    failed: tuple[str, ...] = ()


def run_rotations(
    folder: Path,
    encoder: ImageEncoder,
    *,
    batch_size: int = 32,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Measure a folder of images with and without ``rotations=8``.

    Args:
        folder: Images; where they lie in folders of their own, these are the labels.
        encoder: Without that option; each image is encoded eight times.
        batch_size: Views encoded at once.
        seed: Of how queries are turned.
        progress: Told about it; an image that cannot be read is named there and left out.

    Returns:
        A row for each of the two ways; see :func:`measure_rotations`.

    Raises:
        SourceError: The folder is not there, or fewer than two of its images can be read.
    """
    images = encode_views(folder, encoder, batch_size=batch_size, progress=progress)
    robust = images.views.mean(axis=1, dtype=np.float64)
    if encoder.spec.normalised:
        robust /= np.linalg.norm(robust, axis=1, keepdims=True)
    together = np.repeat(robust[:, None].astype(np.float32), VIEWS, axis=1)
    return [
        {
            "rotations": number,
            "images": len(views),
            "failed": len(images.failed),
            **measure_rotations(views, images.labels, metric=encoder.spec.metric, seed=seed),
        }
        for number, views in ((1, images.views), (VIEWS, together))
    ]


def encode_views(
    folder: Path,
    encoder: ImageEncoder,
    *,
    batch_size: int = 32,
    progress: Progress | None = None,
) -> ViewedImages:
    """Encode every image of a folder in its eight views.

    The views are of the square that the encoder sees.

    Raises:
        SourceError: The folder is not there, or fewer than two of its images can be read.
    """
    files = walk(folder).files
    if progress:
        progress.start(f"Encoding {VIEWS} views", len(files), "images")
    vectors: list[FloatArray] = []
    labels: list[str] = []
    failed: list[str] = []
    for file in files:
        try:
            with open_raster(file.files) as raster:
                image = raster.read(Region(0, 0, *raster.size))
        except (GeoRetrieveError, OSError) as error:
            failed.append(f"{file.path}: {error}")
            if progress:
                progress.say(f"{file.path} is left out: {error}")
        else:
            square = encoder.prepare(image)
            turned = [view(square, number) for number in range(VIEWS)]
            vectors.append(_encode(encoder, turned, batch_size))
            labels.append(file.path.rpartition("/")[0].partition("/")[0])
        if progress:
            progress.advance()
    if progress:
        progress.finish()
    if len(vectors) < 2:
        raise SourceError(
            f"{len(vectors)} images of {folder} can be read; two at least are compared. Name a "
            "folder of images."
        )
    return ViewedImages(np.stack(vectors), tuple(labels), tuple(failed))


def measure_rotations(
    views: FloatArray, labels: Sequence[str], *, metric: Metric = "euclidean", seed: int = 0
) -> dict[str, float | None]:
    """Compare the views of one image with each other and with other images.

    Args:
        views: (N, 8, D), the upright one first.
        labels: N labels, "" for none.
        metric: What neighbours are ranked by.
        seed: Of how each query is turned.

    Returns:
        ``cosine_views`` and ``cosine_others``: mean cosine of an upright image to its own turned
        views, and to other upright images; ``distance_ratio``: likewise the mean Euclidean distance
        to its own views, as a share of that to others; ``self_recall``: share of turned views whose
        nearest upright image is their own; ``p_at_nr`` and ``p_at_nr_turned``: P@N_R among the
        upright images, of upright queries and of queries turned at random, the query's own image
        left out (None without classes).
    """
    upright, turned = views[:, 0], views[:, 1:]
    cosines, distances = _both(upright, turned)
    others = ~np.eye(len(views), dtype=bool)
    far = _pairwise(upright, upright, "euclidean")[others].mean()
    chosen = np.random.default_rng(seed).integers(1, VIEWS, len(views))
    queries = views[np.arange(len(views)), chosen]
    nearest = np.stack(
        [_pairwise(turned[:, number], upright, metric).argmin(1) for number in range(VIEWS - 1)], 1
    )
    return {
        "cosine_views": float(cosines.mean()),
        "cosine_others": float(1 - _pairwise(upright, upright, "cosine")[others].mean()),
        "distance_ratio": float(distances.mean() / far) if far else None,
        "self_recall": float((nearest == np.arange(len(views))[:, None]).mean()),
        "p_at_nr": _precision(_pairwise(upright, upright, metric), labels),
        "p_at_nr_turned": _precision(_pairwise(queries, upright, metric), labels),
    }


def _encode(
    encoder: ImageEncoder, squares: Sequence[npt.NDArray[Any]], batch_size: int
) -> FloatArray:
    return np.concatenate(
        [
            encoder.encode_prepared(squares[start : start + batch_size])
            for start in range(0, len(squares), batch_size)
        ]
    )


def _both(
    upright: FloatArray, turned: FloatArray
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(N, 7) cosines and Euclidean distances of each image to its own turned views."""
    first, further = upright[:, None].astype(np.float64), turned.astype(np.float64)
    lengths = np.linalg.norm(first, axis=-1) * np.linalg.norm(further, axis=-1)
    cosines = (first * further).sum(-1) / lengths
    return cosines, np.linalg.norm(first - further, axis=-1)


def _pairwise(queries: FloatArray, gallery: FloatArray, metric: Metric) -> FloatArray:
    """(Q, G) distances."""
    points = as_points(np.concatenate([queries, gallery]), metric)
    return distances_to(points[: len(queries)], points[len(queries) :], metric)


def _precision(distances: FloatArray, labels: Sequence[str]) -> float | None:
    """P@N_R of N queries among N items in the same order, a query's own item left out."""
    classes, codes = np.unique(labels, return_inverse=True)
    codes = codes.reshape(-1)
    relevant: IntArray = np.bincount(codes)[codes] - 1
    if "" in labels or len(classes) < 2 or not relevant.any():
        return None
    ranked = distances.copy()
    np.fill_diagonal(ranked, np.inf)
    order = np.argsort(ranked, axis=1, kind="stable")
    shares = [
        (codes[row[:count]] == code).mean()
        for row, count, code in zip(order, relevant, codes, strict=True)
        if count
    ]
    return float(np.mean(shares))
