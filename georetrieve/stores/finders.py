"""Search through an index that proposes candidates: what is proposed is compared exactly.

An engine (FAISS, Lance) names a few candidates for each query by its own arithmetic. They are
scored again as :mod:`georetrieve.stores.exact` scores, so that every engine gives the same numbers
and the same order. Of an engine that looks at everything the answer is also proven: unless the last
candidate is farther than the k-th hit by more than both can be off, the query is not ``sure``, and
is for the exact kernel to answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from georetrieve.stores.exact import find_nearest, rounding_bound, settle
from georetrieve.stores.gallery import Directory, Gallery
from georetrieve.types import FloatArray, Hits, IntArray, Metric

__all__ = ["MARGIN", "Finder", "Proposal", "find_with", "propose"]

MAX_PROPOSED = 2048  # candidates of one query: what FAISS gives on a GPU
MARGIN = 32  # candidates beyond k by which an exact finder's answer is proven
MAX_PAIRS = 1 << 21  # candidates of all queries at once


class Finder(Protocol):
    """Names candidates for nearest neighbours."""

    @property
    def exact(self) -> bool:
        """Whether it looks at every vector."""
        ...

    def wanted(self, k: int) -> int:
        """Candidates to ask for, so that the k nearest are among them."""
        ...

    def find(
        self, queries: FloatArray, count: int, chosen: IntArray | None
    ) -> tuple[FloatArray, IntArray]:
        """The nearest of (Q, D) queries.

        Args:
            queries: Finite, not zero.
            count: Candidates a query.
            chosen: Places that may be found, rising; None for all.

        Returns:
            (Q, count) minus the squared Euclidean distance, or cosine, best first; and (Q, count)
            places, -1 where there is none.
        """
        ...

    def scale(self, queries: FloatArray, last: FloatArray) -> npt.NDArray[np.float64]:
        """(Q,) the products that were rounded, for the bound on their error; ``last``: see find."""
        ...


@dataclass(frozen=True, slots=True)
class Proposal:
    """Hits of Q queries.

    Attributes:
        ids: (Q, k).
        scores: (Q, k).
        asked: (Q,) whether the finder was asked at all.
        sure: (Q,) whether these are k hits, and, of an exact finder, the nearest.
    """

    ids: npt.NDArray[np.object_]
    scores: FloatArray
    asked: npt.NDArray[np.bool_]
    sure: npt.NDArray[np.bool_]


def find_with(
    finder: Finder,
    gallery: Gallery,
    directory: Directory,
    queries: FloatArray,
    k: int,
    metric: Metric,
    *,
    chosen: IntArray | None = None,
    exclude_groups: Sequence[str | None] | None = None,
    exclude_ids: Sequence[str | None] | None = None,
) -> Hits:
    """As :func:`~georetrieve.stores.exact.find_nearest`, through a finder where it can answer.

    The exact kernel answers the queries that the finder cannot: k is near N or above what it gives,
    too much is left out, or fewer than k were found.
    """
    found = propose(
        finder,
        gallery,
        directory,
        queries,
        k,
        metric,
        chosen=chosen,
        exclude_groups=exclude_groups,
        exclude_ids=exclude_ids,
    )
    rest = np.flatnonzero(~found.sure)
    if len(rest):
        hits = find_nearest(
            gallery,
            directory,
            queries[rest],
            k,
            metric,
            chosen=chosen,
            exclude_groups=_those(exclude_groups, rest),
            exclude_ids=_those(exclude_ids, rest),
        )
        found.ids[rest], found.scores[rest] = hits.ids, hits.scores
    return Hits(found.ids, found.scores, metric)


def _those(values: Sequence[str | None] | None, rows: IntArray) -> Sequence[str | None] | None:
    return None if values is None else [values[row] for row in rows.tolist()]


def propose(
    finder: Finder,
    gallery: Gallery,
    directory: Directory,
    queries: FloatArray,
    k: int,
    metric: Metric,
    *,
    chosen: IntArray | None = None,
    exclude_groups: Sequence[str | None] | None = None,
    exclude_ids: Sequence[str | None] | None = None,
) -> Proposal:
    """What a finder alone finds, scored exactly."""
    found = Proposal(
        np.full((len(queries), k), "", dtype=object),
        np.full((len(queries), k), -np.inf, np.float32),
        np.zeros(len(queries), bool),
        np.zeros(len(queries), bool),
    )
    reach = len(gallery) if chosen is None else len(chosen)
    exclusions = directory.exclusions(exclude_groups, exclude_ids)
    counts = np.broadcast_to(finder.wanted(k) + exclusions.counts(), len(queries))
    found.asked[:] = counts <= min(MAX_PROPOSED, reach - 1)
    asked = np.flatnonzero(found.asked)
    count = int(counts[asked].max(initial=1))
    step = max(1, MAX_PAIRS // count)
    for start in range(0, len(asked), step):
        part = asked[start : start + step]
        products, places = finder.find(queries[part], count, chosen)
        numbers, ranks = np.nonzero(places >= 0)
        candidates = places[numbers, ranks]
        kept = ~exclusions.left_out(part[numbers], candidates)
        ids, scores = found.ids[part], found.scores[part]
        settle(
            gallery, directory, queries[part], metric, numbers[kept], candidates[kept], ids, scores
        )
        sure = ids[:, -1] != ""
        if finder.exact:
            sure &= _proven(finder, queries[part], scores[:, -1], products[:, -1], metric)
        found.ids[part], found.scores[part], found.sure[part] = ids, scores, sure
    return found


def _proven(
    finder: Finder, queries: FloatArray, kth: FloatArray, last: FloatArray, metric: Metric
) -> npt.NDArray[np.bool_]:
    """(Q,) whether nothing that was not proposed can be as near as the k-th hit."""
    true_kth = kth.astype(np.float64)
    if metric == "euclidean":
        true_kth = -(true_kth**2)
    bound = 2 * rounding_bound(queries.shape[1]) * finder.scale(queries, last)
    proven: npt.NDArray[np.bool_] = true_kth - last > bound
    return proven
