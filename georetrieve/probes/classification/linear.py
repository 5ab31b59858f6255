"""Classification by balanced logistic regression."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from georetrieve.errors import StoreError
from georetrieve.probes.classification.interface import check_labelled
from georetrieve.types import FloatArray, IntArray

__all__ = ["LinearProbe"]

MAX_ITERATIONS = 10_000
MAX_SHARES = 1 << 27  # N × C numbers that the fit holds: 1 GiB


class LinearProbe:
    """scikit-learn's logistic regression, classes weighted by the inverse of their frequency.

    L2 penalty with C = 1, on the vectors as they are as in the SCAMPI benchmark
    (``run_evaluation.py``: ``max_iter=10000``, ``class_weight="balanced"``), or scaled.

    Args:
        seed: scikit-learn's ``random_state``.
        scaled: Divide all vectors by one number, so that their variance is 1 on average. The
            penalty then means the same whatever the length of an encoder's vectors; of length 1
            they are held back so much that all probabilities are alike.
    """

    def __init__(self, seed: int = 0, *, scaled: bool = False) -> None:
        self.seed, self.scaled = seed, scaled
        self._scale = np.float32(1)
        self._model: Any = None
        self._present = np.empty(0, np.int64)
        self._n_classes = 0

    @property
    def description(self) -> str:
        """See :class:`~georetrieve.probes.classification.interface.Probe`."""
        scaled = ", vectors scaled" if self.scaled else ""
        return f"linear, balanced logistic regression, C = 1{scaled}"

    def fit(self, vectors: FloatArray, classes: IntArray, n_classes: int) -> LinearProbe:
        """See :class:`~georetrieve.probes.classification.interface.Probe`.

        Raises:
            StoreError: As there, and if items times classes are more than memory should hold.
        """
        from sklearn.linear_model import LogisticRegression

        check_labelled(vectors, classes, n_classes)
        self._present, self._n_classes = np.unique(classes), n_classes
        if len(vectors) * len(self._present) > MAX_SHARES:
            raise StoreError(
                f"A linear probe of {len(vectors):,} items and {len(self._present):,} classes "
                "would need gigabytes; use the knn or the centroid probe."
            )
        spread = np.sqrt(vectors.var(axis=0, dtype=np.float64).mean()) if self.scaled else 1.0
        self._scale = np.float32(1 / spread if spread > 0 else 1)
        self._model = None
        if len(self._present) > 1:
            self._model = LogisticRegression(
                max_iter=MAX_ITERATIONS, class_weight="balanced", random_state=self.seed
            ).fit(vectors * self._scale, classes)
        return self

    def predict_proba(self, queries: FloatArray) -> npt.NDArray[np.float64]:
        """See :class:`~georetrieve.probes.classification.interface.Probe`; one class is certain."""
        shares = np.zeros((len(queries), self._n_classes))
        sure = self._model is None
        shares[:, self._present] = 1.0 if sure else self._model.predict_proba(queries * self._scale)
        return shares
