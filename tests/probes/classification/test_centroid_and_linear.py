"""Nearest class mean by hand; logistic regression as scikit-learn's."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from georetrieve.errors import StoreError
from georetrieve.probes.classification import linear
from georetrieve.probes.classification.centroid import CentroidProbe
from georetrieve.probes.classification.linear import LinearProbe
from georetrieve.probes.vote import VoteRule

RNG = np.random.default_rng(0)
CLASSES = np.repeat([0, 1, 3], [30, 12, 5])  # of class 2 nothing is labelled
VECTORS = (RNG.standard_normal((47, 6)) + 4 * np.eye(6)[CLASSES]).astype(np.float32)
ASKED = RNG.standard_normal((9, 6)).astype(np.float32)


def test_class_means_by_hand():
    # Means at 2 and -6; from 0 their inverses are 1/2 and 1/6: three to one.
    line = np.array([[1], [3], [-6]], np.float32)
    probe = CentroidProbe(VoteRule("distance"), "euclidean").fit(line, np.array([0, 0, 1]), 2)
    shares = probe.predict_proba(np.zeros((1, 1), np.float32))
    np.testing.assert_allclose(shares, [[0.75, 0.25]])


def test_cosines_to_class_means_by_hand():
    # Lengths do not matter: the mean of (9, 0) and (0, 1) points along the diagonal.
    plane = np.array([[9, 0], [0, 1], [-4, 0]], np.float32)
    probe = CentroidProbe(VoteRule("softmax", 0.5)).fit(plane, np.array([1, 1, 0]), 2)
    shares = probe.predict_proba(np.array([[3, 3]], np.float32))
    words = np.exp([-(0.5**0.5) / 0.5, 1 / 0.5])
    np.testing.assert_allclose(shares, [words / words.sum()], rtol=1e-6)


@pytest.mark.parametrize(
    "probe",
    [
        CentroidProbe(),
        CentroidProbe(VoteRule("distance"), "euclidean"),
        LinearProbe(),
        LinearProbe(scaled=True),
    ],
    ids=lambda probe: probe.description,
)
def test_shares_sum_to_one_and_a_class_of_nothing_has_none(probe):
    shares = probe.fit(VECTORS, CLASSES, 5).predict_proba(ASKED)
    assert shares.shape == (9, 5)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    np.testing.assert_array_equal(shares[:, [2, 4]], 0)
    right = probe.predict_proba(VECTORS).argmax(axis=1) == CLASSES
    assert right.mean() > 0.8


@pytest.mark.parametrize("probe", [CentroidProbe(), LinearProbe()])
def test_one_class_is_certain_and_one_item_enough(probe):
    np.testing.assert_array_equal(
        probe.fit(VECTORS[:1], np.array([1]), 2).predict_proba(ASKED), [[0, 1]] * 9
    )


def test_the_linear_probe_is_that_of_the_scampi_benchmark():
    model = LogisticRegression(max_iter=10000, class_weight="balanced", random_state=3)
    model.fit(VECTORS, CLASSES)
    shares = LinearProbe(seed=3).fit(VECTORS, CLASSES, 4).predict_proba(ASKED)
    np.testing.assert_array_equal(shares[:, [0, 1, 3]], model.predict_proba(ASKED))


def test_a_scaled_linear_probe_does_not_mind_the_unit():
    one = LinearProbe(scaled=True).fit(VECTORS, CLASSES, 4).predict_proba(ASKED)
    other = LinearProbe(scaled=True).fit(VECTORS / 64, CLASSES, 4).predict_proba(ASKED / 64)
    np.testing.assert_allclose(one, other, atol=1e-6)
    plain = LinearProbe().fit(VECTORS / 64, CLASSES, 4).predict_proba(ASKED / 64)
    assert np.ptp(plain, axis=1).max() < np.ptp(one, axis=1).max()


def test_a_linear_probe_too_large_for_memory_is_refused(monkeypatch):
    monkeypatch.setattr(linear, "MAX_SHARES", 100)
    with pytest.raises(StoreError, match=r"47 items and 3 classes.*knn or the centroid"):
        LinearProbe().fit(VECTORS, CLASSES, 4)


def test_uniform_class_means_are_refused():
    with pytest.raises(StoreError, match="all class means weigh alike"):
        CentroidProbe(VoteRule("uniform"))
