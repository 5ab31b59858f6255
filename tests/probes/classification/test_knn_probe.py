"""The vote of neighbours against DINO's rule, scikit-learn and hand-worked numbers."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from georetrieve.errors import StoreError
from georetrieve.probes.classification.interface import share_blocks
from georetrieve.probes.classification.knn import KnnProbe
from georetrieve.probes.vote import VoteRule

UNIFORM, DISTANCE, SOFTMAX = VoteRule("uniform"), VoteRule("distance"), VoteRule("softmax", 0.07)


def made_up(count, classes, dim=16, seed=0):
    """Vectors around class centres, near enough to be confused, and their classes."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((classes, dim))
    labels = rng.integers(0, classes, count)
    return (centres[labels] + 1.2 * rng.standard_normal((count, dim))).astype(np.float32), labels


TRAIN, TRAIN_CLASSES = made_up(300, 7)
TEST, TEST_CLASSES = made_up(200, 7, seed=1)


def dino_shares(train, classes, test, k, temperature, n_classes):
    """The rule of Caron et al. (2021): w_i = exp(cosine_i / T), summed by class; not normalised."""
    train = torch.nn.functional.normalize(torch.from_numpy(train).double(), dim=1)
    test = torch.nn.functional.normalize(torch.from_numpy(test).double(), dim=1)
    cosines, places = (test @ train.T).topk(k, dim=1)
    words = torch.exp(cosines / temperature)
    shares = torch.zeros(len(test), n_classes, dtype=torch.double)
    return shares.scatter_add_(1, torch.from_numpy(classes)[places], words).numpy()


@pytest.mark.parametrize("k", [1, 5, 10, 20, 100, 200, 300])
def test_softmax_is_the_rule_of_dino(k):
    ours = KnnProbe(k, SOFTMAX).fit(TRAIN, TRAIN_CLASSES, 7).predict_proba(TEST)
    theirs = dino_shares(TRAIN, TRAIN_CLASSES, TEST, k, 0.07, 7)
    np.testing.assert_allclose(ours, theirs / theirs.sum(axis=1, keepdims=True), atol=1e-6)
    called, wanted = ours.argmax(axis=1), theirs.argmax(axis=1)
    np.testing.assert_array_equal(called, wanted)
    assert 0.5 < (called == TEST_CLASSES).mean() == (wanted == TEST_CLASSES).mean()


@pytest.mark.parametrize("k", [1, 3, 10, 50, 300])
@pytest.mark.parametrize("weighting", ["uniform", "distance"])
def test_uniform_and_distance_are_those_of_scikit_learn(weighting, k):
    ours = KnnProbe(k, VoteRule(weighting), "euclidean").fit(TRAIN, TRAIN_CLASSES, 7)
    theirs = KNeighborsClassifier(k, weights=weighting, algorithm="brute")
    theirs.fit(TRAIN, TRAIN_CLASSES)
    np.testing.assert_allclose(ours.predict_proba(TEST), theirs.predict_proba(TEST), atol=1e-6)
    called = ours.predict_proba(TEST).argmax(axis=1)
    np.testing.assert_array_equal(called, theirs.predict(TEST))
    assert (called == TEST_CLASSES).mean() == theirs.score(TEST, TEST_CLASSES)


@pytest.mark.parametrize("weighting", ["uniform", "distance"])
def test_ties_and_copies_as_scikit_learn(weighting):
    # Whole numbers: distances are exact, 0 for the copies, and many are equal. With k = N no tie
    # is cut, where the order of equal ones is nobody's rule.
    rng = np.random.default_rng(5)
    train = rng.integers(0, 3, (60, 3)).astype(np.float32)
    classes = rng.integers(0, 4, 60)
    ours = KnnProbe(60, VoteRule(weighting), "euclidean").fit(train, classes, 4)
    theirs = KNeighborsClassifier(60, weights=weighting, algorithm="brute").fit(train, classes)
    np.testing.assert_allclose(
        ours.predict_proba(train), theirs.predict_proba(train), rtol=1e-6, atol=1e-12
    )


