import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, jaccard_score
from torchmetrics.classification import MulticlassJaccardIndex

from georetrieve.errors import StoreError
from georetrieve.metrics import segmentation
from georetrieve.metrics.segmentation import (
    ConfusionCounts,
    bootstrap_segmentation,
    drawing_at_random,
    segmentation_scores,
)

TRUTH = np.array([[0, 0, 0, 1], [1, 1, -1, 2]])
MAP = np.array([[0, 0, 1, 1], [1, 0, 0, 1]])
# Pairs counted: 0→0 twice, 0→1 once, 1→1 twice, 1→0 once, 2→1 once; one pixel is void.
COUNTS = [[2, 1, 0, 0], [1, 2, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]


def counted(truth, predicted, n_classes=4):
    counts = ConfusionCounts(n_classes)
    counts.update(truth, predicted)
    return counts


def test_pixels_are_counted_and_void_ones_are_not():
    counts = counted(TRUTH, MAP)
    assert counts.matrix.tolist() == COUNTS
    assert counts.void == 1


def test_bands_add_up_to_the_whole():
    whole = ConfusionCounts(4)
    for row in range(2):
        whole.update(TRUTH[row : row + 1], MAP[row : row + 1])
    assert whole.matrix.tolist() == COUNTS
    assert whole.void == 1


def test_scores_by_hand():
    scores = segmentation_scores(np.array(COUNTS))
    # Class 0: 2 of 2 + 1 + 1; class 1: 2 of 2 + 2 + 1; class 2: 0 of 1; class 3 is nowhere.
    np.testing.assert_allclose(scores.iou, [2 / 4, 2 / 5, 0, np.nan])
    np.testing.assert_allclose(scores.dice, [4 / 6, 4 / 7, 0, np.nan])
    np.testing.assert_allclose(scores.recall, [2 / 3, 2 / 3, 0, np.nan])
    np.testing.assert_allclose(scores.precision, [2 / 3, 2 / 4, np.nan, np.nan])
    assert scores.mean_iou == pytest.approx((0.5 + 0.4 + 0) / 3)
    assert scores.mean_dice == pytest.approx((2 / 3 + 4 / 7) / 3)
    assert scores.mean_recall == pytest.approx(4 / 9)
    assert scores.pixel_accuracy == pytest.approx(4 / 7)
    assert scores.frequency_weighted_iou == pytest.approx((3 * 0.5 + 3 * 0.4 + 0) / 7)


def test_a_class_of_the_map_alone_counts_as_missed():
    scores = segmentation_scores(counted(np.array([0, 0]), np.array([0, 1]), 3).matrix)
    np.testing.assert_allclose(scores.iou, [0.5, 0, np.nan])
    assert scores.mean_iou == pytest.approx(0.25)


def test_nothing_but_void_has_no_score():
    scores = segmentation_scores(counted(np.array([-1, -1]), np.array([0, 1])).matrix)
    assert np.isnan(scores.mean_iou)
    assert np.isnan(scores.pixel_accuracy)
    assert np.isnan(scores.iou).all()


def test_equal_to_scikit_learn_and_torchmetrics():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 5, (60, 70))
    predicted = np.where(rng.random(truth.shape) < 0.6, truth, rng.integers(0, 5, truth.shape))
    truth[truth == 3], predicted[predicted == 3] = 2, 4  # class 3 is nowhere
    truth[0, :10] = -1
    counts = counted(truth, predicted, 5)
    scores = segmentation_scores(counts.matrix)
    true, called = truth[truth >= 0], predicted[truth >= 0]
    np.testing.assert_array_equal(
        counts.matrix, confusion_matrix(true, called, labels=list(range(5)))
    )
    present = [0, 1, 2, 4]
    each = jaccard_score(true, called, labels=present, average=None)
    np.testing.assert_allclose(scores.iou[present], each, rtol=1e-12)
    assert scores.mean_iou == pytest.approx(each.mean(), rel=1e-12)
    judge = MulticlassJaccardIndex(num_classes=5, ignore_index=-1, average="macro")
    assert scores.mean_iou == pytest.approx(
        float(judge(torch.tensor(predicted), torch.tensor(truth))), rel=1e-6
    )


def test_many_maps_at_once_are_scored_as_one_by_one():
    rng = np.random.default_rng(1)
    many = rng.integers(0, 20, (7, 3, 3))
    together = segmentation_scores(many)
    for number, one in enumerate(many):
        np.testing.assert_allclose(together.iou[number], segmentation_scores(one).iou)
        assert together.mean_iou[number] == pytest.approx(segmentation_scores(one).mean_iou)


@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [
        (np.zeros((2, 3), int), np.zeros((3, 2), int), "not of the same pixels"),
        (np.array([4]), np.array([0]), "truth holds classes 4 to 4"),
        (np.array([0]), np.array([-1]), "map holds classes -1 to -1"),
    ],
)
def test_what_cannot_be_compared_is_refused(truth, predicted, message):
    with pytest.raises(StoreError, match=message):
        counted(truth, predicted)


def test_the_bootstrap_draws_whole_images():
    # One perfect image, one that is all wrong: a sample holds none, one or two of each.
    confusions = np.array([[[10, 0], [0, 10]], [[0, 10], [10, 0]]])
    drawn = bootstrap_segmentation(confusions, draws=200, seed=3)
    assert set(np.round(drawn.pixel_accuracy, 6)) == {0.0, 0.5, 1.0}
    assert set(np.round(drawn.mean_iou, 6)) == {0.0, 0.333333, 1.0}
    again = bootstrap_segmentation(confusions, draws=200, seed=3)
    np.testing.assert_array_equal(drawn.iou, again.iou)


def test_groups_are_drawn_whole():
    confusions = np.array([[[8, 0], [0, 0]], [[0, 8], [0, 0]]])
    drawn = bootstrap_segmentation(confusions, draws=50, clusters=np.array([5, 5]))
    np.testing.assert_allclose(drawn.pixel_accuracy, 0.5)


def test_a_bootstrap_of_many_classes_is_done_in_blocks(monkeypatch):
    rng = np.random.default_rng(2)
    confusions = rng.integers(0, 9, (4, 3, 3))
    whole = bootstrap_segmentation(confusions, draws=30)
    monkeypatch.setattr(segmentation, "_BLOCK_BYTES", 8 * 9 * 7)
    np.testing.assert_array_equal(
        whole.mean_iou, bootstrap_segmentation(confusions, draws=30).mean_iou
    )


def test_drawing_at_random_by_hand():
    expected = drawing_at_random(np.array([0.75, 0.25]), np.array([8, 4]))
    np.testing.assert_allclose(expected, [[6, 2], [3, 1]])
    # IoU of class 0: 6 of 8 + 3; of class 1: 1 of 4 + 2.
    np.testing.assert_allclose(segmentation_scores(expected).iou, [6 / 11, 1 / 6])
