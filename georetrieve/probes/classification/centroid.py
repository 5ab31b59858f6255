"""Classification by the nearest class mean."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from georetrieve.errors import StoreError
from georetrieve.probes.classification.interface import check_labelled
from georetrieve.probes.classification.pair_scores import pair_scores, unit_vectors
from georetrieve.probes.vote import VoteRule, vote_weights
from georetrieve.types import FloatArray, IntArray, Metric

__all__ = ["CentroidProbe"]


class CentroidProbe:
    """Each class has one word, that of its mean (T. Mensink et al., 2013, nearest class mean).

    Cosines are those to the mean of the class's vectors at length 1. What the words weigh says the
    rule of :class:`~georetrieve.probes.classification.knn.KnnProbe`, so that probabilities of the
    two can be compared.

    Args:
        rule: ``softmax`` or ``distance``.
        metric: ``cosine`` or ``euclidean``; softmax weights are made of cosines.

    Raises:
        StoreError: Uniform weights, or softmax weights of Euclidean distances.
    """

    def __init__(self, rule: VoteRule | None = None, metric: Metric = "cosine") -> None:
        self.rule, self.metric = rule or VoteRule(), metric
        if self.rule.weighting == "uniform":
            raise StoreError(
                "With uniform weights all class means weigh alike; use softmax or distance."
            )
        vote_weights(np.empty((0, 1), np.float32), metric, self.rule)  # refuses what does not fit
        self._means = np.empty((0, 0))
        self._present = np.empty(0, np.int64)
        self._n_classes = 0

    @property
    def description(self) -> str:
        """See :class:`~georetrieve.probes.classification.interface.Probe`."""
        return f"centroid, {self.rule.weighting} weights, {self.metric}"

    def fit(self, vectors: FloatArray, classes: IntArray, n_classes: int) -> CentroidProbe:
        """See :class:`~georetrieve.probes.classification.interface.Probe`.

        Raises:
            StoreError: As there, and for cosines if the vectors of a class cancel.
        """
        check_labelled(vectors, classes, n_classes)
        exact = unit_vectors(vectors) if self.metric == "cosine" else vectors.astype(np.float64)
        self._present, places = np.unique(classes, return_inverse=True)
        order = np.argsort(places, kind="stable")
        starts = np.searchsorted(places[order], np.arange(len(self._present)))
        sums = np.add.reduceat(exact[order], starts, axis=0)
        means = sums / np.bincount(places)[:, None]
        self._means = unit_vectors(means) if self.metric == "cosine" else means
        self._n_classes = n_classes
        return self

    def predict_proba(self, queries: FloatArray) -> npt.NDArray[np.float64]:
        """See :class:`~georetrieve.probes.classification.interface.Probe`."""
        scores = pair_scores(queries, self._means, self.metric)
        shares = np.zeros((len(queries), self._n_classes))
        shares[:, self._present] = vote_weights(scores, self.metric, self.rule)
        return shares