@pytest.mark.parametrize("rule", [UNIFORM, DISTANCE, SOFTMAX], ids=lambda rule: rule.weighting)
@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("k", [1, 2, 13, 300, 5000])
def test_probabilities_sum_to_one_for_every_k(rule, balanced, k):
    probe = KnnProbe(k, rule, balanced=balanced).fit(TRAIN, TRAIN_CLASSES, 7)
    shares = probe.predict_proba(TEST)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-12)
    assert (shares >= 0).all()


def test_one_search_serves_every_k():
    probe = KnnProbe(50, SOFTMAX).fit(TRAIN, TRAIN_CLASSES, 7)
    found = probe.neighbours(TEST)
    for k in (1, 7, 50):
        alone = KnnProbe(k, SOFTMAX).fit(TRAIN, TRAIN_CLASSES, 7)
        np.testing.assert_array_equal(probe.vote(found.first(k)), alone.predict_proba(TEST))


def test_votes_by_hand():
    # On a line: distances of the query at 0 are 1, 2 and 4.
    line = np.array([[1], [-2], [4], [9]], np.float32)
    probe = KnnProbe(3, DISTANCE, "euclidean").fit(line, np.array([0, 1, 1, 2]), 3)
    np.testing.assert_allclose(
        probe.predict_proba(np.zeros((1, 1), np.float32)), [[4 / 7, 3 / 7, 0]]
    )


def test_balanced_votes_by_hand():
    # Of three neighbours two are of the class of four: 2/4 against 1/1.
    line = np.array([[1], [2], [3], [50], [60]], np.float32)
    classes = np.array([0, 0, 1, 0, 0])
    plain = KnnProbe(3, UNIFORM, "euclidean").fit(line, classes, 2)
    fair = KnnProbe(3, UNIFORM, "euclidean", balanced=True).fit(line, classes, 2)
    asked = np.zeros((1, 1), np.float32)
    np.testing.assert_allclose(plain.predict_proba(asked), [[2 / 3, 1 / 3]])
    np.testing.assert_allclose(fair.predict_proba(asked), [[1 / 3, 2 / 3]])


def test_one_labelled_item_decides_alone():
    probe = KnnProbe(20).fit(TRAIN[:1], np.array([3]), 5)
    np.testing.assert_array_equal(probe.predict_proba(TEST[:2]), [[0, 0, 0, 1, 0]] * 2)


def test_an_equal_vote_goes_to_the_first_class():
    line = np.array([[-1], [1]], np.float32)
    probe = KnnProbe(2, UNIFORM, "euclidean").fit(line, np.array([1, 0]), 2)
    np.testing.assert_array_equal(probe.predict_proba(np.zeros((1, 1), np.float32)), [[0.5, 0.5]])


def test_ten_thousand_classes_are_voted_on_in_blocks():
    blocks = list(share_blocks(5000, 10_000))
    assert [block.start for block in blocks] == list(range(0, 5000, 419))
    assert blocks[-1].stop == 5000
    assert max(block.stop - block.start for block in blocks) * 10_000 * 8 <= 1 << 25
    assert list(share_blocks(3, 1 << 30)) == [slice(0, 1), slice(1, 2), slice(2, 3)]
    assert list(share_blocks(0, 7)) == []


def test_what_cannot_be_asked():
    with pytest.raises(StoreError, match="k = 0"):
        KnnProbe(0)
    with pytest.raises(StoreError, match="cosine"):
        KnnProbe(3, SOFTMAX, "euclidean")
    with pytest.raises(StoreError, match="Nothing is labelled"):
        KnnProbe().fit(TRAIN[:0], TRAIN_CLASSES[:0], 7)
    with pytest.raises(StoreError, match="300 vectors have 299 labels"):
        KnnProbe().fit(TRAIN, TRAIN_CLASSES[1:], 7)
    with pytest.raises(StoreError, match=r"Class -1 is none of 0\.\.6"):
        KnnProbe().fit(TRAIN, np.full(300, -1), 7)


def test_a_probe_says_what_it_is():
    assert KnnProbe(5).description == "knn, k = 5, softmax weights, T = 0.07, cosine"
    probe = KnnProbe(3, DISTANCE, "euclidean", balanced=True)
    assert probe.description == "knn, k = 3, distance weights, euclidean, class-balanced"
