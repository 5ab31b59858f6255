import numpy as np
import pytest
from sklearn import metrics as sk

from georetrieve.metrics.calls import CALL_SCORES, call_scores, log_losses

# Three of class 0, two of class 1, one of class 2; the last is called 3, which has no item.
TRUE = np.array([0, 0, 0, 1, 1, 2])
CALLED = np.array([0, 0, 1, 1, 0, 3])


def test_by_hand():
    scores = {name: float(value[0]) for name, value in call_scores(TRUE, CALLED, 5).items()}
    # Recalls 2/3, 1/2, 0; precisions 2/3, 1/2, 0, 0; F1 2/3, 1/2, 0, 0. Class 4 takes no part.
    assert scores == pytest.approx(
        {"balanced_accuracy": 7 / 18, "accuracy": 1 / 2, "mean_precision": 7 / 24, "f1": 7 / 24}
    )
    assert tuple(scores) == CALL_SCORES


def test_weights_are_counts():
    twice = np.array([[2.0, 1, 1, 1, 1, 0]])
    repeated = np.repeat(np.arange(6), twice[0].astype(int))
    weighted = call_scores(TRUE, CALLED, 5, twice)
    for name, value in call_scores(TRUE[repeated], CALLED[repeated], 5).items():
        assert weighted[name] == pytest.approx(value)


def test_nothing_drawn_has_no_score():
    assert all(np.isnan(v).all() for v in call_scores(TRUE, CALLED, 5, np.zeros((2, 6))).values())


@pytest.mark.parametrize("seed", range(4))
def test_equal_to_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    true, called = rng.integers(0, 7, 60), rng.integers(0, 9, 60)
    found = {name: value[0] for name, value in call_scores(true, called, 9).items()}
    options = {"average": "macro", "zero_division": 0}
    recalls = sk.recall_score(true, called, labels=np.unique(true), **options)
    assert found["balanced_accuracy"] == pytest.approx(recalls)
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(true, called))
    assert found["mean_precision"] == pytest.approx(sk.precision_score(true, called, **options))
    assert found["f1"] == pytest.approx(sk.f1_score(true, called, **options))


def test_log_loss_by_hand_and_as_scikit_learn():
    shares = np.array([[0.5, 0.5, 0.0], [0.25, 0.75, 0.0], [1.0, 0.0, 0.0]], np.float32)
    true = np.array([0, 1, 2])
    losses = log_losses(true, shares)
    assert losses[:2] == pytest.approx([np.log(2), -np.log(0.75)])
    assert losses.mean() == pytest.approx(sk.log_loss(true, shares, labels=[0, 1, 2]), abs=1e-6)
