"""Boxes found against boxes that are there: worked by hand."""

import numpy as np
import pytest

from georetrieve.metrics.detection import box_iou, match_boxes
from georetrieve.types import Region


def test_overlap_by_hand():
    one = [Region(0, 0, 10, 10)]
    other = [Region(0, 0, 10, 10), Region(5, 0, 10, 10), Region(10, 0, 10, 10), Region(2, 2, 5, 5)]
    # 100/100, 50/150, edges only, 25/100.
    assert box_iou(one, other)[0] == pytest.approx([1, 1 / 3, 0, 0.25])


def test_each_box_is_matched_once_and_the_best_first():
    truth = [Region(0, 0, 10, 10)]
    found = [Region(1, 0, 10, 10), Region(0, 0, 10, 10)]
    match = match_boxes(found, truth)
    assert match.pairs == ((1, 0),)
    assert (match.precision, match.recall) == (0.5, 1.0)
    assert match.f1 == pytest.approx(2 / 3)


def test_a_threshold_is_met_when_equalled():
    found, truth = [Region(0, 0, 10, 10)], [Region(0, 0, 10, 20)]
    assert match_boxes(found, truth, iou=0.5).recall == 1.0
    assert match_boxes(found, truth, iou=0.51).recall == 0.0


def test_nothing_found_and_nothing_there():
    box = [Region(0, 0, 4, 4)]
    assert (match_boxes([], box).precision, match_boxes([], box).recall) == (1.0, 0.0)
    assert (match_boxes(box, []).precision, match_boxes(box, []).recall) == (0.0, 1.0)
    assert match_boxes([], []).f1 == 1.0
    assert box_iou([], box).shape == (0, 1)


def test_matching_does_not_depend_on_order():
    rng = np.random.default_rng(0)
    boxes = [Region(int(x), int(y), 30, 20) for x, y in rng.integers(0, 400, (40, 2))]
    moved = [Region(b.x + 3, b.y + 2, 30, 20) for b in boxes]
    turn = rng.permutation(40)
    one, other = match_boxes(moved, boxes), match_boxes([moved[i] for i in turn], boxes)
    assert len(one.pairs) == len(other.pairs)
