"""k is chosen by what classifies other groups best; groups are the unit."""

import numpy as np
import pytest

from georetrieve.probes.classification import left_out
from georetrieve.probes.classification.choose_k import choose_k
from georetrieve.probes.classification.knn import KnnProbe
from georetrieve.probes.classification.left_out import Units
from georetrieve.probes.vote import VoteRule

CANDIDATES = (1, 3, 9)


def probe():
    return KnnProbe(1, VoteRule("uniform"), "euclidean")


def slides_with_their_own_look():
    """Two classes on a line, 20 slides of 4 pictures each, one slide in four mislabelled-looking.

    The pictures of a slide are almost copies of each other. Within a slide the nearest is always
    right, so without groups k = 1 looks perfect. Across slides the nearest is another slide, and
    every fourth slide lies among those of the other class, where one neighbour misleads and the
    majority of nine does not.
    """
    vectors, classes, groups = [], [], []
    for side in (0, 1):
        for slide in range(10):
            strayed = slide % 4 == 1
            place = 100.0 * (side != strayed) + slide + 0.5 * side
            for picture in range(4):
                vectors.append([place + 0.001 * picture])
                classes.append(side)
                groups.append(f"slide {side}-{slide}")
    return np.array(vectors, np.float32), np.array(classes), groups


def test_groups_tell_what_single_items_hide():
    vectors, classes, groups = slides_with_their_own_look()
    alone = choose_k(probe(), vectors, classes, 2, [None] * 80, candidates=CANDIDATES)
    assert alone.k == 1
    assert alone.scores[1] == 1
    grouped = choose_k(probe(), vectors, classes, 2, groups, candidates=CANDIDATES)
    assert grouped.k == 9
    assert grouped.scores[9] > grouped.scores[1]
    assert "20 groups" in grouped.how
    assert "no two groups" in alone.how


def test_scores_by_hand():
    # 0 1 | 10 11 12: with one neighbour all are right; with three the class of two is outvoted.
    line = np.array([[0], [1], [10], [11], [12]], np.float32)
    chosen = choose_k(probe(), line, np.array([0, 0, 1, 1, 1]), 2, [None] * 5, candidates=(1, 3))
    assert chosen.scores == {1: 1, 3: 0.5}
    assert chosen.k == 1


def test_of_equal_values_the_smallest_is_taken():
    line = np.array([[0], [1], [2], [90], [91], [92]], np.float32)
    chosen = choose_k(probe(), line, np.repeat([0, 1], 3), 2, [None] * 6, candidates=(3, 1, 2))
    assert chosen.scores == {1: 1, 2: 1, 3: 1}
    assert chosen.k == 1


def test_values_beyond_the_labelled_items_are_passed_over():
    line = np.array([[0], [1], [9], [8]], np.float32)
    assert set(choose_k(probe(), line, np.array([0, 0, 1, 1]), 2, [None] * 4).scores) == {1, 3}


def test_classes_of_one_group_each_are_compared_item_by_item_and_that_is_said():
    line = np.array([[0], [1], [9], [8]], np.float32)
    chosen = choose_k(probe(), line, np.array([0, 0, 1, 1]), 2, ["a", "a", "b", "b"])
    assert chosen.scores[1] == 1
    assert "no class is in two groups" in chosen.how


@pytest.mark.parametrize("classes", [[0, 0, 0], [0, 1, 2], [0]])
def test_where_nothing_can_be_compared_k_is_one(classes):
    line = np.arange(len(classes), dtype=np.float32)[:, None]
    n_classes = len(set(classes))
    chosen = choose_k(probe(), line, np.array(classes), n_classes, [None] * len(classes))
    assert (chosen.k, dict(chosen.scores)) == (1, {})


def test_a_class_of_one_member_does_not_weigh():
    line = np.array([[0], [1], [9], [8], [50]], np.float32)
    chosen = choose_k(probe(), line, np.array([0, 0, 1, 1, 2]), 3, [None] * 5, candidates=(1,))
    assert chosen.scores == {1: 1}


def test_ten_thousand_classes_of_two(monkeypatch):
    monkeypatch.setattr(left_out, "LOOKED_UP", 600)  # of 20,000; the others only answer
    rng = np.random.default_rng(0)
    classes = np.repeat(np.arange(10_000), 2)
    vectors = rng.standard_normal((10_000, 8)).repeat(2, axis=0).astype(np.float32)
    vectors += 0.001 * rng.standard_normal(vectors.shape).astype(np.float32)
    chosen = choose_k(probe(), vectors, classes, 10_000, [None] * 20_000, candidates=(1, 3))
    assert "on 600 labelled items" in chosen.how
    assert chosen.scores[1] > 0.99


@pytest.mark.parametrize(
    ("groups", "codes", "known"),
    [
        (["b", "a", "b"], [1, 0, 1], 2),
        (["a", None, "b", ""], [0, 3, 1, 5], 2),
        (["a", "a", None], [0, 0, 3], 1),
        (["a", "a", "a"], [0, 1, 2], 0),
        ([None, "", None], [0, 1, 2], 0),
    ],
)
def test_units(groups, codes, known):
    units = Units.of(groups)
    assert units.codes.tolist() == codes
    assert units.groups == known
