"""Far is measured by how far labelled items are from labelled items of other groups."""

import numpy as np
import pytest

from georetrieve.probes.classification.far import LabelledDistances
from georetrieve.probes.classification.left_out import Units, find_left_out


def distances(points, groups=None):
    line = np.array(points, np.float32)[:, None]
    units = Units.of(groups) if groups else Units.single(len(line))
    return LabelledDistances(find_left_out(line, units, 1, "euclidean"))


def test_percentiles_by_hand():
    ordinary = distances([0, 1, 3, 6])  # nearest others: 1, 1, 2, 3
    found = ordinary.percentiles(np.array([0, 1, 1.5, 2.5, 3, 3.1], np.float32))
    np.testing.assert_array_equal(found, [0, 0, 50, 75, 75, 100])


def test_the_own_group_is_no_measure():
    points, groups = [0, 0.5, 10, 10.5], ["a", "a", "b", "b"]
    # Singly the nearest is 0.5 away; of the other group 9.5, 10 or 10.
    assert distances(points).percentiles(np.float32([9]))[0] == 100
    assert distances(points, groups).percentiles(np.float32([9]))[0] == 0


def test_few_labels_are_said():
    assert "flagged once in 5" in distances([0, 1, 3, 6]).remark(99)
    assert "flagged once in 100" in distances(range(99)).remark(99)
    assert distances(range(100)).remark(99) == ""
    assert distances(range(10)).remark(90) == ""


@pytest.mark.parametrize("points", [[], [4]])
def test_without_two_labelled_items_nothing_is_known(points):
    line = np.array(points, np.float32).reshape(-1, 1)
    ordinary = LabelledDistances(find_left_out(line, Units.single(len(line)), 1, "euclidean"))
    assert np.isnan(ordinary.percentiles(np.float32([1, 2]))).all()
    assert "unknown" in ordinary.remark(99)
