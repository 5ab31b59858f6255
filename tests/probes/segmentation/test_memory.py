"""What of labelled images is remembered: by hand, by rule, and as Hummingbird has it."""

import numpy as np
import pytest
import torch
from dense_fakes import ArrayTruth
from hypothesis import given, settings
from hypothesis import strategies as st

from georetrieve.errors import SourceError
from georetrieve.probes.segmentation import memory
from georetrieve.probes.segmentation.features import CellGrid
from georetrieve.probes.segmentation.memory import cell_shares, choose_cells
from georetrieve.probes.segmentation.settings import PatchSettings


def shares_of(labels, grid, n_classes=2, **options):
    parts = list(cell_shares(ArrayTruth(labels), grid, n_classes, **options))
    cells, shares = (np.concatenate(part) for part in zip(*parts, strict=True))
    return dict(zip(cells.tolist(), shares.tolist(), strict=True))


def test_shares_are_those_of_the_labelled_pixels():
    labels = [[0, 0, 0, 1, -1, -1], [0, 1, -1, -1, -1, -1]]
    grid = CellGrid(3, 1, (2, 2))
    assert shares_of(labels, grid) == {0: [0.75, 0.25], 1: [0.5, 0.5]}
    assert shares_of(labels, grid, min_labelled=0.6) == {0: [0.75, 0.25]}


def test_a_patch_at_the_edge_counts_its_real_pixels_alone():
    """Three pixels across and down in patches of 2: the last patch has one real pixel."""
    labels = [[0, 0, 1], [0, 0, 1], [1, 1, 0]]
    wanted = {0: [1, 0], 1: [0, 1], 2: [0, 1], 3: [1, 0]}
    assert shares_of(labels, CellGrid(2, 2, (2, 2)), min_labelled=1.0) == wanted


def test_cells_of_parts_of_pixels_take_the_pixels_whose_middle_they_hold():
    """Cells of 1.5 px: pixel middles at ½ and 1½, 2½ lie in cells 0, 1, 1."""
    assert shares_of([[0, 1, 0]], CellGrid(2, 1, (1.5, 1))) == {0: [1, 0], 1: [0.5, 0.5]}
    # Cells of half a pixel: every second one holds the middle of one.
    assert shares_of([[0, 1]], CellGrid(4, 1, (0.5, 1))) == {1: [1, 0], 3: [0, 1]}


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_strips_change_nothing(width, height, side, strip):
    labels = np.random.default_rng(width * height).integers(-1, 3, (height, width))
    grid = CellGrid(-(-width // side), -(-height // side), (side, side))
    whole = list(cell_shares(ArrayTruth(labels), grid, 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "STRIP_PIXELS", strip)
        parts = list(cell_shares(ArrayTruth(labels), grid, 3))
    for one, other in zip(zip(*whole, strict=True), zip(*parts, strict=True), strict=True):
        np.testing.assert_array_equal(np.concatenate(one), np.concatenate(other))


def choose(labels, side=1, n_classes=2, **options):
    truths = [ArrayTruth(one) for one in labels]
    grids = [CellGrid(-(-t.size[0] // side), -(-t.size[1] // side), (side, side)) for t in truths]
    return choose_cells(truths, grids, n_classes, PatchSettings(**options))


@pytest.mark.parametrize("sampling", ["balanced", "hummingbird"])
def test_everything_is_kept_where_it_fits(sampling):
    chosen = choose([[[0, 1], [-1, 0]], [[1]]], memory_size=6, sampling=sampling)
    assert chosen.fields.tolist() == [0, 0, 0, 1]
    assert chosen.cells.tolist() == [0, 1, 3, 0]
    assert chosen.shares.tolist() == [[1, 0], [0, 1], [1, 0], [0, 1]]


def test_balanced_keeps_rare_classes_rather():
    """One cell in a hundred is of class 1: by the root of that, one in eleven of what is kept."""
    labels = np.zeros((100, 100), int)
    labels[0] = 1
    kept = sum(choose([labels], memory_size=110, seed=seed).shares.sum(axis=0) for seed in range(9))
    assert kept.sum() == 9 * 110
    assert 70 <= kept[1] <= 110


def test_what_is_kept_stands_for_what_is_not():
    """The weighted share of a class is its share of all, whatever was kept of it."""
    labels = np.zeros((100, 100), int)
    labels[0] = 1
    found = []
    for seed in range(20):
        chosen = choose([labels], memory_size=400, seed=seed)
        assert chosen.weights.mean() == pytest.approx(1, rel=1e-5)
        found.append(chosen.weights @ chosen.shares / chosen.weights.sum())
    np.testing.assert_allclose(np.mean(found, axis=0), [0.99, 0.01], atol=1e-3)


def test_where_all_are_kept_they_weigh_alike():
    chosen = choose([np.arange(6).reshape(2, 3) % 2], memory_size=6)
    np.testing.assert_array_equal(chosen.weights, 1)


def test_a_class_of_one_cell_is_kept_where_there_is_room():
    labels = np.zeros((50, 50), int)
    labels[7, 9] = 1
    for seed in range(8):
        assert choose([labels, labels * 0], memory_size=700, seed=seed).shares[:, 1].sum() == 1


def test_a_memory_smaller_than_the_number_of_classes():
    chosen = choose([np.arange(9).reshape(3, 3)], n_classes=9, memory_size=2)
    assert chosen.shares.shape == (2, 9)


def test_hummingbird_takes_as_many_of_each_image():
    labels = [np.zeros((20, 20), int), np.zeros((2, 2), int), np.full((4, 4), -1)]
    chosen = choose(labels, memory_size=30, sampling="hummingbird")
    assert np.bincount(chosen.fields).tolist() == [10, 4]


def test_hummingbird_takes_what_its_formula_says():
    """Its published rule, written again in PyTorch, with the same random numbers."""
    rng = np.random.default_rng(0)
    labels = [rng.choice(3, (12, 16), p=[0.9, 0.08, 0.02]) for _ in range(3)]
    torch.manual_seed(3)
    wanted = [hummingbird_choice(torch.tensor(one), side=2, count=7) for one in labels]
    torch.manual_seed(3)
    truths = [ArrayTruth(one) for one in labels]
    chosen = choose_cells(
        truths,
        [CellGrid(8, 6, (2, 2))] * 3,
        3,
        PatchSettings(memory_size=21, sampling="hummingbird"),
        lambda count: torch.rand(count).numpy(),
    )
    for number, (cells, shares) in enumerate(wanted):
        here = chosen.fields == number
        np.testing.assert_array_equal(chosen.cells[here], cells)
        np.testing.assert_allclose(chosen.shares[here], shares, atol=1e-6)


def hummingbird_choice(labels, side, count):
    """Σ over the classes of a patch of the number of patches they are in, times U; the smallest."""
    patches = labels.unfold(0, side, side).unfold(1, side, side).reshape(-1, side * side)
    shares = torch.stack([(patches == c).float().mean(1) for c in range(3)], 1)
    in_patch = (shares > 0).float()
    score = (in_patch * in_patch.sum(0)).sum(1) * torch.rand(len(patches))
    cells = score.topk(count, largest=False).indices.sort().values
    return cells, shares[cells]


def test_void_alone_is_refused():
    with pytest.raises(SourceError, match="No pixel of the given images is labelled"):
        choose([[[-1, -1]]])
