"""Percentages, areas and uncertainties, worked by hand."""

import math

import numpy as np
import pytest

from georetrieve.probes.segmentation.modal import ModalAnalysis, entropy, most_probable
from georetrieve.sources.masks.classes import ClassTable

TABLE = ClassTable.of_names(["pore", "quartz", "clay"], codes=[0, 10, 20])


def probabilities(*pixels):
    return np.array([pixels], np.float32)


def test_the_likeliest_class_wins_and_nothing_is_void():
    found = most_probable(probabilities([0.2, 0.5, 0.3], [0, 0, 0], [np.nan] * 3, [0.5, 0.5, 0]))
    assert found.tolist() == [[1, -1, -1, 0]]


def test_entropy_is_0_when_sure_and_1_for_a_guess():
    found = entropy(probabilities([1, 0, 0], [1 / 3] * 3, [0.5, 0.5, 0], [0, 0, 0]))[0]
    np.testing.assert_allclose(found, [0, 1, math.log(2) / math.log(3), 1], atol=1e-6)


def test_one_class_is_always_sure():
    assert entropy(np.ones((1, 2, 1), np.float32)).tolist() == [[0, 0]]


def test_percentages_areas_and_uncertainty_by_hand():
    modal = ModalAnalysis(TABLE, um_per_px=500)
    modal.update(np.array([[0, 0, 1]], np.int32), np.array([[0.1, 0.3, 0.5]], np.float32))
    modal.update(np.array([[0, -1, -1]], np.int32), np.array([[0.2, 1, 1]], np.float32))
    assert (modal.pixels, modal.void_pixels) == (6, 2)
    assert modal.uncertainty == pytest.approx(1.1 / 4)
    pore, quartz, clay = modal.shares
    assert (pore.name, pore.code, pore.pixels, pore.percent) == ("pore", 0, 3, 75)
    assert pore.area_mm2 == pytest.approx(0.75)  # 3 pixels of (0.5 mm)²
    assert pore.uncertainty == pytest.approx(0.2)
    assert (quartz.code, quartz.percent, quartz.uncertainty) == (10, 25, 0.5)
    assert (clay.pixels, clay.percent, clay.area_mm2) == (0, 0, 0)
    assert math.isnan(clay.uncertainty)


def test_areas_are_unknown_without_a_scale_and_a_void_map_has_no_percentages():
    modal = ModalAnalysis(TABLE)
    modal.update(np.full((2, 2), -1, np.int32), np.ones((2, 2), np.float32))
    assert [one.percent for one in modal.shares] == [0, 0, 0]
    assert modal.shares[0].area_mm2 is None
    assert math.isnan(modal.uncertainty)
