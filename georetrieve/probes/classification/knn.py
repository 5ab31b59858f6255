"""Classification by the vote of the k nearest labelled items."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from georetrieve.errors import StoreError
from georetrieve.probes.classification.interface import check_labelled
from georetrieve.probes.classification.neighbours import Neighbours, find_neighbours
from georetrieve.probes.vote import VoteRule, vote, vote_weights
from georetrieve.types import FloatArray, IntArray, Metric

__all__ = ["KnnProbe"]


class KnnProbe:
    """Votes of nearest neighbours; for many k, find them once and vote with the first k.

    With softmax weights this is the rule of DINO (M. Caron et al., 2021, ``eval_knn.py``: cosines,
    T = 0.07, k from 10 to 200); with uniform or distance weights scikit-learn's
    ``KNeighborsClassifier``. Of classes with equal shares the first is called.

    Args:
        k: Neighbours that vote, ≥ 1; all labelled items where they are fewer.
        rule: What a neighbour's word weighs.
        metric: What neighbours are ranked by; softmax weights are made of cosines.
        balanced: Divide each word by the number of labelled items of its class, so that a class is
            not called for being frequent.

    Raises:
        StoreError: k < 1, or softmax weights of Euclidean distances.
    """

    def __init__(
        self,
        k: int = 20,
        rule: VoteRule | None = None,
        metric: Metric = "cosine",
        *,
        balanced: bool = False,
    ) -> None:
        if k < 1:
            raise StoreError(f"k = {k}: ask for at least one neighbour.")
        self.k, self.rule, self.metric, self.balanced = k, rule or VoteRule(), metric, balanced
        vote_weights(np.empty((0, 1), np.float32), metric, self.rule)  # refuses what does not fit
        self._vectors = np.empty((0, 0), np.float32)
        self._classes = np.empty(0, np.int64)
        self._sizes = np.empty(0, np.int64)

    @property
    def description(self) -> str:
        """See :class:`~georetrieve.probes.classification.interface.Probe`."""
        temperature = f", T = {self.rule.temperature:g}" if self.rule.weighting == "softmax" else ""
        balanced = ", class-balanced" if self.balanced else ""
        weights = f"{self.rule.weighting} weights{temperature}"
        return f"knn, k = {self.k}, {weights}, {self.metric}{balanced}"

    @property
    def n_classes(self) -> int:
        """C, of the fit."""
        return len(self._sizes)

    def fit(self, vectors: FloatArray, classes: IntArray, n_classes: int) -> KnnProbe:
        """See :class:`~georetrieve.probes.classification.interface.Probe`."""
        check_labelled(vectors, classes, n_classes)
        self._vectors, self._classes = vectors, classes
        self._sizes = np.bincount(classes, minlength=n_classes)
        return self

    def neighbours(self, queries: FloatArray, k: int | None = None) -> Neighbours:
        """The k nearest labelled items of (Q, D) queries, those that vote by default."""
        return find_neighbours(self._vectors, queries, k or self.k, self.metric)

    def weights(self, neighbours: Neighbours) -> npt.NDArray[np.float64]:
        """(Q, k) what each neighbour's word weighs, rows of sum 1."""
        weights = vote_weights(neighbours.scores, self.metric, self.rule)
        if not self.balanced:
            return weights
        # No neighbour has weight 0, whatever class place -1 stands for.
        weights /= self._sizes[self._classes[neighbours.places]]
        total = weights.sum(axis=1, keepdims=True)
        np.divide(weights, total, out=weights, where=total > 0)
        return weights

    def vote(self, neighbours: Neighbours) -> npt.NDArray[np.float64]:
        """(Q, C) shares of the classes, rows of sum 1; of 0 for a query without neighbours."""
        classes = self._classes[neighbours.places]
        return vote(self.weights(neighbours), classes, self.n_classes)

    def predict_proba(self, queries: FloatArray) -> npt.NDArray[np.float64]:
        """See :class:`~georetrieve.probes.classification.interface.Probe`."""
        return self.vote(self.neighbours(queries))
