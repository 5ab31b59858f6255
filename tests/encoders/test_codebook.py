"""Codebooks and Fisher vectors against equations written out slowly."""

import math

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture

from georetrieve.encoders import codebook
from georetrieve.encoders.codebook import (
    Codebook,
    fit_codebook,
    fit_whitening,
    principal_axes,
)
from georetrieve.errors import EncoderError


def small_book(seed=0, gaussians=3, width=2):
    generator = torch.Generator().manual_seed(seed)
    weights = torch.rand(gaussians, generator=generator) + 0.2
    return Codebook(
        centre=torch.zeros(width),
        projection=torch.eye(width),
        weights=weights / weights.sum(),
        means=torch.randn(gaussians, width, generator=generator),
        variances=torch.rand(gaussians, width, generator=generator) + 0.3,
    )


def slow_fisher_vector(points, book):
    """Perronnin et al. (2010), section 2.1: one point, Gaussian and dimension at a time."""
    count, width = points.shape
    by_mean = np.zeros(book.means.shape)
    by_deviation = np.zeros(book.means.shape)
    weights, means, variances = (
        part.double().numpy() for part in (book.weights, book.means, book.variances)
    )
    for x in points:
        density = []
        for w, mean, variance in zip(weights, means, variances, strict=True):
            exponent = sum((x[d] - mean[d]) ** 2 / variance[d] for d in range(width))
            scale = math.prod(2 * math.pi * variance[d] for d in range(width))
            density.append(w * math.exp(-exponent / 2) / math.sqrt(scale))
        for k, share in enumerate(np.array(density) / sum(density)):
            for d in range(width):
                z = (x[d] - means[k, d]) / math.sqrt(variances[k, d])
                by_mean[k, d] += share * z / (count * math.sqrt(weights[k]))
                by_deviation[k, d] += share * (z**2 - 1) / (count * math.sqrt(2 * weights[k]))
    return np.concatenate([by_mean.ravel(), by_deviation.ravel()])


def test_fisher_vector_equals_the_equations():
    book = small_book()
    points = torch.randn(20, 2, generator=torch.Generator().manual_seed(1))
    expected = slow_fisher_vector(points.double().numpy(), book)
    np.testing.assert_allclose(book.fisher_vector(points).numpy(), expected, atol=1e-5)
    assert book.dim == expected.size == 12


def test_fisher_vector_of_one_gaussian_by_hand():
    """One standard Gaussian, points 1 and 3: by mean 2; by variance ((1-1) + (9-1)) / 2 / √2."""
    one = torch.ones(1, 1)
    book = Codebook(torch.zeros(1), one, torch.ones(1), torch.zeros(1, 1), one)
    vector = book.fisher_vector(torch.tensor([[1.0], [3.0]]))
    np.testing.assert_allclose(vector.numpy(), [2.0, 4 / math.sqrt(2)], rtol=1e-6)


def test_fisher_vector_of_the_data_a_mixture_was_fitted_to_is_near_zero():
    """The likelihood's gradient vanishes at its maximum."""
    points = torch.randn(4000, 3, generator=torch.Generator().manual_seed(0))
    points[::2] += 4
    book = fit_codebook(points, width=3, gaussians=2)
    assert book.fisher_vector(book.whiten(points)).abs().max() < 0.02


def test_whitened_descriptors_have_no_mean_and_unit_covariance():
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(500, 4, generator=generator) @ torch.randn(4, 4, generator=generator) + 7
    centre, projection = fit_whitening(rows, 4)
    white = (rows - centre) @ projection
    np.testing.assert_allclose(white.mean(dim=0), 0, atol=1e-3)
    np.testing.assert_allclose(white.T @ white / 500, np.eye(4), atol=1e-3)


def test_axes_are_the_same_whether_rows_are_many_or_few():
    rows = torch.randn(20, 30, generator=torch.Generator().manual_seed(0))
    rows *= torch.linspace(1, 3, 30)
    wide, mean_squares = principal_axes(rows, 5)
    tall, _ = principal_axes(torch.cat([rows, rows]), 5)
    np.testing.assert_allclose(tall, wide, atol=1e-3)
    _, singular, right = np.linalg.svd(rows.double().numpy())
    np.testing.assert_allclose(mean_squares, singular[:5] ** 2 / 20, rtol=1e-4)
    np.testing.assert_allclose(np.abs(right[:5] @ wide.double().numpy()), np.eye(5), atol=1e-4)


def test_rows_of_few_dimensions_give_few_axes():
    rows = torch.randn(50, 2, generator=torch.Generator().manual_seed(0)) @ torch.ones(2, 6)
    axes, values = principal_axes(rows, 4)
    assert axes.shape == (6, 1)
    assert values.shape == (1,)


def test_clusters_are_found():
    generator = torch.Generator().manual_seed(0)
    middles = torch.tensor([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0]])
    points = torch.cat([middle + torch.randn(500, 2, generator=generator) for middle in middles])
    book = fit_codebook(points, width=2, gaussians=3)
    expected = np.array(sorted(book.whiten(middles).tolist()))
    np.testing.assert_allclose(np.array(sorted(book.means.tolist())), expected, atol=0.1)
    np.testing.assert_allclose(book.weights, 1 / 3, atol=0.02)


def test_let_converge_it_is_as_likely_as_scikit_learns_mixture(monkeypatch):
    monkeypatch.setattr(codebook, "EM_TOLERANCE", 1e-5)
    generator = torch.Generator().manual_seed(3)
    points = torch.randn(3000, 4, generator=generator)
    points += torch.randint(0, 3, (3000, 1), generator=generator) * 3
    book = fit_codebook(points, width=4, gaussians=4)
    white = book.whiten(points).double().numpy()
    reference = GaussianMixture(4, covariance_type="diag", random_state=0).fit(white)
    theirs = reference.score(white)
    reference.weights_ = book.weights.double().numpy()
    reference.means_ = book.means.double().numpy()
    reference.covariances_ = book.variances.double().numpy()
    reference.precisions_cholesky_ = 1 / np.sqrt(reference.covariances_)
    assert reference.score(white) > theirs - 0.05


def test_the_same_points_and_seed_give_the_same_codebook():
    points = torch.randn(500, 3, generator=torch.Generator().manual_seed(0))
    one, other = (fit_codebook(points, width=3, gaussians=4, seed=5) for _ in range(2))
    assert all(torch.equal(getattr(one, part), getattr(other, part)) for part in Codebook.__slots__)


def test_too_few_points_are_refused():
    with pytest.raises(EncoderError, match=r"9 local descriptors are too few .* give more images"):
        fit_codebook(torch.zeros(9, 3), width=3, gaussians=1)


def test_points_that_are_all_alike_are_refused():
    with pytest.raises(EncoderError, match="cannot be told apart"):
        fit_codebook(torch.full((100, 3), 5.0), width=3, gaussians=2)
