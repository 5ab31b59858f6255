"""Axes learned from labels: what tells the classes apart counts, what does not hardly does."""

import numpy as np
import pytest
import torch

from georetrieve.probes.segmentation import scaling
from georetrieve.probes.segmentation.features import unit_length
from georetrieve.probes.segmentation.scaling import (
    LEARNED_TEMPERATURE,
    LIFT,
    FeatureScaling,
    learn_scaling,
)


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    """Enough for toy classes."""
    monkeypatch.setattr(scaling, "STEPS", 60)


def patches(count, seed=0, width=12):
    """Features of length 1: the first number tells the two classes apart, the second is loud."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 2, count)
    values = 0.02 * rng.normal(size=(count, width))
    values[:, 0] += 0.05 * (2 * classes - 1)
    values[:, 1] += 0.4 * rng.normal(size=count)
    values[:, -1] = 1
    return unit_length(values.astype(np.float32)), classes


def learn(features, classes, **options):
    shares = np.eye(2, dtype=np.float32)[classes]
    weights = options.pop("weights", np.ones(len(classes), np.float32))
    return learn_scaling(features, shares, weights, **options)


def right(vectors, classes, asked, wanted):
    """Share of patches whose nearest are of their class, by the vote that is learned for."""
    cosines = (asked @ vectors.T).astype(np.float64)
    weights = np.exp((cosines - cosines.max(axis=1, keepdims=True)) / LEARNED_TEMPERATURE)
    return ((weights @ classes / weights.sum(axis=1) > 0.5) == wanted).mean()


def test_what_tells_classes_apart_comes_to_count(monkeypatch):
    features, classes = patches(800)
    asked, wanted = patches(500, seed=1)
    learned = learn(features, classes)
    monkeypatch.setattr(scaling, "STEPS", 0)
    start = learn(features, classes)
    before = right(start(features), classes, start(asked), wanted)
    assert right(learned(features), classes, learned(asked), wanted) > max(0.9, before)


def test_the_same_labels_move_it_less_the_fewer_they_are(monkeypatch):
    features, classes = patches(24)
    few = learn(features, classes)
    many = learn(np.tile(features, (40, 1)), np.tile(classes, 40))
    monkeypatch.setattr(scaling, "STEPS", 0)
    start = learn(features, classes)
    assert np.linalg.norm(few.axes - start.axes) < 0.7 * np.linalg.norm(many.axes - start.axes)


def test_the_same_patches_give_the_same_axes():
    features, classes = patches(300)
    one, other = learn(features, classes), learn(features, classes)
    np.testing.assert_array_equal(one.axes, other.axes)
    assert np.abs(one.axes - learn(features, classes, seed=1).axes).max() > 0


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_few_patches_have_axes_too(count):
    features, classes = patches(count)
    vectors = learn(features, classes)(features)
    assert np.isfinite(vectors).all()


def test_patches_that_are_all_alike_have_axes_too():
    features = unit_length(np.ones((40, 6), np.float32))
    vectors = learn(features, np.arange(40) % 2)(features)
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)


def test_features_that_never_varied_are_not_blown_up():
    """Trained on grey, asked about colour: the new number moves a patch no more than the rest."""
    features, classes = patches(500)
    features[:, 5] = 0
    learned = learn(features, classes)
    rows = np.linalg.norm(learned.axes, axis=1)
    assert rows[5] <= rows.max()


def test_cosines_fall_with_the_squared_distance():
    """By hand: axes as they are, one patch at the centre, another 1 away: cos = 25 / √626."""
    plain = FeatureScaling(np.zeros(3, np.float32), np.eye(3, dtype=np.float32))
    vectors = plain(np.array([[0, 0, 0], [0, 1, 0]], np.float32))
    np.testing.assert_allclose(vectors[0], [0, 0, 0, 1])
    assert vectors[0] @ vectors[1] == pytest.approx(LIFT / np.sqrt(LIFT**2 + 1))
    weight = np.exp((vectors[0] @ vectors[1] - 1) / LEARNED_TEMPERATURE)
    assert weight == pytest.approx(np.exp(-1), rel=2e-3)


def test_views_add_up_to_the_whole():
    rng = np.random.default_rng(0)
    ppl, xpl = (unit_length(rng.normal(size=(7, 5)).astype(np.float32)) for _ in range(2))
    learned = FeatureScaling(
        rng.normal(size=10).astype(np.float32), rng.normal(size=(10, 3)).astype(np.float32)
    )
    joined = unit_length(np.concatenate([ppl, xpl], axis=1))
    parts = [view @ axes for view, axes in zip((ppl, xpl), learned.of_views(2), strict=True)]
    np.testing.assert_allclose(learned.lifted(parts), learned(joined), atol=1e-6)


def test_patches_that_stand_for_more_count_for_more():
    """Two groups disagree about the class of one place: the heavier group wins."""
    features = unit_length(np.tile(np.array([[1, 0, 1], [0, 1, 1]], np.float32), (50, 1)))
    classes = np.arange(100) % 2
    heavy = np.where(classes == 1, 5, 1).astype(np.float32)
    one = learn(features, classes, weights=np.ones(100, np.float32))
    other = learn(features, classes, weights=heavy)
    assert np.abs(one.axes - other.axes).max() > 0
    assert one.axes.shape[1] <= scaling.AXES


def test_the_written_out_derivatives_are_those_of_the_loss():
    torch.manual_seed(0)
    places = torch.randn(30, 3, dtype=torch.float64, requires_grad=True)
    labels = torch.softmax(torch.randn(30, 4, dtype=torch.float64), dim=1)
    weights = torch.rand(30, dtype=torch.float64) + 0.1
    apart = (places[:12, None] - places[None, 12:]).square().sum(dim=2)
    shares = torch.softmax(weights[12:].log() - apart, dim=1) @ labels[12:]
    losses = -(labels[:12] * (shares + scaling.LEAST_SHARE).log()).sum(dim=1)
    (wanted,) = torch.autograd.grad((losses * weights[:12]).sum() / weights[:12].sum(), places)
    room = (torch.empty(12, 18, dtype=torch.float64) for _ in range(2))
    found = scaling._Vote(*room).slope(places.detach(), labels, weights)
    torch.testing.assert_close(found, wanted)


def test_the_steps_are_those_of_torch():
    """torch.optim is the reference; it is not used for what its import takes."""
    values = torch.linspace(-1, 2, 6).requires_grad_()
    optimiser = torch.optim.Adam([values], lr=scaling.RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, scaling.STEPS)
    own = values.detach().clone()
    adam = scaling._Adam.of(own)
    for step in range(20):
        own -= adam.step(4 * own**3, scaling._falling(step))
        optimiser.zero_grad()
        values.pow(4).sum().backward()
        optimiser.step()
        schedule.step()
    torch.testing.assert_close(own, values.detach())


def test_how_many_threads_there_are_changes_nothing():
    features, classes = patches(300)
    threads = torch.get_num_threads()
    try:
        found = []
        for count in (1, 4):
            torch.set_num_threads(count)
            found.append(learn(features, classes).axes)
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_array_equal(*found)
